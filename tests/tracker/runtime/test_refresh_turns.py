"""Which views a snapshot makes again: changed ones a few at once, and all in turn."""

from collections import Counter

import attrs

from tests.helpers.factories import provider
from tracker.health.provider_state import ProviderState
from tracker.runtime.publication import REFRESHED_AT_ONCE
from tracker.runtime.refresh_turns import RefreshTurns


def watch(count: int) -> dict[str, ProviderState]:
    return {name: ProviderState(provider(name)) for name in (f"p{n:04}" for n in range(count))}


def test_a_round_refreshes_every_provider_once_and_a_few_at_a_time() -> None:
    providers = watch(2 * REFRESHED_AT_ONCE + 1)
    turns = RefreshTurns()
    reached: Counter[str] = Counter()
    rounds = 0
    while rounds == 0 or not turns.round_is_over:
        turns.note_turn(providers)
        assert len(turns.outdated) <= REFRESHED_AT_ONCE
        reached.update(turns.outdated)
        turns.outdated.clear()
        rounds += 1
    assert reached == Counter(dict.fromkeys(providers, 1))
    assert rounds == 3


def test_only_recorded_names_are_taken_from_the_changed_ones() -> None:
    providers = watch(REFRESHED_AT_ONCE + 5)
    turns = RefreshTurns()
    names = iter(providers)
    turns.note_changed(names, providers)
    assert sorted([*turns.outdated, *names]) == sorted(providers)
    assert len(turns.outdated) == REFRESHED_AT_ONCE


def test_a_provider_with_many_offers_counts_as_many() -> None:
    models = tuple(f"m{n}" for n in range(REFRESHED_AT_ONCE))
    providers = {"big": ProviderState(attrs.evolve(provider("big"), models=models)), **watch(3)}
    turns = RefreshTurns()
    turns.note_changed(iter(providers), providers)
    assert turns.outdated == {"big"}
