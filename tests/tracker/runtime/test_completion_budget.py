"""The day's completions: spent, shown, and new at midnight UTC."""

from datetime import timedelta

from tests.helpers.factories import START
from tracker.runtime.completion_budget import CompletionBudget

TOMORROW = START + timedelta(hours=12)  # START is at noon


def test_the_budget_is_exhausted_once_spent_and_renewed_at_midnight() -> None:
    budget = CompletionBudget(per_day=2)
    budget.spend(2, START)
    assert budget.is_exhausted(START)
    assert budget.view(START).exhausted
    assert budget.view(START).resets_at == TOMORROW
    assert not budget.is_exhausted(TOMORROW)
    assert budget.view(TOMORROW).spent == 0


def test_a_budget_of_zero_is_always_exhausted() -> None:
    assert CompletionBudget(per_day=0).is_exhausted(START)
    assert CompletionBudget(per_day=0).view(TOMORROW).exhausted


def test_what_was_spent_before_the_start_counts() -> None:
    budget = CompletionBudget(per_day=10)
    budget.spend(1, START)
    budget.spend(4, START)
    assert budget.view(START).spent == 5


def test_a_clock_that_jumps_over_midnight_and_back_gives_no_second_budget() -> None:
    budget = CompletionBudget(per_day=2)
    budget.spend(2, START)
    budget.spend(1, TOMORROW)
    assert not budget.is_exhausted(TOMORROW)
    assert budget.is_exhausted(START)
