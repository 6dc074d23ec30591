"""Types of numbers and strings in the JSON, with limits and units (contract, section 1)."""

from typing import Annotated, Literal

import attrs
from msgspec import Meta


@attrs.frozen
class From:
    """The dotted attribute a field is converted from, if its name differs."""

    path: str


@attrs.frozen
class Decimals:
    """The number of decimals to which a number is rounded in the JSON."""

    digits: int


@attrs.frozen
class Instant:
    """A point in time, written as an RFC 3339 timestamp."""


Percent = Annotated[float, Meta(ge=0.0, le=100.0, description="Percent, two decimals"), Decimals(2)]
Milliseconds = Annotated[float, Meta(ge=0.0, description="Milliseconds, one decimal"), Decimals(1)]
TokensPerSecond = Annotated[float, Meta(ge=0.0), Decimals(1)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0), Decimals(4)]
Share = Annotated[float, Meta(ge=0.0, le=1.0), Decimals(8)]
Count = Annotated[int, Meta(ge=0)]
Hours = Annotated[int, Meta(ge=1, le=168)]
Timestamp = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds",
        examples=["2026-01-01T12:00:00.000Z"],
        extra_json_schema={"format": "date-time"},
    ),
    Instant(),
]
EvidenceWord = Literal["offer", "provider"]
StatusWord = Literal["healthy", "degraded", "down", "unknown"]
OutcomeWord = Literal[
    "ok",
    "slow",
    "rate_limited",
    "quota_exhausted",
    "auth",
    "timeout",
    "dns",
    "connect",
    "tls",
    "server",
    "overloaded",
    "blocked",
    "not_found",
    "bad_response",
    "request",
    "internal",
]
