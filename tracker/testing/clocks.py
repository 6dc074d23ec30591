"""A clock for tests: both times follow trio's, and the wall can be moved on its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import trio

from tracker.clock import Clock

START = datetime(
    2026, 1, 5, 12, tzinfo=UTC
)  # a Monday noon, far from midnight and from a year's end


@attrs.define
class _Wall:
    start: datetime
    time: Callable[[], float]
    origin: float | None
    jumped: float = 0.0

    def now(self) -> datetime:
        if self.origin is None:
            self.origin = self.time()
        return self.start + timedelta(seconds=self.time() - self.origin + self.jumped)


@attrs.frozen(kw_only=True)
class VirtualClock(Clock):
    """A ``tracker.clock.Clock`` that moves with the virtual time of the trio run it is read in."""

    _wall: _Wall

    def jump_wall(self, seconds: float) -> None:
        """Move ``now()`` forward (negative: back); ``steady()`` does not notice."""
        self._wall.jumped += seconds


def virtual_clock(
    start: datetime = START, time: Callable[[], float] = trio.current_time
) -> VirtualClock:
    """A clock whose ``now()`` is ``start`` here (outside trio: at its first reading).

    time: where seconds come from; give a MockClock's ``current_time`` to read it outside trio.
    """
    try:
        origin = time()
    except RuntimeError:  # made before the run it will be read in
        origin = None
    wall = _Wall(start=start, time=time, origin=origin)
    return VirtualClock(now=wall.now, steady=time, wall=wall)
