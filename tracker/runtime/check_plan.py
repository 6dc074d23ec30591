"""When one target of an actor is checked next: the provider itself, or one of its offers."""

from datetime import datetime

import attrs

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Timing
from tracker.health.health_state import blocked_for
from tracker.health.schedule import Grid, Streak, next_due, recheck_delay

NEVER = float("inf")


@attrs.define(eq=False)
class CheckDemand:
    """Checks of a target because of real calls. Times are trio seconds.

    requested: when one was last due because of calls. pending: the next check is due to calls.
    repeat: calls asked for one during a check, so another follows it.
    """

    requested: float = -NEVER
    pending: bool = False
    repeat: bool = False


@attrs.define(eq=False)
class CheckPlan:
    """The plan of one target. Times are trio seconds.

    model: None for the provider itself. not_before: until then the provider asked us to wait.
    """

    name: str
    timing: Timing
    anchor: float
    due: float
    model: str | None = None
    streak: Streak = Streak()
    not_before: float = -NEVER
    outcome: OutcomeKind | None = None  # of the last check
    demand: CheckDemand = attrs.field(factory=CheckDemand)
    left_to_others: bool = False  # another tracker checks it
    waits_for_budget: bool = False  # until midnight UTC: today's completions are used up

    def record(self, result: CheckResult, now: float) -> None:
        """Note how a check ended."""
        self.streak, self.outcome = self.streak.after(result.kind), result.kind
        self.waits_for_budget = False
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

    def demand_check(self, now: float) -> bool:
        """Plan a check as soon as calls may ask for one; True when that is sooner than planned.

        At most one in the first re-check delay, and none before the provider asked us to come back.
        """
        due = max(self.demand.requested + recheck_delay(self.timing, 1), self.not_before, now)
        if due >= self.due:
            return False
        self.due = self.demand.requested = due
        self.demand.pending = True
        return True

    def repeat_on_demand(self, result: CheckResult, now: float) -> None:
        """Plan one more check where calls spoke up during a good one."""
        if self.demand.repeat and result.kind.is_success:
            self.demand.requested = now + recheck_delay(self.timing, 1)
            self.due = max(min(self.due, self.demand.requested), self.not_before)
            self.demand.pending = True
        self.demand.repeat = False

    def skip(self, now: float) -> None:
        """Leave a check out: the next one is that of the grid."""
        self.due = self._grid().after(now)

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
