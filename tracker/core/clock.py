"""The two clocks: wall time for records, steady time for durations and deadlines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import attrs


def utc_now() -> datetime:
    return datetime.now(UTC)


def steady_now() -> float:
    """Seconds on a clock that never jumps and, where the system has one, counts suspended time."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@attrs.frozen
class Clock:
    """Where a tracker reads the time; tests give one that follows their virtual clock."""

    now: Callable[[], datetime] = utc_now
    steady: Callable[[], float] = steady_now
