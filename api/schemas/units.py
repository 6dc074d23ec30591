"""The kinds of numbers and words on the wire, with their limits and units (CONTRACT, section 1)."""

from typing import Annotated, Literal

from msgspec import Meta

Percent = Annotated[float, Meta(ge=0.0, le=100.0, description="Percent, two decimals")]
Milliseconds = Annotated[float, Meta(ge=0.0, description="Milliseconds, one decimal")]
Count = Annotated[int, Meta(ge=0)]
Hours = Annotated[int, Meta(ge=1, le=168)]
Timestamp = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds",
        examples=["2026-01-01T12:00:00.000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
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
