"""Counting the checks of a hub in memory by the hour and the day."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from tracker.cluster.hub import RollUp
from tracker.cluster.roll_ups import bucket_of
from tracker.core.outcomes import OutcomeKind
from tracker.core.records import CheckRow

HOUR, DAY = 3_600, 86_400  # seconds


def begin_of(at: datetime, seconds: int) -> datetime:
    """Return when the hour or day of UTC began that contains a moment."""
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def count_hour(name: str, hour: datetime, rows: Sequence[CheckRow]) -> RollUp:
    """Count a provider's checks of one hour."""
    up = [row for row in rows if OutcomeKind(row.outcome).is_success]
    took = [row.response_time_ms for row in up if row.response_time_ms is not None]
    return RollUp(
        provider=name,
        at=hour,
        checks=len(rows),
        up=len(up),
        down=sum(OutcomeKind(row.outcome).is_failure for row in rows),
        sum_ms=sum(took),
        latency=Counter(map(bucket_of, took)),
    )


def add_up_days(hours: Iterable[RollUp]) -> Iterator[RollUp]:
    """Yield the day of each provider that these hours make up."""
    days: dict[tuple[str, datetime], list[RollUp]] = {}
    for each in hours:
        days.setdefault((each.provider, begin_of(each.at, DAY)), []).append(each)
    yield from (_add_up(name, day, found) for (name, day), found in days.items())


def _add_up(name: str, day: datetime, hours: Sequence[RollUp]) -> RollUp:
    latency: Counter[int] = Counter()
    for hour in hours:
        latency.update(hour.latency)
    sums = {
        which: sum(getattr(hour, which) for hour in hours) for which in ("checks", "up", "down")
    }
    total = sum(hour.sum_ms for hour in hours)
    return RollUp(provider=name, at=day, sum_ms=total, latency=latency, **sums)
