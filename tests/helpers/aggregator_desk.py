"""An aggregator by itself, handed messages by hand."""

import attrs
import trio

from tests.helpers.factories import finding, provider
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.settings import Provider
from tracker.core.snapshot import Snapshot
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.messages import CheckCompleted, ProviderAdded, Publish
from tracker.store.backlog import Backlog
from tracker.testing import virtual_clock


def remote(name: str) -> Provider:
    """A provider on a host of its own: those on this machine say nothing about our network."""
    return attrs.evolve(provider(name), base_url=f"https://{name}.example/v1")


@attrs.define
class Desk:
    """An aggregator, its board, and short ways to hand it messages."""

    aggregator: Aggregator

    @classmethod
    def open(cls, *providers: Provider) -> "Desk":
        clock = virtual_clock()
        board = Board(Snapshot(timestamp=clock.now(), revision=0, ranking=Ranking(reason="")))
        desk = cls(Aggregator(board=board, backlog=Backlog(), rank=FallbackRanker(), clock=clock))
        for each in providers:
            desk.aggregator.handle(ProviderAdded(provider=each))
        return desk

    def report(self, name: str, kind: OutcomeKind, *, message: str = "") -> None:
        at = self.aggregator.clock.now()
        result = finding(kind, provider=name, at=at, message=message)
        due = self.aggregator.clock.steady() + 300.0
        self.aggregator.handle(CheckCompleted(result=result, next_due=due))

    def publish(self) -> Snapshot:
        self.aggregator.handle(Publish(done=trio.Event()))
        return self.aggregator.board.latest

    def view(self, name: str) -> ProviderStatus:
        return self.publish().providers[name]

    @property
    def stored(self) -> list[object]:
        return list(self.aggregator.backlog.waiting())
