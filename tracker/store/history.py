"""Past checks, single or in buckets."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import apsw
import attrs

from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.slices import forgotten_on_failure
from tracker.store.buckets import BucketReader, too_large
from tracker.store.connection import epoch_ms, value
from tracker.store.points import Bucket, History, RawPoint, moment
from tracker.store.selection import Selection, count_checks
from tracker.store.summaries import HOUR_MS

RAW_POINTS = 2_000  # per provider; above, an unset resolution means buckets (contract, section 5)
MOST_BUCKETS = 2_000  # per provider, when we choose their size: about one per pixel
MOST_POINTS = 500_000  # per answer: about 100 MB while it is built
BUCKET_SECONDS = (60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800)


@attrs.frozen(kw_only=True)
class HistoryQuery:
    """resolution: of buckets, in seconds; None: chosen by us. raw: single checks."""

    selection: Selection
    resolution: float | None
    raw: bool

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
        """Return the buckets. Raises ValueError for a resolution that is no bucket's size."""
        if resolution is not None and not 1.0 <= resolution <= BUCKET_SECONDS[-1]:
            raise ValueError(
                f"resolution must be from 1 to {BUCKET_SECONDS[-1]} seconds, got {resolution:g}"
            )
        selection = Selection(
            names=None if names is None else tuple(names),
            since_ms=epoch_ms(since.timestamp()),
            until_ms=epoch_ms(until.timestamp()),
            model=model,
        )
        return cls(selection=selection, resolution=resolution, raw=raw)


_RAW = """
SELECT
    provider_name, checked_at_ms, status, outcome,
    CASE WHEN response_time_ms BETWEEN 0 AND 86400000 THEN response_time_ms END,
    CASE WHEN typeof(error_message) = 'text' THEN error_message ELSE '' END
{source}
ORDER BY checked_at_ms / 3600000, provider_name, checked_at_ms, id
"""
_STATUSES = {status.value: status for status in Status}
_KINDS = {kind.value: kind for kind in OutcomeKind}


def history(connection: apsw.Connection, question: HistoryQuery) -> History:
    """Return the checks, or their buckets where they are many. Raises HistoryTooLarge."""
    selection = _within_the_data(connection, question.selection)
    size = question.resolution
    if size is None:
        counts = _counts(connection, selection)
        if question.raw or not _is_much(counts.values()):
            return History(resolution_seconds=None, providers=_raw(connection, selection, counts))
        size = _fitting_size(selection, len(counts))
    return History(
        resolution_seconds=size, providers=_buckets(connection, selection, epoch_ms(size))
    )


def _within_the_data(connection: apsw.Connection, selection: Selection) -> Selection:
    """Clip to the data: years without a check must not be walked through hour by hour."""
    hour = "SELECT checked_at_ms / 3600000 FROM checks ORDER BY checked_at_ms / 3600000"
    oldest, newest = value(connection, f"{hour} LIMIT 1"), value(connection, f"{hour} DESC LIMIT 1")
    if oldest is None:
        return attrs.evolve(selection, until_ms=selection.since_ms - 1)
    return attrs.evolve(
        selection,
        since_ms=max(selection.since_ms, oldest * HOUR_MS),
        until_ms=min(selection.until_ms, (newest + 1) * HOUR_MS - 1),
    )


def _counts(connection: apsw.Connection, selection: Selection) -> dict[str, int]:
    counts = count_checks(connection, selection)
    if selection.names is None:
        return counts
    return {name: counts[name] for name in selection.names if name in counts}


def _is_much(counts: Iterable[int]) -> bool:
    found = tuple(counts)
    return max(found, default=0) > RAW_POINTS or sum(found) > MOST_POINTS


def _fitting_size(selection: Selection, providers: int) -> float:
    span = (selection.until_ms - selection.since_ms) / 1000.0
    most = min(MOST_BUCKETS, MOST_POINTS // max(providers, 1))
    fitting = (size for size in BUCKET_SECONDS if span / size + 1 <= most)
    return float(next(fitting, BUCKET_SECONDS[-1]))


def _raw(
    connection: apsw.Connection, selection: Selection, counts: Mapping[str, int]
) -> dict[str, tuple[RawPoint, ...]]:
    _check_point_limit(sum(counts.values()))
    points: dict[str, list[RawPoint]] = {name: [] for name in selection.names or sorted(counts)}
    sql, bindings = selection.statement(_RAW)
    known: dict[str, str] = {}  # an outage repeats its message: keep one copy
    with forgotten_on_failure(points):
        for name, at, status, outcome, latency, message in connection.execute(sql, bindings):
            if status in _STATUSES and outcome in _KINDS:
                told = known.setdefault(message, message) if message else ""
                point = RawPoint(moment(at), _STATUSES[status], _KINDS[outcome], latency, told)
                points[name].append(point)
    return {name: tuple(found) for name, found in points.items()}


def _buckets(
    connection: apsw.Connection, selection: Selection, size_ms: int
) -> dict[str, tuple[Bucket, ...]]:
    points: dict[str, list[Bucket]] = {name: [] for name in selection.names or ()}
    most = 1 + (selection.until_ms - selection.since_ms) // size_ms
    if most * len(points) > MOST_POINTS:  # refuse before reading so many
        counts = _counts(connection, selection)
        _check_point_limit(sum(min(count, most) for count in counts.values()))
    takes_all = selection.names is None
    reader = BucketReader(connection, size_ms, points, takes_all=takes_all, most=MOST_POINTS)
    with forgotten_on_failure(points):
        reader.read(selection)
    return {name: tuple(points[name]) for name in (sorted(points) if takes_all else points)}


def _check_point_limit(points: int) -> None:
    if points > MOST_POINTS:
        raise too_large(f"{points:,} points, more than {MOST_POINTS:,}")
