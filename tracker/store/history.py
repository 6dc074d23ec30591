"""Past checks, single or in buckets, and changes; computed in SQL where possible."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import apsw
import attrs
import msgspec

from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store.connection import epoch_ms, value
from tracker.store.errors import HistoryTooLarge
from tracker.store.writing import HOUR_MS

RAW_POINTS = 2_000  # a provider; above it an unset resolution means buckets (CONTRACT, section 5)
MOST_BUCKETS = 2_000  # a provider, where we choose their size: a point a pixel
MOST_POINTS = 500_000  # an answer: about 100 MB while it is built
LATEST_MS = 2**63 - 1  # SQLite's largest integer
BUCKET_SECONDS = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800)


# The points are msgspec structs that the garbage collector does not visit: with 170,000 attrs
# values in an answer its full rounds stop the event loop for 70 ms.


class RawPoint(msgspec.Struct, frozen=True, gc=False):
    """One check. ``response_time_ms``: as measured, whatever the outcome.

    error_message: why it failed, empty where it did not.
    """

    at: datetime
    status: Status
    kind: OutcomeKind
    response_time_ms: float | None
    error_message: str = ""


class BucketLatency(msgspec.Struct, frozen=True, gc=False):
    """Successful checks of one bucket, in milliseconds; p50 and p95 by nearest rank, exact."""

    min: float
    avg: float
    p50: float
    p95: float
    max: float


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """The checks from ``at``, a multiple of the resolution since 1970, to the next such moment.

    uptime_percent: None where nothing was counted. latency: None without a successful check.
    """

    at: datetime
    checks: int
    failures: int
    uptime_percent: float | None
    latency: BucketLatency | None


@attrs.frozen(kw_only=True, eq=False)
class History:
    """Points by provider, oldest first. resolution_seconds: None for single checks."""

    resolution_seconds: float | None
    providers: Mapping[str, tuple[RawPoint, ...] | tuple[Bucket, ...]]


@attrs.frozen(kw_only=True)
class HistoryQuery:
    """names: None for every provider with checks. Both moments are included.

    model: checks of this offer; None for those of the providers themselves.
    """

    names: tuple[str, ...] | None
    since_ms: int
    until_ms: int
    resolution: float | None
    raw: bool
    model: str | None = None

    @classmethod
    def of(
        cls,
        names: Iterable[str] | None,
        since: datetime,
        until: datetime,
        resolution: float | None,
        *,
        raw: bool = False,
        model: str | None = None,
    ) -> "HistoryQuery":
        """Raises ValueError for a resolution that is no bucket's size."""
        if resolution is not None and not 1.0 <= resolution <= BUCKET_SECONDS[-1]:
            raise ValueError(
                f"resolution must be from 1 to {BUCKET_SECONDS[-1]} seconds, got {resolution:g}"
            )
        return cls(
            names=None if names is None else tuple(names),
            since_ms=epoch_ms(since.timestamp()),
            until_ms=epoch_ms(until.timestamp()),
            resolution=resolution,
            raw=raw,
            model=model,
        )


def _list_kinds(chosen: Iterable[OutcomeKind]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in chosen)


_UP = f"outcome IN ({_list_kinds(kind for kind in OutcomeKind if kind.is_success)})"
_DOWN = f"outcome IN ({_list_kinds(kind for kind in OutcomeKind if kind.is_failure)})"

# Hours by list and providers by list make one seek in the index for each pair.
_CHOSEN = """
FROM checks
WHERE checked_at_ms / 3600000 IN (SELECT value FROM json_each(:hours))
    AND provider_name IN (SELECT value FROM json_each(:names))
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""
_ALL = """
FROM checks
WHERE checked_at_ms / 3600000 BETWEEN :first AND :last
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""
_COUNT = "SELECT provider_name, count(*) {source} GROUP BY provider_name"
_RAW = """
SELECT
    provider_name, checked_at_ms, status, outcome,
    CASE WHEN response_time_ms BETWEEN 0 AND 86400000 THEN response_time_ms END,
    error_message
{source}
ORDER BY checked_at_ms / 3600000, provider_name, checked_at_ms, id
"""
# SQLite's own percentile functions interpolate; nearest rank is the place ceil(q n).
_BUCKETS = f"""
WITH chosen AS (
    SELECT
        provider_name,
        checked_at_ms / :size AS bucket,
        {_UP} AS up,
        {_DOWN} AS down,
        CASE WHEN {_UP} AND response_time_ms BETWEEN 0 AND 86400000 THEN response_time_ms END AS ms
    {{source}}
), placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY provider_name, bucket ORDER BY ms NULLS LAST) AS place,
        count(ms) OVER (PARTITION BY provider_name, bucket) AS samples
    FROM chosen
)
SELECT
    provider_name, bucket, count(*), sum(up), sum(down),
    min(ms), avg(ms), max(ms) FILTER (WHERE place = (50 * samples + 99) / 100),
    max(ms) FILTER (WHERE place = (95 * samples + 99) / 100), max(ms)
FROM placed GROUP BY provider_name, bucket ORDER BY bucket
"""  # noqa: S608 (our own outcome kinds)

_CHANGES = """
SELECT kind, changed_at_ms, provider_name, value_before, value_after, reason FROM changes
WHERE changed_at_ms BETWEEN :since AND :until AND (:provider IS NULL OR provider_name = :provider)
ORDER BY changed_at_ms DESC, id DESC LIMIT :most
"""

_STATUSES = {status.value: status for status in Status}
_KINDS = {kind.value: kind for kind in OutcomeKind}


def history(connection: apsw.Connection, question: HistoryQuery) -> History:
    """Raises HistoryTooLarge; then nothing was read but counts."""
    question = _within_the_data(connection, question)
    counts = _counts(connection, question)
    size = question.resolution
    if size is None and not question.raw and _is_much(counts.values()):
        size = _fitting_size(question, len(counts))
    points: dict[str, list[Any]] = {name: [] for name in question.names or sorted(counts)}
    if size is None:
        _fill_raw(connection, question, counts, points)
    else:
        _fill_buckets(connection, question, counts, points, epoch_ms(size))
    return History(
        resolution_seconds=size,
        providers={name: tuple(found) for name, found in points.items()},
    )


def changes(
    connection: apsw.Connection,
    provider: str | None,
    since: datetime,
    limit: int,
    until: datetime | None = None,
) -> tuple[ChangeRecord, ...]:
    """The newest ``limit`` up to ``until``, oldest first. Both moments are included."""
    bindings = {
        "since": epoch_ms(since.timestamp()),
        "until": LATEST_MS if until is None else epoch_ms(until.timestamp()),
        "provider": provider,
        "most": limit,
    }
    newest_first = tuple(
        ChangeRecord(
            kind=ChangeKind(kind),
            at=_moment(at),
            provider=name,
            before=before,
            after=after,
            reason=reason,
        )
        for kind, at, name, before, after, reason in connection.execute(_CHANGES, bindings)
    )
    return newest_first[::-1]


def _within_the_data(connection: apsw.Connection, question: HistoryQuery) -> HistoryQuery:
    """Years without a check must not be walked through hour by hour."""
    hour = "SELECT checked_at_ms / 3600000 FROM checks ORDER BY checked_at_ms / 3600000"
    oldest, newest = value(connection, f"{hour} LIMIT 1"), value(connection, f"{hour} DESC LIMIT 1")
    if oldest is None:
        return attrs.evolve(question, until_ms=question.since_ms - 1)
    return attrs.evolve(
        question,
        since_ms=max(question.since_ms, oldest * HOUR_MS),
        until_ms=min(question.until_ms, (newest + 1) * HOUR_MS - 1),
    )


def _counts(connection: apsw.Connection, question: HistoryQuery) -> dict[str, int]:
    sql, bindings = _statement(_COUNT, question, question.since_ms, question.until_ms)
    return {str(name): count for name, count in connection.execute(sql, bindings)}


def _is_much(counts: Iterable[int]) -> bool:
    found = tuple(counts)
    return max(found, default=0) > RAW_POINTS or sum(found) > MOST_POINTS


def _fitting_size(question: HistoryQuery, providers: int) -> float:
    span = (question.until_ms - question.since_ms) / 1000.0
    most = min(MOST_BUCKETS, MOST_POINTS // max(providers, 1))
    fitting = (size for size in BUCKET_SECONDS if span / size + 1 <= most)
    return float(next(fitting, BUCKET_SECONDS[-1]))


def _fill_raw(
    connection: apsw.Connection,
    question: HistoryQuery,
    counts: Mapping[str, int],
    points: dict[str, list[Any]],
) -> None:
    _check_point_limit(sum(counts.values()))
    sql, bindings = _statement(_RAW, question, question.since_ms, question.until_ms)
    known: dict[str, str] = {}  # an outage repeats its message: one copy of it is enough
    for name, at, status, outcome, latency, message in connection.execute(sql, bindings):
        if status in _STATUSES and outcome in _KINDS:
            told = known.setdefault(message, message) if message else ""
            point = RawPoint(_moment(at), _STATUSES[status], _KINDS[outcome], latency, told)
            points[name].append(point)


def _fill_buckets(
    connection: apsw.Connection,
    question: HistoryQuery,
    counts: Mapping[str, int],
    points: dict[str, list[Any]],
    size_ms: int,
) -> None:
    most = 1 + (question.until_ms - question.since_ms) // size_ms
    _check_point_limit(sum(min(count, most) for count in counts.values()))
    for since_ms, until_ms in _pieces(question, size_ms):
        sql, bindings = _statement(_BUCKETS, question, since_ms, until_ms)
        for name, bucket, *numbers in connection.execute(sql, bindings | {"size": size_ms}):
            points[name].append(_bucket(_moment(bucket * size_ms), numbers))


def _pieces(question: HistoryQuery, size_ms: int) -> Iterator[tuple[int, int]]:
    """Whole buckets of at least an hour together: sorting one hour at a time is faster."""
    step = size_ms * math.ceil(HOUR_MS / size_ms)
    first, last = question.since_ms // step, question.until_ms // step
    for piece in range(first, last + 1):
        begin, end = piece * step, (piece + 1) * step - 1
        yield max(begin, question.since_ms), min(end, question.until_ms)


def _statement(
    template: str, question: HistoryQuery, since_ms: int, until_ms: int
) -> tuple[str, dict[str, Any]]:
    first, last = since_ms // HOUR_MS, until_ms // HOUR_MS
    bindings: dict[str, Any] = {"since": since_ms, "until": until_ms, "model": question.model}
    if question.names is None:
        return template.format(source=_ALL), bindings | {"first": first, "last": last}
    listed = {"hours": json.dumps([*range(first, last + 1)]), "names": json.dumps(question.names)}
    return template.format(source=_CHOSEN), bindings | listed


def _check_point_limit(points: int) -> None:
    if points > MOST_POINTS:
        raise HistoryTooLarge(
            f"the answer would hold {points:,} points, more than {MOST_POINTS:,}: "
            "ask for fewer providers, fewer hours or a coarser resolution"
        )


def _bucket(at: datetime, numbers: Sequence[Any]) -> Bucket:
    checks, up, down, least, average, p50, p95, most = numbers
    return Bucket(
        at=at,
        checks=checks,
        failures=down,
        uptime_percent=100.0 * up / (up + down) if up + down else None,
        latency=None if least is None else BucketLatency(least, average, p50, p95, most),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000.0, UTC)
