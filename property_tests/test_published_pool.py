"""A snapshot built from changes equals one built from everything."""

from datetime import UTC, datetime, timedelta
from typing import Any

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.provider_status import EvidenceSource
from tracker.core.ranking import Ranking
from tracker.core.settings import Provider, Timing
from tracker.core.snapshot import Snapshot
from tracker.ranking.candidate_pool import CandidatePool
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.messages import (
    CheckCompleted,
    CheckRescheduled,
    ProviderAdded,
    ProviderRemoved,
    Publish,
)
from tracker.store.backlog import Backlog

NAMES = ("a", "b", "c", "d", "e")
OFFERS = {"b": ("m1", "m2"), "d": ("m1",)}
TIMING = Timing(interval_seconds=300.0, timeout_seconds=10.0)
names = st.sampled_from(NAMES)
kinds = st.sampled_from(
    [OutcomeKind.OK] * 4
    + [OutcomeKind.SLOW, OutcomeKind.SERVER, OutcomeKind.RATE_LIMITED, OutcomeKind.AUTH]
)
steps = st.one_of(
    st.tuples(st.just("add"), names, st.booleans()),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("check"), names, kinds, st.integers(1, 900), st.booleans()),
    st.tuples(st.just("check"), names, kinds, st.integers(1, 900), st.booleans()),
    st.tuples(st.just("plan"), names, st.none() | st.integers(0, 900)),
    st.tuples(st.just("wait"), st.sampled_from([0.05, 1.0, 20.0, 61.0, 1_000.0])),
    st.tuples(st.just("set clock"), st.sampled_from([-900.0, 900.0])),
    st.tuples(st.just("publish")),
)


class World:
    """An aggregator whose clocks are frozen until a step moves them."""

    def __init__(self) -> None:
        self.wall, self.steady = datetime(2026, 3, 1, 12, tzinfo=UTC), 1_000.0
        clock = Clock(now=lambda: self.wall, steady=lambda: self.steady)
        board = Board(Snapshot(timestamp=self.wall, revision=0, ranking=Ranking(reason="")))
        self.aggregator = Aggregator(
            board=board, backlog=Backlog(), rank=FallbackRanker(), clock=clock
        )

    def add(self, name: str, enabled: bool) -> None:
        provider = Provider(
            name=name,
            base_url=f"https://{name}.example/v1",
            timing=TIMING,
            enabled=enabled,
            models=OFFERS.get(name, ()),
        )
        self.aggregator.handle(ProviderAdded(provider=provider))

    def check(self, name: str, kind: OutcomeKind, ms: int, of_offer: bool) -> None:
        model = OFFERS[name][0] if of_offer and name in OFFERS else None
        found = CheckResult(
            kind=kind,
            provider=name,
            at=self.wall,
            model=model,
            latency_ms=float(ms),
            retry_after=float(ms) if kind is OutcomeKind.RATE_LIMITED else None,
        )
        self.aggregator.handle(CheckCompleted(result=found, next_due=self.steady + ms))

    def plan(self, name: str, seconds: int | None) -> None:
        due = None if seconds is None else self.steady + seconds
        self.aggregator.handle(CheckRescheduled(provider=name, next_due=due))

    def take(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("add", name, enabled):
                self.add(name, enabled)
            case ("remove", name):
                self.aggregator.handle(ProviderRemoved(name=name))
            case ("check", name, kind, ms, of_offer):
                self.check(name, kind, ms, of_offer)
            case ("plan", name, seconds):
                self.plan(name, seconds)
            case ("wait", seconds):
                self.wall += timedelta(seconds=seconds)
                self.steady += seconds
            case ("set clock", seconds):
                self.wall += timedelta(seconds=seconds)
            case _:
                self.publish()

    def publish(self) -> None:
        self.aggregator.handle(Publish(done=trio.Event()))
        assert_whole(self.aggregator, self.wall)


def assert_whole(aggregator: Aggregator, at: datetime) -> None:
    """Compare the latest snapshot with one that is put together from every provider's state."""
    snapshot, states = aggregator.board.latest, aggregator.providers
    assert list(snapshot.providers) == sorted(states)
    for name, state in states.items():
        assert snapshot.providers[name] is state.published.view
    pool = CandidatePool.of(states[name].published.entry for name in sorted(states))
    dues = (view.next_result_at(at) for view in snapshot.providers.values())
    due = min((moment for moment in dues if moment is not None), default=None)
    first = snapshot.ranking.best
    fresh = FallbackRanker()(pool.candidates, pool.excluded, first, due)
    told = [line.provider for line in snapshot.ranking.ranked]
    assert told == [line.provider for line in fresh.ranked]
    assert snapshot.ranking.excluded == fresh.excluded
    assert snapshot.ranking.valid_until == due
    assert snapshot.ranking.usual_failure_ms == fresh.usual_failure_ms
    assert_entries(aggregator)


def assert_entries(aggregator: Aggregator) -> None:
    entries, states = aggregator.entries, aggregator.providers
    assert entries.tasks == {n: s.tasks for n, s in states.items()}
    assert entries.providers == {n: s.published.entry for n, s in states.items()}
    assert entries.offers == dict(pair for s in states.values() for pair in s.offer_entries())
    assert entries.unproven == {
        f"{name}/{offer.model}"
        for name, state in states.items()
        for offer in state.published.offers
        if offer.evidence is EvidenceSource.PROVIDER
    }


@settings(deadline=None)
@given(st.lists(steps, max_size=40))
def test_a_snapshot_of_what_changed_is_that_of_everything(taken: list[tuple[Any, ...]]) -> None:
    async def run() -> None:
        world = World()
        for step in taken:
            world.take(step)
        world.publish()

    trio.run(run, clock=trio.testing.MockClock())


# The clock is set back to before a check was due, so it is due again.
@example(
    [("check", "a", OutcomeKind.OK, 1, False), ("wait", 20.0), ("publish",), ("set clock", -900.0)]
)
@given(st.lists(steps, max_size=30))
def test_what_did_not_change_is_the_same_object(taken: list[tuple[Any, ...]]) -> None:
    async def run() -> None:
        world = World()
        for name in NAMES:
            world.add(name, True)
        for step in taken:
            world.take(step)
        world.publish()
        before = world.aggregator.board.latest
        world.check("c", OutcomeKind.OK, 77, False)
        world.publish()
        after = world.aggregator.board.latest
        for name in after.providers.keys() & before.providers.keys() - {"c"}:
            assert after.providers[name] is before.providers[name]

    trio.run(run, clock=trio.testing.MockClock())
