"""Announced ends of models are reported twice, a month and a week ahead."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.models.retirements import KEPT, RetirementNotices

END = date(2026, 12, 31)


def days_told(days: list[int]) -> list[int]:
    """Ask on each day, as many days ahead; return those on which it was told."""
    notices, told = RetirementNotices(), []
    for ahead in days:
        due = notices.due({"llama": END}, END - timedelta(days=ahead))
        notices = notices.after(due)
        told += [one.days for one in due]
    return told


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (range(60, -10, -1), [30, 7]),
        ([31], []),
        ([29, 29, 8, 6, 6, 0], [29, 6]),
        ([5, 4], [5]),
        ([-1], []),
    ],
)
def test_an_end_is_announced_a_month_and_a_week_ahead(asked: list[int], told: list[int]) -> None:
    assert days_told(list(asked)) == told


@given(days=st.lists(st.integers(-5, 100)))
def test_an_end_is_announced_at_most_twice(days: list[int]) -> None:
    assert len(days_told(sorted(days, reverse=True))) <= 2


def test_a_changed_date_is_announced_again() -> None:
    notices = RetirementNotices()
    notices = notices.after(notices.due({"llama": END}, END))
    moved = END + timedelta(days=20)
    assert [one.on for one in notices.due({"llama": moved}, END)] == [moved]


def test_the_memory_is_bounded() -> None:
    notices = RetirementNotices()
    many = {f"model-{n}": END for n in range(KEPT + 100)}
    assert len(notices.after(notices.due(many, END)).told) == KEPT
