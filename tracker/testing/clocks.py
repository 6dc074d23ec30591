"""A clock for tests: both times follow trio's, and the wall can be moved on its own."""

from datetime import UTC, datetime, timedelta

import attrs
import trio

from tracker.core.clock import Clock

START = datetime(
    2026, 1, 5, 12, tzinfo=UTC
)  # a Monday noon, far from midnight and from a year's end


@attrs.define
class _Wall:
    """Knows trio's clock itself, not only ``trio.current_time``: threads read the time as well."""

    start: datetime
    clock: trio.abc.Clock
    origin: float
    jumped: float = 0.0

    def now(self) -> datetime:
        passed = self.clock.current_time() - self.origin
        return self.start + timedelta(seconds=passed + self.jumped)


@attrs.frozen(kw_only=True)
class VirtualClock(Clock):
    """A ``tracker.core.clock.Clock`` that moves with a trio run's clock; readable from anywhere."""

    _wall: _Wall

    def jump_wall(self, seconds: float) -> None:
        """Move ``now()`` forward (negative: back); ``steady()`` does not notice."""
        self._wall.jumped += seconds


def virtual_clock(start: datetime = START, clock: trio.abc.Clock | None = None) -> VirtualClock:
    """Return a clock whose ``now()`` is ``start`` at this moment.

    clock: what it follows, such as a TrioHost's; None: that of the run it is made in. Raises
    RuntimeError outside trio without one.
    """
    followed = trio.lowlevel.current_clock() if clock is None else clock
    wall = _Wall(start=start, clock=followed, origin=followed.current_time())
    return VirtualClock(now=wall.now, steady=followed.current_time, wall=wall)
