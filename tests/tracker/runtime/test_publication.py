"""When snapshots are due."""

import pytest

from tracker.core.shared_wakes import MANY_PROVIDERS, SharedWakes
from tracker.runtime.publication import COALESCE_SECONDS, REFRESH_SECONDS, PublicationSchedule

NEVER = float("inf")


def published(at: float) -> PublicationSchedule:
    schedule = PublicationSchedule()
    schedule.note(at, refreshed=True)
    return schedule


def test_without_a_change_time_windows_are_updated_once_a_minute() -> None:
    assert published(100.0).next(10, 10, NEVER, urgent=False) == 100.0 + REFRESH_SECONDS


def test_many_offers_are_refreshed_a_few_at_a_time() -> None:
    soon = published(100.0).next(200, 200 * 21, NEVER, urgent=False)
    assert 100.0 < soon < 100.0 + REFRESH_SECONDS / 40


def test_time_alone_may_change_something_sooner() -> None:
    assert published(100.0).next(10, 10, 130.0, urgent=False) == 130.0


def test_changes_that_come_close_together_share_a_snapshot() -> None:
    schedule = published(100.0)
    schedule.changed = True
    assert 100.0 < schedule.next(10, 10, NEVER, urgent=False) < 100.0 + COALESCE_SECONDS
    soonest = schedule.next(100_000, 100_000, NEVER, urgent=False)
    assert soonest == pytest.approx(100.0 + COALESCE_SECONDS)


@pytest.mark.parametrize("at", [100.0, 100.02, 100.099])
def test_many_providers_are_published_when_their_timers_wake(at: float) -> None:
    schedule = published(at)
    schedule.changed = True
    wake = SharedWakes(providers=MANY_PROVIDERS).at(100.0999)
    assert schedule.next(MANY_PROVIDERS, MANY_PROVIDERS, NEVER, urgent=False) == wake


def test_an_urgent_change_is_published_at_once() -> None:
    schedule = published(100.0)
    schedule.changed = True
    assert schedule.next(100_000, 100_000, NEVER, urgent=True) == 100.0


def test_it_is_overdue_after_a_minute_without_a_snapshot() -> None:
    schedule = published(100.0)
    assert schedule.overdue_seconds(100.0 + REFRESH_SECONDS) == 0.0
    assert schedule.overdue_seconds(105.0 + REFRESH_SECONDS) == 5.0
