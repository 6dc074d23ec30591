"""The two clocks: wall time for records, steady time for durations and deadlines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

FAR_SECONDS = 4e8  # twelve years: nothing is planned further ahead, and dates must not overflow


def utc_now() -> datetime:
    """Return the present wall time, aware and in UTC."""
    return datetime.now(UTC)


def steady_now() -> float:
    """Return seconds on a clock that never jumps and, where it can, counts suspended time."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@attrs.frozen
class Clock:
    """The source of time for a tracker; tests pass one that follows their virtual clock."""

    now: Callable[[], datetime] = utc_now
    steady: Callable[[], float] = steady_now

    def read(self) -> "ClockReading":
        """Read both clocks."""
        return ClockReading(self.now(), self.steady())


@attrs.frozen
class ClockReading:
    """Now, on both clocks."""

    at: datetime
    steady: float

    def wall(self, steady: float | None) -> datetime | None:
        """Return the wall time of a steady moment, as the wall clock stands now."""
        if steady is None:
            return None
        return self.at + timedelta(seconds=min(steady - self.steady, FAR_SECONDS))

    def to_steady(self, at: datetime | None) -> float | None:
        """Convert a wall time to steady seconds, by the distance from this reading."""
        return None if at is None else self.steady + (at - self.at).total_seconds()
