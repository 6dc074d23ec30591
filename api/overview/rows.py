"""One provider as a row of the dashboard's list: an array of about 120 bytes.

The page draws every provider from these alone, and requests the whole document only of the one
that is opened. ``FIELDS`` names the positions, so page and server share one list.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus, RateLimit
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.traffic import TrafficEvidence


class Row(Struct, array_like=True, frozen=True):
    """What the list shows about a provider. Times are whole seconds since 1970.

    reason: empty when the other fields say it all: a successful check, or consecutive failures.
    limit: None when nothing is known. cost: the expected time used for ranking, None while
    unusable. traffic: calls, counted calls, failures and latency of the last five minutes.
    vantages: name, status and whether it is suspect, ours first; cluster: their common status.
    """

    name: str
    status: str
    since: int | None
    usable: bool
    stale: bool
    enabled: bool
    response: float | None
    p95: float | None
    hour: float | None
    day: float | None
    week: float | None
    checked_since: int | None
    limit: float | None
    limit_estimated: bool
    resets: int | None
    exhausts: int | None
    last: int | None
    next: int | None
    interval: float
    outcome: str | None
    failures: int
    error: str
    reason: str
    cost: float | None
    traffic: tuple[int, int, int, float | None] | None
    vantages: tuple[tuple[str, str, bool], ...]
    cluster: str


FIELDS = Row.__struct_fields__


def encode_row(provider: ProviderStatus, cost: float | None) -> bytes:
    """Return the row of a provider as JSON."""
    return msgspec.json.encode(view_row(provider, cost))


def view_row(provider: ProviderStatus, cost: float | None) -> Row:
    """Make a provider's row. cost: its expected time in ms, None where it is not ranked."""
    limit, latency = provider.rate_limit, provider.latency
    return Row(
        name=provider.name,
        status=provider.status.value,
        since=_seconds(_since(provider)),
        usable=provider.usable,
        stale=provider.stale,
        enabled=provider.enabled,
        response=_rounded(provider.response_time_ms, 1),
        p95=None if latency is None else _rounded(latency.p95, 1),
        hour=_rounded(provider.uptime.hour, 2),
        day=_rounded(provider.uptime.day, 2),
        week=_rounded(provider.uptime.week, 2),
        checked_since=_seconds(provider.checked_since),
        limit=None if limit.source is LimitSource.NONE else _rounded(limit.percent, 2),
        limit_estimated=limit.source is LimitSource.ESTIMATE,
        resets=_seconds(_reset_of(limit)),
        exhausts=_seconds(limit.exhausts_at),
        last=_seconds(provider.last_check),
        next=_seconds(provider.next_check),
        interval=provider.interval_seconds,
        outcome=None if provider.outcome is None else provider.outcome.value,
        failures=provider.consecutive_failures,
        error=provider.error_message,
        reason=_reason(provider),
        cost=_rounded(cost, 1),
        traffic=_traffic(provider),
        vantages=tuple((v.name, v.status.value, v.suspect) for v in provider.vantages),
        cluster=provider.cluster_reason,
    )


def _since(provider: ProviderStatus) -> datetime | None:
    """Return since when it is so; an outage began with the first failed check, as incidents do."""
    if provider.status is Status.DOWN and provider.failing_since is not None:
        return provider.failing_since
    return provider.status_since


def _reason(provider: ProviderStatus) -> str:
    """Leave out the sentences that only repeat status, outcome, latency and failures."""
    kind = provider.outcome
    well = provider.status is Status.HEALTHY and kind is not None and kind.is_success
    failing = provider.status is Status.DOWN and kind is not None and kind.is_failure
    return "" if well or failing else provider.reason


def _reset_of(limit: RateLimit) -> datetime | None:
    """Return the reset of the limit that is used most."""
    told = [reading for reading in limit.limits if reading.reset_at is not None]
    return max(told, key=_used).reset_at if told else None


def _used(reading: LimitReading) -> float:
    if not reading.limit or reading.remaining is None:
        return -1.0
    return 1.0 - reading.remaining / reading.limit


def _traffic(provider: ProviderStatus) -> tuple[int, int, int, float | None] | None:
    evidence: TrafficEvidence = provider.evidence.traffic
    if evidence.last is None:
        return None
    latency = _rounded(evidence.latency_ms, 1)
    return evidence.calls, evidence.counted, evidence.failures, latency


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp())


def _rounded(value: float | None, digits: int) -> float | int | None:
    """Round; a whole number is written without its zero."""
    if value is None:
        return None
    short = float(round(value, digits))  # a check in an embedding program may return integers
    return int(short) if short.is_integer() else short
