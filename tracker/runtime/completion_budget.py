"""How many completions all checks together may still spend today, by UTC. Pure."""

from datetime import UTC, date, datetime, timedelta

import attrs


@attrs.frozen(kw_only=True)
class BudgetView:
    """What is spent of a UTC day's completions, and when the next day begins."""

    per_day: int
    spent: int
    resets_at: datetime

    @property
    def exhausted(self) -> bool:
        """Return whether the day's completions are spent."""
        return self.spent >= self.per_day


@attrs.define(eq=False)
class CompletionBudget:
    """``per_day`` completions of all checks. What is spent beyond it on request still counts."""

    per_day: int
    spent: int = 0
    _day: date | None = None

    def is_exhausted(self, now: datetime) -> bool:
        """Return whether completion checks have to wait for midnight UTC."""
        self._turn(now)
        return self.spent >= self.per_day

    def view(self, now: datetime) -> BudgetView:
        """Return how it stands, for those who run the tracker."""
        self._turn(now)
        return BudgetView(per_day=self.per_day, spent=self.spent, resets_at=self.resets_at(now))

    def spend(self, completions: int, now: datetime) -> None:
        """Count what a check spent."""
        self._turn(now)
        self.spent += completions

    def restore(self, spent: int, now: datetime) -> None:
        """Add what was spent today before this start."""
        self._turn(now)
        self.spent += spent

    def resets_at(self, now: datetime) -> datetime:
        """Return the next midnight UTC."""
        return midnight(now) + timedelta(days=1)

    def _turn(self, now: datetime) -> None:
        today = now.astimezone(UTC).date()
        if self._day != today:
            self._day, self.spent = today, 0


def midnight(now: datetime) -> datetime:
    """Return the start of the UTC day that ``now`` falls on."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
