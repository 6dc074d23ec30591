"""What offers cost: 200 providers with 20 watched models each, ``python -m benchmarks.offers``.

    --providers N --models M --checks C

The aggregator alone, without network and store: each target gets C checks, then single checks of
offers arrive and each is published, as a running tracker does. Printed are the times to publish one
change, to publish with one set of updated windows, to rank one model that all providers offer, to
encode a model's answer as JSON and the whole list of models, and the memory.
"""

import argparse
import gc
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import attrs
import msgspec
import structlog
import trio

from api.routes.models import _encode_list
from api.schemas.convert import view_best, view_provider
from benchmarks.table import Figure, row
from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.ranking import Ranking
from tracker.core.settings import Provider
from tracker.core.snapshot import Snapshot
from tracker.models.resolver import ModelResolver, NamedOffer
from tracker.ranking.guard import FallbackRanker
from tracker.ranking.offer_ranking import rank_offers
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.messages import CheckCompleted, ProviderAdded
from tracker.store.backlog import Backlog

PUBLISH_MS = 20.0  # how long a snapshot may block the loop
ROUNDS = 200
START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
EVERY_SECONDS = 60.0
FACTS = Facts(reachable=True, authenticated=True, inference=True)
KEPT = 1_000  # results for the store, which is absent here


@attrs.define
class Watched:
    """An aggregator that watches many offers, and its current time."""

    providers: int
    models: int
    seconds: float = 0.0
    aggregator: Aggregator = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.aggregator = Aggregator(
            board=Board(Snapshot(timestamp=START, revision=0, ranking=Ranking(reason=""))),
            backlog=Backlog(KEPT),
            rank=FallbackRanker(),
            clock=Clock(now=self._now, steady=lambda: self.seconds),
        )
        for number in range(self.providers):
            self.aggregator.handle(ProviderAdded(provider=self._provider(number)))

    def check(self, number: int, model: int | None) -> None:
        """Handle one good check of a provider or of an offer."""
        latency = 100.0 + (number * 7 + (model or 0) * 13 + int(self.seconds)) % 400
        result = CheckResult(
            kind=OutcomeKind.OK,
            provider=f"provider-{number:03}",
            at=self._now(),
            model=None if model is None else f"vendor/model-{model}-70b-instruct",
            latency_ms=latency,
            ttft_ms=None if model is None else latency / 2,
            facts=FACTS,
            completions=int(model is not None),
        )
        self.aggregator.handle(CheckCompleted(result=result, next_due=self.seconds + 300.0))

    def fill(self, checks: int) -> None:
        for _ in range(checks):
            self.seconds += EVERY_SECONDS
            for number in range(self.providers):
                for model in (None, *range(self.models)):
                    self.check(number, model)

    def _now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _provider(self, number: int) -> Provider:
        names = tuple(f"vendor/model-{model}-70b-instruct" for model in range(self.models))
        return Provider(name=f"provider-{number:03}", models=names)


def timed(rounds: int, prepare: Callable[[int], object], job: Callable[[], object]) -> list[float]:
    """Return the CPU milliseconds of each round, without its preparation or other programs."""
    took = []
    for number in range(rounds):
        prepare(number)
        began = time.thread_time()
        job()
        took.append((time.thread_time() - began) * 1000.0)
    return took


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


async def measure(providers: int, models: int, checks: int) -> list[Figure]:
    before = megabytes()
    watched = Watched(providers, models)
    watched.fill(checks)
    aggregator = watched.aggregator
    aggregator.publish()
    gc.collect()
    memory = megabytes() - before

    def one_more(number: int) -> None:
        watched.seconds += 0.1
        watched.check(number % providers, number % models)

    with without_collecting():
        changed = timed(ROUNDS, one_more, aggregator.publish)
        moved = timed(ROUNDS // 10, lambda _: move_windows(watched), aggregator.publish)
        return [
            Figure(
                f"publish one offer's check, {providers} × {models}",
                changed,
                "ms",
                limit=PUBLISH_MS,
            ),
            Figure("publish it, the slowest of a hundred", [sorted(changed)[-ROUNDS // 100]], "ms"),
            Figure("publish with a turn of windows moved", moved, "ms", limit=PUBLISH_MS),
            *answers(watched),
            Figure(f"memory, {checks} checks of each", [memory], "MB"),
            Figure("  an offer", [memory * 1024 / (providers * models)], "kB"),
        ]


def answers(watched: Watched) -> Iterator[Figure]:
    aggregator, snapshot = watched.aggregator, watched.aggregator.board.latest
    resolver = ModelResolver.of(
        {name: [offer.model for offer in one.offers] for name, one in snapshot.providers.items()}
    )
    match = resolver.resolve("model-0-70b")
    assert match is not None
    offers: tuple[NamedOffer, ...] = match.offers

    def rank() -> Ranking:
        return rank_offers(offers, aggregator.entries, aggregator.rank, None)

    one = next(iter(snapshot.providers.values()))
    yield Figure(f"rank one model's {len(offers)} offers", timed(50, _nothing, rank), "ms")
    yield Figure(
        "rank and encode /best?model=",
        timed(50, _nothing, lambda: msgspec.json.encode(view_best(snapshot.timestamp, rank()))),
        "ms",
    )
    encode_one = timed(50, _nothing, lambda: msgspec.json.encode(view_provider(one)))
    yield Figure("encode one provider with its offers", encode_one, "ms")
    listed = timed(5, _nothing, lambda: b"".join(_encode_list(snapshot, resolver)))
    yield Figure("encode /api/models (in a thread, in pieces)", listed, "ms")


def move_windows(watched: Watched) -> None:
    """Advance the time so far that windows are due, one set of them at each publication."""
    watched.seconds += EVERY_SECONDS
    watched.aggregator._schedule.refreshed = -float("inf")


def _nothing(_: int) -> None:
    """Prepare nothing."""


@contextmanager
def without_collecting() -> Iterator[None]:
    """Tune the garbage collector as the tracker does, so that it runs rarely."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.offers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--providers", type=int, default=200)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--checks", type=int, default=30)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    for figure in trio.run(measure, given.providers, given.models, given.checks):
        print(row(figure))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
