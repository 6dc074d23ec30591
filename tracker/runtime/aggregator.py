"""The only task that changes state: processes results, ranks, and publishes snapshots."""

from collections.abc import Generator, Mapping

import attrs
import trio

from tracker.core.clock import Clock, ClockReading
from tracker.core.incidents import IncidentLog
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.core.shared_wakes import MANY_PROVIDERS
from tracker.core.slices import at_once, in_turns
from tracker.core.snapshot import Snapshot
from tracker.health.own_network import OwnNetwork
from tracker.health.provider_state import ProviderState
from tracker.ranking.offer_ranking import Rank, RankingEntries
from tracker.reports.call import Call
from tracker.runtime.board import Board
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.check_recorder import CheckRecorder
from tracker.runtime.cluster_news import ClusterNews
from tracker.runtime.collected_results import CollectedResults
from tracker.runtime.first_sweep import FirstSweep, SweepPhase
from tracker.runtime.known_providers import KnownProviders
from tracker.runtime.message_in_hand import MessageInHand
from tracker.runtime.messages import (
    ActorCrashed,
    ActorMessage,
    CallsReported,
    CheckCompleted,
    CheckRescheduled,
    ClusterJoined,
    HistoryLoaded,
    IncidentsChanged,
    Message,
    NewsShared,
    ProviderAdded,
    ProviderRemoved,
    Publish,
    SettingsChanged,
)
from tracker.runtime.publication import PublicationSchedule
from tracker.runtime.refresh_turns import RefreshTurns
from tracker.runtime.snapshot_builder import SnapshotBuilder
from tracker.runtime.traffic import NEVER, TrafficRecorder
from tracker.store.backlog import Backlog
from tracker.store.clock_trust import ToldTime

STORE_LOOK_SECONDS = 0.1  # how often to see whether the last counts are stored


@attrs.define(eq=False)
class Aggregator:
    """Owns the state of all providers: handles every message, decides, ranks and publishes.

    Its state survives a crash of ``run``: a message is handled completely or not at all.
    rank: the policy, protected from its failures.
    """

    board: Board
    backlog: Backlog
    rank: Rank
    clock: Clock = attrs.field(factory=Clock)
    mask: Mask = attrs.field(factory=Mask)
    traffic: TrafficRecorder = attrs.field(init=False)
    _known: KnownProviders = attrs.field(init=False)
    _checks: CheckRecorder = attrs.field(init=False)
    _cluster: ClusterNews = attrs.field(init=False)
    _builder: SnapshotBuilder = attrs.field(init=False)
    _sweep: FirstSweep = attrs.field(factory=FirstSweep)
    _schedule: PublicationSchedule = attrs.field(factory=PublicationSchedule)
    _in_hand: MessageInHand = attrs.field(factory=MessageInHand)
    _collected: CollectedResults = attrs.field(factory=CollectedResults)
    _incidents: IncidentLog = IncidentLog()
    _waiting: list[trio.Event] = attrs.field(factory=list)  # for the next snapshot, each to be set

    def __attrs_post_init__(self) -> None:
        change_log, turns = ChangeLog(self.backlog), RefreshTurns()
        self.traffic = TrafficRecorder(self.backlog)
        self._known = KnownProviders(turns.outdated)
        self._checks = CheckRecorder(
            providers=self._known.watched,
            clock=self.clock,
            backlog=self.backlog,
            change_log=change_log,
            traffic=self.traffic,
            sweep=self._sweep,
        )
        self._cluster = ClusterNews(
            known=self._known,
            backlog=self.backlog,
            change_log=change_log,
            sweep=self._sweep,
        )
        self._builder = SnapshotBuilder(
            known=self._known,
            turns=turns,
            traffic=self.traffic,
            cluster=self._cluster,
            change_log=change_log,
            sweep=self._sweep,
        )

    @property
    def providers(self) -> Mapping[str, ProviderState]:
        """Return the state of every watched provider by name."""
        return self._known.watched

    @property
    def network(self) -> OwnNetwork:
        """Return what is known of our own network."""
        return self._checks.network

    @property
    def told_time(self) -> ToldTime:
        """Return the time according to the providers."""
        return self._checks.told

    @property
    def knows_all(self) -> bool:
        """Return False while older checks are still being read."""
        return self._known.complete

    @property
    def dropped(self) -> int:
        """Return how many messages crashed it twice."""
        return self._in_hand.dropped

    @property
    def entries(self) -> RankingEntries:
        """Return what rankings of offers choose from: that of the latest snapshot."""
        return self._builder.pool.entries

    @property
    def has_unpublished(self) -> bool:
        """Return whether something changed since the latest snapshot."""
        return self._schedule.changed

    async def run(self, inbox: trio.MemoryReceiveChannel[Message]) -> None:
        """Handle messages until every sender has closed; then post a last snapshot."""
        self._in_hand.retry(self.handle)
        try:
            while True:
                with trio.move_on_at(self._next_due()) as until_due:
                    await self._take_messages(inbox, until_due)
                await self._handle_collected()
                self.traffic.store(self._now())
                if trio.current_time() >= self._next_publication():
                    await self._publish_in_turns()
        except trio.EndOfChannel:
            await self._handle_collected()
            self.traffic.store_all(self._now())
            self.publish()

    async def _take_messages(
        self, inbox: trio.MemoryReceiveChannel[Message], until_due: trio.CancelScope
    ) -> None:
        """Handle messages until something is due, by one scope: each costs as much as a message.

        until_due: ends the wait for a message when something is due meanwhile.
        """
        self._collected.listen(inbox, until_due)
        while True:
            message = await inbox.receive()
            await self._handle_collected()
            if isinstance(message, Publish):
                self._sweep.begin()
                self._waiting.append(message.done)
                return
            self._in_hand.process(message, self.handle)
            due = self._next_due()
            if due <= trio.current_time() or self.traffic.next_store <= self.clock.steady():
                return
            if due != until_due.deadline:
                until_due.deadline = due

    async def _handle_collected(self) -> None:
        """Handle what was collected; others have their turn between two steps."""
        with trio.CancelScope(shield=True):  # short; a message already received must not be lost
            await in_turns(self._collected.handle_in_steps(self._in_hand, self.handle))

    def publish(self) -> None:
        """Post a snapshot of everything known now."""
        at_once(self._publish_in_steps())

    async def _publish_in_turns(self) -> None:
        """Post a snapshot of everything known now; others have their turn between two steps.

        No message is handled meanwhile, so that the snapshot is of one moment.
        """
        await in_turns(self._publish_in_steps())
        for done in self._waiting:
            done.set()
        self._waiting.clear()

    def _publish_in_steps(self) -> Generator[None, None, None]:
        now, began = self._now(), trio.current_time()
        refreshed = self._schedule.is_refresh_due(began, self._known.targets)
        views, ranking = yield from self._builder.build_in_steps(now, self.rank, in_turn=refreshed)
        self.board.post(
            Snapshot(
                timestamp=now.at,
                revision=self.board.latest.revision + 1,
                providers=views,
                ranking=ranking,
                swept=self._sweep.finish(),
                network_away=self.network.away,
                incidents=self._incidents,
            )
        )
        self._schedule.note(began, refreshed=refreshed)

    def handle(self, message: Message) -> None:
        """Apply one message to the state; it never waits, and the snapshot follows later."""
        match message:
            case CallsReported(calls=calls):
                self._record_calls(calls)
                return
            case CheckCompleted() | CheckRescheduled() | ActorCrashed():
                self._checks.handle(message, self.mask)
            case ProviderAdded(provider=provider, overridden=overridden):
                self._add_provider(provider, overridden=overridden)
            case ProviderRemoved(name=name):
                self._remove_provider(name)
            case SettingsChanged(rank=rank, mask=mask, done=done):
                self.rank, self.mask = rank, mask
                done.set()
            case IncidentsChanged(log=incidents):
                self._incidents = incidents
            case HistoryLoaded():
                self._restore_history(message)
            case NewsShared() | ClusterJoined():
                self._cluster.handle(message, self._now())
            case Publish(done=done):
                self._sweep.begin()
                self.publish()
                done.set()
                return
        self._schedule.changed = True

    def collect(self, message: ActorMessage) -> bool:
        """Take an actor's message without being woken; False where it has to be sent.

        Only where there are many providers, and the first sweep does not wait for this one.
        """
        if len(self.providers) < MANY_PROVIDERS or self._sweep.is_nearly_complete():
            return False
        return self._collected.take(message)

    def masked(self, text: str) -> str:
        """Mask the secrets of the present configuration in a text."""
        return self.mask(text)

    def may_skip_check(self, name: str, model: str | None) -> bool:
        """Return whether real calls make a scheduled check needless: a provider's or an offer's."""
        return self.traffic.may_skip(self.providers.get(name), model, self._now())

    def untrusted_reporters(self) -> tuple[str, ...]:
        """Return those whose failures no check confirmed three times running."""
        return tuple(one.reporter for one in self.traffic.untrusted(self._now()))

    def silent_for(self) -> float:
        """Return the seconds by which the next snapshot is overdue."""
        return self._schedule.overdue_seconds(trio.current_time())

    def _record_calls(self, calls: tuple[Call, ...]) -> None:
        if self.traffic.record(calls, self.providers, self._now()):
            self._schedule.changed = True

    def _add_provider(self, provider: Provider, *, overridden: bool) -> None:
        state = self._known.add(provider, self._now(), overridden=overridden)
        self.network.watch(provider.name, provider.base_url, enabled=provider.enabled)
        if provider.enabled and not state.checked:
            self._sweep.expect(provider.name)
        else:
            self._sweep.forget(provider.name)

    def _remove_provider(self, name: str) -> None:
        if self._known.remove(name):
            self._builder.pool.remove(name)
        self._sweep.forget(name)
        self.network.forget(name)
        self.traffic.forget(name)

    def _restore_history(self, message: HistoryLoaded) -> None:
        self._known.restore(message.past, self._now(), complete=message.complete)
        self.traffic.restore(message.traffic, self._now())
        self._builder.restore_best(message.best)

    def _now(self) -> ClockReading:
        return self.clock.read()

    def _next_due(self) -> float:
        """Return trio seconds at which there is something to do without a message."""
        return min(self._next_publication(), self._next_store())

    def _next_store(self) -> float:
        """Return trio seconds at which counts of calls are handed to the store."""
        due = self.traffic.next_store
        if due == NEVER:
            return NEVER
        return trio.current_time() + max(due - self.clock.steady(), STORE_LOOK_SECONDS)

    def _next_publication(self) -> float:
        """Return trio seconds. Nothing is posted while it is still being said what to watch."""
        if self._sweep.phase is SweepPhase.LOADING:
            return float("inf")
        if self._waiting:
            return self._schedule.published
        steady_change = min(self._builder.pool.next_change(), self.traffic.next_show)
        return self._schedule.next(
            len(self.providers),
            self._known.targets,
            trio.current_time() + steady_change - self.clock.steady(),
            urgent=self._sweep.phase is SweepPhase.RUNNING and self._sweep.is_complete(),
        )
