"""The two clocks: wall time for records, steady time for durations and deadlines."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from secrets import token_hex

import attrs

FAR_SECONDS = 4e8  # twelve years: nothing is planned further ahead, and dates must not overflow


def utc_now() -> datetime:
    """Return the present wall time, aware and in UTC."""
    return datetime.now(UTC)


def steady_now() -> float:
    """Return seconds on a clock that never jumps and, where it can, counts suspended time."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@cache
def boot_now() -> str:
    """Return which start of this machine ``steady_now`` counts from.

    Another value in each process where the system does not say so.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        with suppress(OSError, ValueError):
            if found := Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip():
                return found
    return token_hex(8)


@attrs.frozen
class Clock:
    """The source of time for a tracker; tests pass one that follows their virtual clock.

    boot: which start of a machine ``steady`` counts from; seconds of two are not comparable.
    """

    now: Callable[[], datetime] = utc_now
    steady: Callable[[], float] = steady_now
    boot: Callable[[], str] = boot_now

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
