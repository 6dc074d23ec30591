"""Which offers serve a model, and their order, on a whole tracker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from benchmarks.torture.loop import MOST_MS
from tests.helpers.factories import finding, provider
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.turn_timer import timed_turns
from tracker.core.outcomes import OutcomeKind
from tracker.core.ranking import Ranking
from tracker.core.settings import Config, Provider, Timing
from tracker.core.snapshot import Snapshot
from tracker.models.resolver import NamedOffer
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.messages import CheckCompleted, ProviderAdded, Publish
from tracker.runtime.model_directory import ModelDirectory
from tracker.runtime.offer_queries import OfferQueries
from tracker.store.backlog import Backlog
from tracker.testing import (
    DatabaseFile,
    FakeCheck,
    ProviderBehavior,
    TrackerHarness,
    virtual_clock,
)

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


async def test_thousands_of_offers_are_ranked_in_turns_as_they_are_at_once() -> None:
    clock = virtual_clock()
    board = Board(Snapshot(timestamp=clock.now(), revision=0, ranking=Ranking(reason="")))
    aggregator = Aggregator(board=board, backlog=Backlog(), rank=FallbackRanker(), clock=clock)
    offers = [NamedOffer(f"p{number:04}", MODEL) for number in range(2_100)]
    for number, offer in enumerate(offers):
        aggregator.handle(ProviderAdded(provider=provider(offer.provider)))
        kind = OutcomeKind.AUTH if number % 7 == 0 else OutcomeKind.OK
        latency = 100.0 + number % 97
        result = finding(kind, provider=offer.provider, at=clock.now(), latency_ms=latency)
        aggregator.handle(CheckCompleted(result=result, next_due=clock.steady() + 300.0))
    aggregator.handle(Publish(done=trio.Event()))
    queries = OfferQueries(aggregator, ModelDirectory())
    with no_collector(), timed_turns() as timer:
        ranking = await queries.rank_in_turns(offers)
    assert fair_ms(timer.worst) <= MOST_MS
    assert (len(ranking.ordered), len(ranking.excluded)) == (1_800, 300)
    assert ranking == queries.rank(offers)
