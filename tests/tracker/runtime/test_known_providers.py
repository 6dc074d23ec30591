"""State outlives a reload: of providers that are watched, that were, and that may be."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.helpers.factories import AT_START, outcome, provider
from tracker.core.outcomes import OutcomeKind
from tracker.health.other_vantages import ClusterRules, OtherVantages
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import StoredProvider
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import StoredTarget
from tracker.runtime.known_providers import KnownProviders

NAMES = "abcd"


def known() -> KnownProviders:
    return KnownProviders(outdated=set())


def stored(state: str | None = None) -> StoredProvider:
    return StoredProvider(own=StoredTarget(statistics=Statistics(), state=state))


def failed_state() -> str:
    record = ProviderState(provider()).record_check(outcome(OutcomeKind.SERVER), None, AT_START)
    return record.state


@given(steps=st.lists(st.tuples(st.booleans(), st.sampled_from(NAMES)), max_size=20))
def test_the_state_of_a_name_stays_one_object_across_removals(
    steps: list[tuple[bool, str]],
) -> None:
    providers, first = known(), dict[str, ProviderState]()
    wanted: set[str] = set()
    for adds, name in steps:
        if adds:
            state = providers.add(provider(name), AT_START, overridden=False)
            assert first.setdefault(name, state) is state
            wanted.add(name)
        else:
            assert providers.remove(name) is (name in wanted)
            wanted.discard(name)
        assert providers.watched.keys() == wanted
        assert providers.targets == len(wanted)


def test_a_returning_provider_is_shown_with_its_present_settings() -> None:
    providers = known()
    state = providers.add(provider(), AT_START, overridden=False)
    state.record_check(outcome(), 60.0, AT_START)
    state.refresh(AT_START)
    providers.remove("groq")
    providers.add(provider(), AT_START, overridden=False)
    assert (state.published.view, state.target.next_due, state.checked) == (None, None, False)


def test_offers_are_counted_as_targets_and_counted_again_at_a_reload() -> None:
    providers = known()
    for models, targets in ((("m", "n"), 3), (("m",), 2), ((), 1)):
        settings = attrs.evolve(provider(), models=models)
        providers.add(settings, AT_START, overridden=False)
        assert providers.targets == targets
    providers.remove("groq")
    assert providers.targets == 0


@pytest.mark.parametrize("known_before", ["watched", "removed", "never"])
def test_what_is_stored_reaches_a_provider_whenever_it_is_added(known_before: str) -> None:
    providers = known()
    if known_before != "never":
        providers.add(provider(), AT_START, overridden=False)
    if known_before == "removed":
        providers.remove("groq")
    providers.restore({"groq": stored(failed_state())}, AT_START, complete=True)
    state = providers.add(provider(), AT_START, overridden=False)
    assert state.target.health.consecutive_failures == 1


@pytest.mark.parametrize("text", ["{", '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5_000], ids=len)
def test_an_unreadable_stored_state_is_reported_and_affects_no_other(text: str) -> None:
    providers = known()
    for name in ("a", "b"):
        providers.add(provider(name), AT_START, overridden=False)
    with capture_logs() as logs:
        past = {"a": stored(text), "b": stored(failed_state())}
        providers.restore(past, AT_START, complete=True)
    assert [(line["event"], line["provider"]) for line in logs] == [
        ("stored state cannot be read", "a")
    ]
    assert providers.watched["b"].target.health.consecutive_failures == 1


def test_uptime_is_null_until_the_whole_history_is_read() -> None:
    providers = known()
    providers.add(provider("a"), AT_START, overridden=False)
    providers.restore({}, AT_START, complete=False)
    late = providers.add(provider("b"), AT_START, overridden=False)
    assert not providers.watched["a"].target.statistics.complete
    assert not late.target.statistics.complete
    providers.restore({}, AT_START, complete=True)
    assert providers.watched["a"].target.statistics.complete
    assert late.target.statistics.complete


def test_a_provider_added_after_joining_a_cluster_takes_part_in_it() -> None:
    providers, others = known(), OtherVantages(ClusterRules(vantage="eu-1"))
    before = providers.add(provider("a"), AT_START, overridden=False)
    before.refresh(AT_START)
    providers.outdated.clear()
    providers.join(others)
    after = providers.add(provider("b"), AT_START, overridden=False)
    assert before.others is after.others is others
    assert before.touched
    assert providers.outdated == {"a", "b"}
