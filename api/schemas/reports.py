"""The JSON about reports of real calls: the receipt, and traffic now and in the past."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.schemas.units import Count, Decimals, From, Hours, Milliseconds, Percent, Timestamp

Rate = Annotated[float, Meta(ge=0.0, description="Tokens a second, one decimal"), Decimals(1)]


class RefusedReport(Struct, frozen=True):
    """A report that was not accepted; ``id`` is empty if it could not be read."""

    id: str
    reason: str


class Receipt(Struct, frozen=True):
    """The result of a batch.

    ``neutral``: accepted ones that only count as calls. ``send_every_seconds``: how often to send.
    """

    accepted: Count
    neutral: Count
    refused: list[RefusedReport]
    send_every_seconds: Annotated[float, Meta(gt=0.0)]


class TooManyReports(Struct, frozen=True):
    """An error (RFC 9457): too many reports for now. Nothing of the batch was accepted."""

    title: str
    status: Annotated[int, Meta(ge=429, le=429)]
    detail: str
    send_every_seconds: Annotated[float, Meta(gt=0.0)]


class TrafficPoint(Struct, frozen=True):
    """Real calls in one period. ``counted``: for health; latencies are of successful ones."""

    timestamp: Annotated[Timestamp, From("at")]
    calls: Count
    counted: Count
    failures: Count
    failure_percent: Percent | None
    latency_p50_ms: Milliseconds | None
    latency_p95_ms: Milliseconds | None
    ttft_ms: Milliseconds | None
    tokens_per_second: Rate | None


class TrafficHistory(Struct, frozen=True):
    """One point a stretch of ``resolution_seconds``, oldest first; empty ones are absent."""

    hours: Hours
    resolution_seconds: Annotated[int, Meta(ge=60)]
    providers: dict[str, list[TrafficPoint]]


class TrafficQuery(Struct):
    hours: Hours = 24
    resolution: (
        Annotated[int, Meta(ge=60, le=604_800, description="Seconds per point.")] | UnsetType
    ) = UNSET
