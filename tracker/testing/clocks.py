"""A clock for tests: both times follow trio's, and the wall clock can be set separately."""

from datetime import UTC, datetime, timedelta

import attrs
import trio

from tracker.core.clock import Clock

START = datetime(
    2026, 1, 5, 12, tzinfo=UTC
)  # a Monday noon, not near midnight or the end of a year


@attrs.define
class _Wall:
    """Reads trio's clock directly, because ``trio.current_time`` cannot be called from a thread."""

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
        """Move ``now()`` forward (negative: back); ``steady()`` is not affected."""
        self._wall.jumped += seconds


def virtual_clock(start: datetime = START, clock: trio.abc.Clock | None = None) -> VirtualClock:
    """Return a clock whose ``now()`` is ``start`` at this moment.

    clock: the clock to follow, such as a TrioHost's; None: that of the current trio run. Raises
    RuntimeError if there is none and no run.
    """
    followed = trio.lowlevel.current_clock() if clock is None else clock
    wall = _Wall(start=start, clock=followed, origin=followed.current_time())
    return VirtualClock(
        now=wall.now, steady=followed.current_time, boot=lambda: "virtual", wall=wall
    )
