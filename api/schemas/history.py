"""The JSON of history and changes."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.schemas.units import (
    Count,
    From,
    Hours,
    Milliseconds,
    OutcomeWord,
    Percent,
    StatusWord,
    Timestamp,
)


class HistoryPoint(Struct, frozen=True):
    """One check."""

    timestamp: Annotated[Timestamp, From("at")]
    status: StatusWord
    outcome: Annotated[OutcomeWord, From("kind")]
    response_time_ms: Milliseconds | None
    error_message: Annotated[str, Meta(description="Why it failed; empty if it did not.")]


class BucketLatency(Struct, frozen=True):
    """Successful checks of one bucket."""

    min: Milliseconds | None = None
    avg: Milliseconds | None = None
    p50: Milliseconds | None = None
    p95: Milliseconds | None = None
    max: Milliseconds | None = None


class Bucket(Struct, frozen=True):
    """The checks of one period; ``timestamp`` is its start."""

    timestamp: Annotated[Timestamp, From("at")]
    checks: Count
    failures: Count
    uptime_percent: Percent | None
    latency_ms: Annotated[BucketLatency, From("latency")]


class RawHistory(Struct, frozen=True):
    """One point per check, oldest first."""

    hours: Hours
    resolution_seconds: None
    providers: dict[str, list[HistoryPoint]]


class BucketHistory(Struct, frozen=True):
    """One point a stretch of ``resolution_seconds``, oldest first; empty ones are absent."""

    hours: Hours
    resolution_seconds: Annotated[float, Meta(gt=0.0)]
    providers: dict[str, list[Bucket]]


class HubAnswer(Struct, frozen=True):
    """Whether the cluster's hub answered; ``reason``: why not."""

    up: bool
    reason: str


class LongHistory(Struct, frozen=True):
    """One point a stretch of ``resolution_seconds``, oldest first; empty ones are absent."""

    days: Annotated[int, Meta(ge=1, le=90)]
    resolution_seconds: Annotated[int, Meta(gt=0)]
    hub: HubAnswer
    providers: dict[str, list[Bucket]]


class Change(Struct, frozen=True):
    """A recorded change; null where there was nothing."""

    timestamp: Annotated[Timestamp, From("at")]
    kind: Literal["status", "best", "offer", "incident", "model"]
    provider_name: Annotated[str | None, From("provider")]
    before: str | None
    after: str | None
    reason: str


class Changes(Struct, frozen=True):
    """Oldest first."""

    hours: Hours
    changes: list[Change]


Moment = Annotated[
    str,
    Meta(
        description="RFC 3339, or a date; UTC if no zone is given.",
        examples=["2026-03-01T12:00:00Z"],
    ),
]


class HistoryQuery(Struct):
    hours: Annotated[Hours, Meta(description="How far back from until; not beside since.")] = 24
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    format: Literal["json", "csv"] = "json"
    resolution: Annotated[
        Literal["raw"] | Annotated[int, Meta(ge=1, le=604_800)] | UnsetType,
        Meta(description="raw: one point per check; a number: buckets of that many seconds."),
    ] = UNSET
    model: Annotated[str, Meta(description="Checks of this offer.")] | UnsetType = UNSET


class ChangesQuery(Struct):
    hours: Annotated[Hours, Meta(description="How far back from until; not beside since.")] = 24
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    format: Literal["json", "csv"] = "json"
    limit: Annotated[
        int, Meta(ge=1, le=10_000, description="The most to return; the newest are kept.")
    ] = 500
    provider: Annotated[str, Meta(description="Only changes of this provider.")] | UnsetType = UNSET


class LongHistoryQuery(Struct):
    days: Annotated[int, Meta(ge=1, le=90, description="How far back.")] = 30
    format: Literal["json", "csv"] = "json"
