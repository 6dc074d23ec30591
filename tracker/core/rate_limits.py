"""What rate-limit readings amount to: the worst one's use, and how long each holds."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tracker.core.rate_limits import LimitReading


def worst_percent(readings: Iterable[LimitReading]) -> float:
    """How far the limit closest to its end is used, 0..100; 0.0 where none tells (CONTRACT, 1)."""
    used = (reading.used_percent for reading in readings)
    return max((percent for percent in used if percent is not None), default=0.0)


def expiry(reading: LimitReading, read_at: datetime) -> datetime | None:
    """When a reading stops to say anything; None: never.

    Once its reset has passed, or a whole window since it was read, a limit has started anew and
    nobody knows what is left of it.
    """
    ends = [] if reading.reset_at is None else [reading.reset_at]
    if reading.window_seconds is not None:
        ends.append(read_at + timedelta(seconds=reading.window_seconds))
    return min(ends, default=None)
