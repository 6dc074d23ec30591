"""Which offers serve a model, and their order, on a whole tracker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.core.settings import Config, Provider, Timing
from tracker.models.resolver import NamedOffer
from tracker.testing import DatabaseFile, FakeCheck, ProviderBehavior, TrackerHarness

MODEL = "llama-3.3-70b"


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[TrackerHarness]:
    """Return a tracker of two providers that offer the same model, ``b`` more slowly."""
    timing = Timing(interval_seconds=30.0, timeout_seconds=5.0)
    disk = DatabaseFile(tmp_path / "tracker.db")
    providers = tuple(Provider(name=name, timing=timing, models=(MODEL,)) for name in "ab")
    config = Config(database=str(disk.path), providers=providers)
    checks = {"a": FakeCheck(), "b": FakeCheck(latency_ms=400.0)}
    harness = TrackerHarness(config, checks, disk)
    harness.start()
    try:
        harness.passes(300.0)
        yield harness
    finally:
        harness.host.close()
        disk.close()


def test_the_resolver_knows_the_watched_offers(harness: TrackerHarness) -> None:
    resolver = harness.do(harness.tracker.offers.resolver)
    found = resolver.resolve("Llama 3.3 70B")
    assert found is not None
    assert [offer.provider for offer in found.offers] == ["a", "b"]


def test_the_resolver_is_current_until_the_configuration_takes_an_offer_out(
    harness: TrackerHarness,
) -> None:
    resolver = harness.do(harness.tracker.offers.resolver)
    assert harness.tracker.offers.current_resolver() is resolver
    a, _ = harness.config.providers
    harness.reload(Config(database=harness.config.database, providers=(a,)))
    assert harness.tracker.offers.current_resolver() is None


def test_an_offer_that_fails_loses_its_place(harness: TrackerHarness) -> None:
    offers = [NamedOffer(name, MODEL) for name in "ab"]
    before = harness.tracker.offers.rank(offers)
    harness.checks["a"].models[MODEL] = ProviderBehavior.SERVER_ERROR
    harness.passes(300.0)
    after = harness.tracker.offers.rank(offers)
    assert (before.best, after.best) == ("a", "b")
