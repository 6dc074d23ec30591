"""The number of completions all checks together may still spend today (UTC). Pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import attrs

DAYS_KEPT = 2


@attrs.frozen(kw_only=True)
class BudgetView:
    """The completions spent in a UTC day, and when the next day starts."""

    per_day: int
    spent: int
    resets_at: datetime

    @property
    def exhausted(self) -> bool:
        """Return whether the day's completions are spent."""
        return self.spent >= self.per_day


@attrs.define(eq=False)
class CompletionBudget:
    """``per_day`` completions for all checks. Completions on request beyond it still count.

    Two days are kept, so that a clock that jumps over midnight and back gives no second budget.
    A check under way has a completion reserved: many that begin together stay within the budget.
    """

    per_day: int
    _days: dict[date, int] = attrs.field(factory=dict)
    _reserved: int = 0

    def is_exhausted(self, now: datetime) -> bool:
        """Return whether completion checks have to wait for midnight UTC."""
        return self._spent(now) >= self.per_day

    def is_reserved(self, now: datetime) -> bool:
        """Return whether the checks under way may spend all that is left."""
        return self._spent(now) + self._reserved >= self.per_day

    @contextmanager
    def reserve(self, completions: int) -> Iterator[None]:
        """Keep so many completions for a check while the block runs; it may spend others."""
        self._reserved += completions
        try:
            yield
        finally:
            self._reserved -= completions

    def view(self, now: datetime) -> BudgetView:
        """Return how it stands, for those who run the tracker."""
        spent = self._spent(now)
        return BudgetView(per_day=self.per_day, spent=spent, resets_at=self.resets_at(now))

    def spend(self, completions: int, now: datetime) -> None:
        """Count what a check spent, or what was spent today before this start."""
        day = _day(now)
        self._days[day] = self._days.get(day, 0) + completions
        self._days = {each: self._days[each] for each in sorted(self._days)[-DAYS_KEPT:]}

    def resets_at(self, now: datetime) -> datetime:
        """Return the next midnight UTC."""
        return midnight(now) + timedelta(days=1)

    def _spent(self, now: datetime) -> int:
        return self._days.get(_day(now), 0)


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def midnight(now: datetime) -> datetime:
    """Return the start of the UTC day that ``now`` falls on."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
