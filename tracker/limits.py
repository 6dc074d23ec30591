"""What rate-limit readings amount to: the worst one's use, and which of them still hold."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from tracker.reports import LimitReading


def worst_percent(readings: Iterable[LimitReading]) -> float:
    """How far the limit closest to its end is used, 0..100; 0.0 where none tells (CONTRACT, 1)."""
    used = (reading.used_percent for reading in readings)
    return max((percent for percent in used if percent is not None), default=0.0)


def current(
    readings: Sequence[LimitReading], now: datetime, *, read_at: datetime
) -> tuple[LimitReading, ...]:
    """Those of the readings, told at ``read_at``, that still say something at ``now``.

    Once its reset has passed, or a whole window since it was read, a limit has started anew and
    nobody knows what is left of it.
    """
    age = (now - read_at).total_seconds()
    return tuple(reading for reading in readings if _holds(reading, now, age))


def _holds(reading: LimitReading, now: datetime, age: float) -> bool:
    if reading.reset_at is not None and reading.reset_at <= now:
        return False
    return reading.window_seconds is None or age < reading.window_seconds
