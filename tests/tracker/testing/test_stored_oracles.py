"""tracker.testing.stored_oracles: what the file says is what a tracker starts with."""

import attrs

from tests.helpers.factories import provider
from tracker.testing.stored_oracles import unchecked_oracle, with_timing


def test_a_provider_without_checks_has_an_oracle_for_each_watched_model() -> None:
    oracle = unchecked_oracle(attrs.evolve(provider("a"), models=("x", "y")))
    assert (oracle.life, set(oracle.offers)) == ([], {"x", "y"})


def test_the_present_timing_is_that_of_the_provider_and_its_offers() -> None:
    before = attrs.evolve(provider("a"), models=("x",))
    timing = attrs.evolve(before.timing, interval_seconds=before.timing.interval_seconds * 2)
    now = attrs.evolve(before, timing=timing)
    oracle = with_timing(unchecked_oracle(before), now)
    assert oracle.timing == timing
    assert oracle.offers["x"].timing == now.model_timing
