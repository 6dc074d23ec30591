"""Offers and their provider: what concerns one model, and what concerns them all."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.helpers.factories import AT_START, START, finding, provider
from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind, Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.ranking import Excluded
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider, restore_provider
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import StoredTarget
from tracker.ranking.policy import Candidate

OK, NOT_FOUND, SERVER, AUTH = (
    OutcomeKind.OK,
    OutcomeKind.NOT_FOUND,
    OutcomeKind.SERVER,
    OutcomeKind.AUTH,
)


def clock(seconds: float) -> ClockReading:
    return ClockReading(START + timedelta(seconds=seconds), seconds)


def watching(*models: str) -> ProviderState:
    settings = attrs.evolve(provider("groq", interval_seconds=60.0), models=models)
    state = ProviderState(settings)
    state.record_check(found(OK), 60.0, AT_START)
    return state


def restarted(state: ProviderState, own: str, offers: dict[str, str]) -> ProviderState:
    """Make the state of a new process out of what was stored."""
    again = ProviderState(state.provider)
    past = {
        model: StoredTarget(statistics=Statistics(), state=text) for model, text in offers.items()
    }
    restore_provider(
        again,
        StoredProvider(own=StoredTarget(statistics=Statistics(), state=own), offers=past),
        clock(2),
    )
    return again


def found(kind: OutcomeKind, model: str | None = None, **more: Any) -> CheckResult:
    return finding(kind, provider="groq", at=START, model=model, **more)


def view(state: ProviderState, seconds: float = 1.0) -> ProviderStatus:
    return state.refresh(clock(seconds))


def offer(state: ProviderState, model: str, seconds: float = 1.0) -> OfferStatus:
    return next(each for each in view(state, seconds).offers if each.model == model)


def test_without_a_check_of_its_own_an_offer_has_its_providers_status_and_says_so() -> None:
    shown = offer(watching("a-70b-versatile"), "a-70b-versatile")
    assert (shown.evidence, shown.status, shown.usable) == (
        EvidenceSource.PROVIDER,
        Status.HEALTHY,
        True,
    )
    assert shown.reason == "this model has not been checked yet; groq: last check ok in 100 ms"
    assert shown.variant == "versatile"


def test_a_missing_model_leaves_its_provider_healthy() -> None:
    state = watching("a", "b")
    for second in range(3):
        state.record_check(found(NOT_FOUND, "a"), 180.0, clock(second))
        state.record_check(found(NOT_FOUND, "b"), 180.0, clock(second))
    shown = view(state)
    assert (shown.status, shown.usable, shown.consecutive_failures) == (Status.HEALTHY, True, 0)
    assert [each.status for each in shown.offers] == [Status.DOWN, Status.DOWN]
    assert [each.usable for each in shown.offers] == [False, False]


def test_a_refused_key_concerns_all_offers_whichever_check_found_it() -> None:
    state = watching("a", "b")
    state.record_check(found(OK, "a"), 180.0, clock(1))
    refused = found(AUTH, "b", facts=Facts(reachable=True, authenticated=False))
    record = state.record_check(refused, 180.0, clock(2))
    shown = view(state, 3.0)
    assert (shown.usable, shown.outcome) == (False, AUTH)
    assert [each.usable for each in shown.offers] == [False, False]
    assert record.result.model is None  # stored as the provider's, which it concerns
    assert "asked for b" in record.result.message


def test_one_failing_offer_counts_alone_but_two_within_an_interval_count_for_the_provider() -> None:
    state = watching("a", "b")
    state.record_check(found(SERVER, "a"), 180.0, clock(1))
    assert view(state).consecutive_failures == 0
    state.record_check(found(SERVER, "b"), 180.0, clock(2))
    assert view(state).consecutive_failures == 1


@pytest.mark.parametrize(
    "others", [OutcomeKind.RATE_LIMITED, OutcomeKind.OVERLOADED, OutcomeKind.NOT_FOUND]
)
def test_a_failure_of_one_model_concerns_no_other(others: OutcomeKind) -> None:
    state = watching("a", "b")
    state.record_check(found(others, "a"), 180.0, clock(1))
    state.record_check(found(SERVER, "b"), 180.0, clock(2))
    state.record_check(found(others, "a"), 180.0, clock(3))
    assert view(state, 4.0).consecutive_failures == 0


def test_failures_that_count_for_the_provider_survive_a_restart() -> None:
    state = watching("a", "b", "c")
    own = state.record_check(found(OK), 60.0, clock(0)).state
    stored = {"a": state.record_check(found(SERVER, "a"), 180.0, clock(1)).state}
    again = restarted(state, own, stored)
    record = again.record_check(found(SERVER, "b"), 180.0, clock(2))
    assert view(again).consecutive_failures == 1
    third = restarted(state, record.provider_state, {**stored, "b": record.state})
    assert view(third).consecutive_failures == 1
    third.record_check(found(SERVER, "c"), 180.0, clock(3))
    assert view(third).consecutive_failures == 2


def test_a_late_check_of_a_removed_model_does_not_count_for_the_provider() -> None:
    state = watching("a", "b")
    state.record_check(found(SERVER, "b"), 180.0, clock(1))
    state.update_settings(attrs.evolve(state.provider, models=("b",)), overridden=False)
    record = state.record_check(found(SERVER, "a"), 180.0, clock(2))
    assert record.result.model == "a"
    assert view(state).consecutive_failures == 0
    state.record_check(found(AUTH, "a"), 180.0, clock(3))
    assert view(state, 4.0).outcome is AUTH


def test_an_offer_that_is_watched_again_continues_with_its_old_state() -> None:
    state = watching("a")
    state.record_check(found(NOT_FOUND, "a"), 180.0, clock(1))
    state.update_settings(attrs.evolve(state.provider, models=()), overridden=False)
    assert view(state).offers == ()
    state.update_settings(attrs.evolve(state.provider, models=("a",)), overridden=False)
    assert offer(state, "a").outcome is NOT_FOUND
    assert offer(state, "a").next_check is None


def test_a_failure_of_the_other_long_ago_does_not_blame_the_provider() -> None:
    state = watching("a", "b")
    state.record_check(found(SERVER, "a"), 180.0, clock(1))
    state.record_check(found(SERVER, "b"), 180.0, clock(500))
    assert view(state, 501.0).consecutive_failures == 0


def test_a_limit_of_one_model_blocks_only_that_model() -> None:
    state = watching("a", "b")
    limited = found(OutcomeKind.RATE_LIMITED, "a", retry_after=60.0)
    state.record_check(limited, 180.0, clock(1))
    state.record_check(found(OK, "b"), 180.0, clock(1))
    shown = view(state, 2.0)
    assert shown.usable
    assert {each.model: each.usable for each in shown.offers} == {"a": False, "b": True}
    entries = dict(state.offer_entries())
    assert isinstance(entries["groq/a"], Excluded)
    assert isinstance(entries["groq/b"], Candidate)
    assert offer(state, "a", 62.0).usable


def test_a_new_setting_keeps_what_is_known_of_an_offer_that_stays() -> None:
    state = watching("a", "b")
    state.record_check(found(OK, "a"), 180.0, clock(1))
    state.update_settings(attrs.evolve(state.provider, models=("c", "a")), overridden=False)
    assert [(each.model, each.evidence) for each in view(state).offers] == [
        ("c", EvidenceSource.PROVIDER),
        ("a", EvidenceSource.OFFER),
    ]


def test_an_offer_whose_check_waits_for_the_budget_says_so() -> None:
    state = watching("a")
    state.reschedule(5_000.0, clock(1), model="a", waits_for_budget=True)
    assert "its next check waits until 00:00 UTC" in offer(state, "a").reason
    state.record_check(found(OK, "a"), 180.0, clock(2))
    assert "waits" not in offer(state, "a").reason


def test_completions_of_the_offers_are_counted_as_the_providers() -> None:
    state = watching("a", "b")
    state.record_check(found(OK, "a", completions=1), 180.0, clock(1))
    state.record_check(found(OK, "b", completions=2), 180.0, clock(1))
    assert view(state).completions_24h == 3


def test_a_model_of_another_kind_is_marked_not_for_chat_until_it_answers() -> None:
    state = watching("flux-1-schnell")
    state.record_check(found(OutcomeKind.REQUEST, "flux-1-schnell"), 180.0, clock(1))
    shown = offer(state, "flux-1-schnell")
    assert not shown.usable
    assert shown.reason.startswith("not for chat (image generation); ")
    assert isinstance(dict(state.offer_entries())["groq/flux-1-schnell"], Excluded)
    answered = found(OK, "flux-1-schnell", facts=Facts(reachable=True, inference=True))
    state.record_check(answered, 180.0, clock(2))
    assert offer(state, "flux-1-schnell", 3.0).usable


def test_a_provider_whose_completion_waits_for_the_budget_says_so() -> None:
    state = watching()
    state.reschedule(5_000.0, clock(1), waits_for_budget=True)
    assert "its next check waits until 00:00 UTC" in view(state).reason


@pytest.mark.parametrize("kind", [OutcomeKind.DNS, OutcomeKind.CONNECT, OutcomeKind.TLS])
def test_a_connection_failure_concerns_the_provider(kind: OutcomeKind) -> None:
    state = watching("a")
    state.record_check(found(OK, "a"), 180.0, clock(1))
    state.record_check(found(kind, "a"), 180.0, clock(2))
    shown = view(state, 3.0)
    assert shown.outcome is kind
    assert shown.offers[0].consecutive_failures == 0


def test_an_announced_end_is_recorded_once_also_after_a_restart() -> None:
    day = START.date()
    watched = attrs.evolve(provider("groq"), models=("old",), retiring={"old": day, "else": day})
    state = ProviderState(watched)
    lists = found(OK, models=("new",), retiring={"new": day, "unlisted": day})
    assert {one.model for one in state.note_retirements(lists)} == {"old", "new"}
    record = state.record_check(lists, 60.0, AT_START)
    again = ProviderState(watched)
    restore_provider(
        again,
        StoredProvider(own=StoredTarget(statistics=Statistics(), state=record.state)),
        AT_START,
    )
    assert again.note_retirements(lists) == ()


def test_an_offer_has_its_announced_end_and_the_time_of_its_last_change() -> None:
    day = START.date()
    watched = attrs.evolve(provider("groq"), models=("old", "new"), retiring={"old": day})
    state = ProviderState(watched)
    state.note_retirements(found(OK, models=("new",), retiring={"new": day}))
    state.record_check(found(OK), 60.0, AT_START)
    state.record_check(found(OK, "old"), 60.0, clock(1))
    state.record_check(found(NOT_FOUND, "old"), 60.0, clock(2))
    view(state, 3.0)
    state.record_check(found(NOT_FOUND, "old"), 60.0, clock(4))
    assert offer(state, "old", 5.0).retires_on == day
    assert offer(state, "old", 5.0).status_since == clock(2).at
    assert offer(state, "new", 5.0).retires_on == day
    assert offer(state, "new", 5.0).status_since == view(state, 5.0).status_since


def test_a_model_that_its_list_says_is_no_chat_model_is_not_usable() -> None:
    state = ProviderState(attrs.evolve(provider("groq"), models=("painter",)))
    listed = found(OK, models=("painter",), tasks={"painter": "image generation"})
    state.record_check(listed, 60.0, AT_START)
    shown = offer(state, "painter")
    assert not shown.usable
    assert shown.reason.startswith("not for chat (image generation); ")
    state.record_check(found(OK, models=("painter",)), 60.0, clock(1))
    assert offer(state, "painter", 2.0).usable


def test_messages_about_a_model_that_is_no_longer_watched_change_nothing() -> None:
    state = watching("a")
    before = view(state)
    state.reschedule(500.0, clock(1.0), model="gone")
    state.record_failed_minute("80 of 100 calls failed", model="gone", lone_reporter=False)
    state.update_traffic(None, {"gone": (90.0, OutcomeKind.RATE_LIMITED)})
    assert state.health_of("gone") is None
    assert view(state) is before


def test_a_minute_of_failed_calls_counts_as_one_failed_check_of_its_model() -> None:
    state = watching("a", "b")
    state.record_failed_minute("80 of 100 calls failed", model="a", lone_reporter=False)
    assert offer(state, "a").status is not Status.HEALTHY
    assert offer(state, "b").status is Status.HEALTHY


def test_offers_of_a_provider_that_is_switched_off_have_no_plan() -> None:
    state = watching("a")
    state.record_check(found(OK, "a"), 60.0, AT_START)
    assert offer(state, "a").next_check is not None
    off = attrs.evolve(state.provider, enabled=False)
    state.update_settings(off, overridden=False)
    state.reschedule(90.0, clock(2.0), model="a")  # a last message of its actor
    assert offer(state, "a").next_check is None


def test_offers_are_restored_from_their_own_stored_checks_only() -> None:
    before = watching("a", "b")
    row = before.record_check(found(SERVER, "a"), 60.0, AT_START)
    stored = StoredTarget(statistics=Statistics(), state=row.state)
    own = StoredTarget(statistics=Statistics(), state=None)
    after = ProviderState(before.provider)
    restore_provider(after, StoredProvider(own=own, offers={"a": stored, "gone": stored}), AT_START)
    assert offer(after, "a").consecutive_failures == 1
    assert offer(after, "b").evidence is EvidenceSource.PROVIDER
    assert offer(after, "b").consecutive_failures == 0


def test_a_check_since_the_start_overrides_stored_state() -> None:
    before = watching("a")
    row = before.record_check(found(SERVER, "a"), 60.0, AT_START)
    stored = StoredTarget(statistics=Statistics(), state=row.state)
    after = watching("a")
    after.record_check(found(OK, "a"), 60.0, clock(5.0))
    own = StoredTarget(statistics=Statistics(), state=None)
    restore_provider(after, StoredProvider(own=own, offers={"a": stored}), clock(6.0))
    assert offer(after, "a", 6.0).consecutive_failures == 0


def test_a_repeated_fault_of_our_network_corrects_checks_once() -> None:
    state = watching()
    state.record_check(found(OutcomeKind.DNS), 60.0, clock(5.0))
    assert len(list(state.set_network_away(True, clock(6.0)))) == 1
    assert list(state.set_network_away(True, clock(7.0))) == []
    assert view(state, 8.0).consecutive_failures == 0


def test_an_offer_that_was_never_published_is_in_no_ranking() -> None:
    state = watching("a")
    assert list(state.offer_entries()) == []
    view(state)
    assert [name for name, _ in state.offer_entries()] == ["groq/a"]
