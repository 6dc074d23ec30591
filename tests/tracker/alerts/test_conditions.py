"""Which conditions a snapshot shows, and which are unclear."""

from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.alert_scenario import START, a_down_provider, snapshot_of
from tests.helpers.idle_tracker import a_bare_provider, a_provider
from tracker.alerts import conditions
from tracker.alerts.conditions import SILENT_SECONDS, find_conditions
from tracker.alerts.watched_views import WatchedViews
from tracker.core.incidents import Cause
from tracker.core.outcomes import KeyReport, KeyState, OutcomeKind, Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus

BEGAN = START - timedelta(minutes=3)


def causes(*providers: Any, at: Any = START, **changes: Any) -> dict[Any, Any]:
    found = find_conditions(snapshot_of(providers, START, **changes), at)
    return {cause.value: subject for cause, subject in found.present}


def test_healthy_providers_have_no_condition() -> None:
    assert causes(a_provider("a")) == {}


def test_a_provider_is_down_since_its_first_failed_check() -> None:
    found = find_conditions(
        snapshot_of([a_down_provider("a", BEGAN), a_provider("b")], START), START
    )
    ((key, condition),) = found.present.items()
    assert key == (Cause.PROVIDER, "a")
    assert condition.since == BEGAN
    assert condition.summary == "a is down: server error (503)"


def test_a_switched_off_provider_has_no_condition() -> None:
    assert causes(a_down_provider("a", BEGAN, enabled=False), a_provider("b")) == {}


def test_a_refused_key_is_our_fault_and_not_an_outage() -> None:
    refused = a_down_provider(
        "a", BEGAN, outcome=OutcomeKind.AUTH, error_message="our credentials were refused (401)"
    )
    assert causes(refused, a_provider("b")) == {"key": "a"}


def test_one_spent_key_of_two_is_named_by_its_number() -> None:
    keys = (KeyReport(number=1, state=KeyState.OK), KeyReport(number=2, state=KeyState.SPENT))
    found = find_conditions(snapshot_of([a_provider("a", keys=keys)], START), START)
    (condition,) = found.present.values()
    assert condition.summary == "a: key 2 is spent"


def test_nothing_usable_is_a_condition_of_its_own() -> None:
    assert causes(a_down_provider("a", BEGAN), a_down_provider("b", BEGAN)) == {
        "nothing_usable": "all providers",
        "provider": "b",
    }


def test_a_fault_of_our_network_is_not_blamed_on_providers() -> None:
    words = "our network cannot be reached"
    lost = a_bare_provider("a", reason=words, last_check=BEGAN, outcome=OutcomeKind.INTERNAL)
    found = find_conditions(snapshot_of([lost], START, network_away=True), START)
    assert set(found.present) == {(Cause.NETWORK, "our network")}
    assert found.is_unclear((Cause.PROVIDER, "a"), "a")
    assert found.is_unclear((Cause.NOTHING_USABLE, "all"), None)


def test_a_tracker_that_sees_nothing_says_so() -> None:
    assert causes(a_bare_provider("a", reason="stale")) == {"tracker": "the tracker"}
    late = START + timedelta(seconds=SILENT_SECONDS + 1)
    assert causes(a_provider("a"), at=late) == {"tracker": "the tracker"}


def test_before_the_first_sweep_nothing_is_known() -> None:
    found = find_conditions(snapshot_of([a_down_provider("a", BEGAN)], START, swept=False), START)
    assert not found.present
    assert all(found.is_unclear((cause, "a"), "a") for cause in Cause)


def test_a_watched_offer_is_down_only_while_its_provider_answers() -> None:
    offer = OfferStatus(
        model="m-7b",
        variant=None,
        status=Status.DOWN,
        usable=False,
        reason="3 failed checks",
        evidence=EvidenceSource.OFFER,
        failing_since=BEGAN,
    )
    assert causes(a_provider("a", offers=(offer,))) == {"offer": "a/m-7b"}
    assert "offer" not in causes(a_down_provider("a", BEGAN, offers=(offer,)))


def an_offer(status: Status, **changes: Any) -> OfferStatus:
    return OfferStatus(
        model="m-7b",
        variant=None,
        status=status,
        usable=False,
        reason="",
        evidence=EvidenceSource.OFFER,
        failing_since=BEGAN,
        **changes,
    )


def test_offers_and_keys_are_unclear_while_their_provider_is_down() -> None:
    down = a_down_provider("a", BEGAN, offers=(an_offer(Status.DOWN),))
    found = find_conditions(snapshot_of([down, a_provider("b")], START), START)
    assert found.is_unclear((Cause.OFFER, "a/m-7b"), "a")
    assert found.is_unclear((Cause.KEY, "a"), "a")
    assert not found.is_unclear((Cause.PROVIDER, "a"), "a")


def test_an_offer_whose_last_checks_say_nothing_is_unclear() -> None:
    silent = an_offer(Status.UNKNOWN)
    stalled = an_offer(Status.DOWN, outcome=OutcomeKind.INTERNAL)
    for offer in (silent, stalled):
        view = a_provider("a", offers=(offer,))
        found = find_conditions(snapshot_of([view], START), START)
        assert found.is_unclear((Cause.OFFER, "a/m-7b"), "a")
        assert found.clear == {"a"}


def test_markup_in_an_error_reaches_no_summary() -> None:
    nasty = a_down_provider("a", BEGAN, error_message="\x1b[31m<b>boom</b> \u202eevil")
    found = find_conditions(snapshot_of([nasty, a_provider("b")], START), START)
    (condition,) = found.present.values()
    assert condition.summary == "a is down: boom evil"


def variants(name: str) -> list[ProviderStatus]:
    """What a provider may look like, one object each, as snapshots share them."""
    refused = KeyReport(number=1, state=KeyState.REFUSED)
    offer = OfferStatus(
        model="m",
        variant=None,
        status=Status.DOWN,
        usable=False,
        reason="gone",
        evidence=EvidenceSource.OFFER,
    )
    return [
        a_provider(name),
        a_provider(name, status=Status.DEGRADED),
        a_bare_provider(name),
        a_down_provider(name, BEGAN),
        a_provider(name, keys=(refused,)),
        a_provider(name, outcome=OutcomeKind.INTERNAL),
        a_provider(name, enabled=False),
        attrs.evolve(a_provider(name), offers=(offer,)),
    ]


SHOWN = {name: variants(name) for name in "abc"}


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 7), max_size=3),
        min_size=1,
        max_size=6,
    )
)
def test_skipping_calm_providers_finds_the_same_conditions(seen: list[dict[str, int]]) -> None:
    known = WatchedViews()
    for step, shown in enumerate(seen):
        snapshot = snapshot_of([SHOWN[name][which] for name, which in shown.items()], START)
        at = START + timedelta(seconds=step)
        assert find_conditions(snapshot, at, known) == find_conditions(snapshot, at)


def test_a_calm_provider_is_examined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    look = conditions._is_unclear
    monkeypatch.setattr(
        conditions, "_is_unclear", lambda view: bool(looked.append(view.name)) or look(view)
    )
    known = WatchedViews()
    views = [a_provider(name) for name in "abc"]
    for _ in range(3):
        find_conditions(snapshot_of(views, START), START, known)
    assert looked == ["a", "b", "c"]
