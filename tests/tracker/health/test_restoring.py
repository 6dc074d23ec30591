"""Restoring a provider's state from what was stored or from another tracker."""

from datetime import timedelta

import msgspec
import pytest

from tests.helpers.factories import START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.cluster import SharedState
from tracker.core.outcomes import OutcomeKind
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider, adopt_shared, restore_provider
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import StoredTarget


def at(seconds: float) -> ClockReading:
    return ClockReading(START + timedelta(seconds=seconds), seconds)


def checked(after: float, kind: OutcomeKind = OutcomeKind.OK) -> tuple[ProviderState, str]:
    """Return a state after one check, and the JSON with which another carries on from it."""
    state = ProviderState(provider())
    record = state.record_check(outcome(kind, after=after), None, at(after))
    return state, record.state


def shared(json: str, age: float, **changes: object) -> SharedState:
    known = {"provider": "groq", "model": None, "due_in": 30.0, "fresh_for": 90.0, **changes}
    return SharedState(age=age, state=json, **known)


def test_a_newer_check_of_another_tracker_is_restored() -> None:
    ours, _ = checked(0.0)
    _, json = checked(60.0, OutcomeKind.CONNECT)
    assert adopt_shared(ours, shared(json, age=10.0, models=("llama",)), at(70.0), keep_plan=False)
    assert ours.target.health.last_check == START + timedelta(seconds=60.0)
    assert ours.target.health.consecutive_failures == 1
    assert ours.models == ("llama",)
    assert ours.target.stale_at == 160.0


def test_an_older_check_of_another_tracker_changes_nothing() -> None:
    ours, _ = checked(60.0)
    _, json = checked(0.0, OutcomeKind.CONNECT)
    assert not adopt_shared(ours, shared(json, age=70.0), at(70.0), keep_plan=False)
    assert ours.target.health.last_check == START + timedelta(seconds=60.0)


def test_a_target_planned_here_keeps_its_plan() -> None:
    ours, _ = checked(0.0)
    ours.target.next_due = 75.0
    _, json = checked(60.0)
    assert adopt_shared(ours, shared(json, age=10.0), at(70.0), keep_plan=True)
    assert ours.target.next_due == 75.0
    _, later = checked(80.0)
    assert adopt_shared(ours, shared(later, age=5.0), at(85.0), keep_plan=False)
    assert ours.target.next_due == 115.0


@pytest.mark.parametrize("ahead", [7200.0, 30.0, -7200.0])
def test_the_start_of_a_siblings_failures_is_converted_to_our_clock(ahead: float) -> None:
    ours, _ = checked(0.0)
    for true in (60.0, 75.0):
        _, json = checked(true + ahead, OutcomeKind.CONNECT)
        now = at(true + 10.0)
        assert adopt_shared(ours, shared(json, age=10.0, fresh_for=20.0), now, keep_plan=False)
        assert ours.target.health.failing_since == START + timedelta(seconds=true)
        assert not ours.target.is_stale(now)


def test_an_offer_that_is_not_watched_here_is_not_taken_over() -> None:
    ours, _ = checked(0.0)
    _, json = checked(60.0)
    assert not adopt_shared(ours, shared(json, age=10.0, model="other"), at(70.0), keep_plan=False)


def test_a_state_of_another_version_is_refused() -> None:
    ours, _ = checked(0.0)
    with pytest.raises(msgspec.DecodeError):
        adopt_shared(ours, shared("{", age=10.0), at(70.0), keep_plan=False)
    assert ours.target.health.last_check == START


@pytest.mark.parametrize("hours", [2.0, -2.0])
def test_a_state_from_a_wrong_clock_is_restored_by_its_age(hours: float) -> None:
    """The other's clock is wrong by ``hours``: its limits end, and its checks age, as ours do."""
    ours, _ = checked(0.0)
    wrong = hours * 3600.0
    for after in (60.0, 90.0, 120.0):
        theirs = ProviderState(provider())
        then = ClockReading(START + timedelta(seconds=after + wrong), after)
        told = outcome(OutcomeKind.RATE_LIMITED, after=after + wrong, retry_after=40.0)
        json = theirs.record_check(told, None, then).state
        assert adopt_shared(ours, shared(json, age=10.0), at(after + 10.0), keep_plan=False)
        health = ours.target.health
        assert health.last_check == START + timedelta(seconds=after)
        assert health.blocked_until == pytest.approx(theirs.target.health.blocked_until)
    late = ProviderState(provider())
    then = ClockReading(START + timedelta(seconds=100.0 + wrong), 100.0)
    json = late.record_check(outcome(after=100.0 + wrong), None, then).state
    assert not adopt_shared(ours, shared(json, age=40.0), at(140.0), keep_plan=False)


def test_stored_state_is_restored_even_if_an_offers_state_is_unreadable() -> None:
    _, json = checked(0.0, OutcomeKind.SERVER)
    again = ProviderState(provider())
    offers = {"m": StoredTarget(statistics=Statistics(), state="{"), "n": stored(json)}
    with pytest.raises(msgspec.DecodeError):
        restore_provider(again, StoredProvider(own=stored(json), offers=offers), at(5.0))
    assert again.target.health.consecutive_failures == 1
    assert again.find_offer("n").target.health.consecutive_failures == 1


def test_a_check_made_since_the_start_counts_more_than_what_was_stored() -> None:
    _, json = checked(0.0, OutcomeKind.SERVER)
    again, _ = checked(60.0)
    restore_provider(again, StoredProvider(own=stored(json)), at(61.0))
    assert again.target.health.consecutive_failures == 0
    assert again.target.statistics.checks_in_day == 1


def stored(json: str) -> StoredTarget:
    return StoredTarget(statistics=Statistics(), state=json)
