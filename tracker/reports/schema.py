"""The JSON of a batch of reports. Unknown fields are refused by name."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Raw, Struct

MOST_REPORTS = 1_000
MOST_BYTES = 1_000_000
NAME_LENGTH = 200  # characters: the longest model id known has 90

Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH)]
# A day: longer than any call, and small enough for exact sums.
Latency = Annotated[float, Meta(ge=0.0, le=86_400_000.0)]
Word = Annotated[str, Meta(max_length=2_000)]


class ReportedError(Struct, frozen=True, forbid_unknown_fields=True):
    """The error as the proxy saw it: the provider's own words, or its client library's."""

    type: Word | None = None
    code: Word | int | None = None
    message: Annotated[str, Meta(max_length=20_000)] | None = None


class CallReport(Struct, frozen=True, forbid_unknown_fields=True):
    """One attempt of a real call. Give one of outcome, http_status and error, or the last two.

    key: the number of the key, never the key. limits: headers of the answer about rate limits.
    """

    id: Name
    at: Annotated[datetime, Meta(tz=True)]
    provider: Name
    model: Name | None = None
    key: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    outcome: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    http_status: Annotated[int, Meta(ge=100, le=599)] | None = None
    error: ReportedError | None = None
    latency_ms: Latency | None = None
    ttft_ms: Latency | None = None
    output_tokens: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    limits: dict[str, str | int | float] | None = None


class ReportId(Struct, frozen=True):
    """The part of a refused report that is read."""

    id: str = ""


class ReportBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of one POST, as documented; ``RawBatch`` is used for parsing."""

    reporter: Name
    reports: Annotated[list[CallReport], Meta(max_length=MOST_REPORTS)]


class RawBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch with unparsed reports, so that one bad report does not invalidate the others."""

    reporter: Name
    reports: list[Raw]
