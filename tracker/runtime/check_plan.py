"""When one target of an actor is checked next: the provider itself, or one of its offers."""

from datetime import datetime

import attrs

from tracker.core.outcomes import CheckResult
from tracker.core.settings import Timing
from tracker.health.health_state import blocked_for
from tracker.health.schedule import Grid, Streak, next_due

NEVER = float("inf")


@attrs.define(eq=False)
class CheckPlan:
    """The plan of one target. Moments are trio seconds.

    model: None for the provider itself. not_before: until then the provider asked us to wait.
    """

    name: str
    timing: Timing
    anchor: float
    due: float
    model: str | None = None
    streak: Streak = Streak()
    not_before: float = -NEVER

    def record(self, result: CheckResult, now: float) -> None:
        """Note how a check ended."""
        self.streak = self.streak.after(result.kind)
        wait = result.retry_after
        if wait is not None or result.kind.is_success:
            self.not_before = -NEVER if wait is None else now + wait

    def plan_next(self, result: CheckResult, now: float, wall: datetime) -> None:
        """Plan the next check after one that has just ended."""
        due = next_due(
            result,
            streak=self.streak,
            ended=now,
            blocked_for=blocked_for(result, wall),
            grid=self._grid(),
            timing=self.timing,
        )
        self.due = max(due, self.not_before)

    def pull_forward(self, now: float) -> None:
        """Plan by the grid of the present timing; a check that was planned sooner stays."""
        self.due = max(min(self.due, self._grid().after(now)), self.not_before)

    def _grid(self) -> Grid:
        return Grid(
            name=self.name,
            anchor=self.anchor,
            interval=self.timing.interval_seconds,
            jitter=self.timing.jitter,
        )
