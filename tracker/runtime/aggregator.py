"""The only task that changes state: judges what actors report, ranks, and posts snapshots."""

from collections.abc import Iterator
from datetime import datetime
from types import MappingProxyType

import attrs
import msgspec
import structlog
import trio

from tracker.core.clock import Clock, ClockReading
from tracker.core.cluster import SharedNews, SharedState
from tracker.core.incidents import IncidentLog
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.core.snapshot import Snapshot
from tracker.health.other_vantages import OtherVantages
from tracker.health.own_network import OwnNetwork
from tracker.health.provider_state import ProviderState, StoredProvider
from tracker.health.status_rules import OUR_NETWORK
from tracker.ranking import Ranking
from tracker.ranking.offer_ranking import Rank, RankingEntries
from tracker.reports.call import Call
from tracker.runtime.board import Board
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.first_sweep import FirstSweep, SweepPhase
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
from tracker.runtime.publication import REFRESHED_AT_ONCE, PublicationSchedule
from tracker.runtime.published_pool import PublishedPool
from tracker.runtime.traffic import TrafficRecorder
from tracker.store.backlog import Backlog

log = structlog.get_logger()

STORE_LOOK_SECONDS = 0.1  # between looks at a database that still has to take the last counts


@attrs.define(eq=False)
class Aggregator:
    """Owns the state of all providers: handles every message, judges, ranks and publishes.

    Its state survives a crash of ``run``: a message is handled as a whole or not at all.
    rank: the policy with its guard. dropped: messages that crashed it twice.
    """

    board: Board
    backlog: Backlog
    rank: Rank
    clock: Clock = attrs.field(factory=Clock)
    mask: Mask = attrs.field(factory=Mask)
    dropped: int = 0
    providers: dict[str, ProviderState] = attrs.field(factory=dict)
    # State of removed providers, kept in case a reload adds them back.
    network: OwnNetwork = attrs.field(factory=OwnNetwork)
    _stored: dict[str, StoredProvider] = attrs.field(factory=dict)
    _removed: dict[str, ProviderState] = attrs.field(factory=dict)
    traffic: TrafficRecorder = attrs.field(init=False)
    _pool: PublishedPool = attrs.field(factory=PublishedPool)
    _outdated: set[str] = attrs.field(factory=set)  # whose published view no longer holds
    _waiting: list[str] = attrs.field(factory=list)  # for their turn to be refreshed, last first
    _change_log: ChangeLog = attrs.field(init=False)
    _best: str | None = None
    _incidents: IncidentLog = IncidentLog()
    _processing: Message | None = None
    _retried: bool = False
    _sweep: FirstSweep = attrs.field(factory=FirstSweep)
    _schedule: PublicationSchedule = attrs.field(factory=PublicationSchedule)
    _others: OtherVantages | None = None  # other vantages of the cluster
    _targets: int = 0  # the providers and all their offers
    knows_all: bool = True  # False while older checks are still being read
    _best_restored: bool = False  # the best one is that of the run before

    def __attrs_post_init__(self) -> None:
        self._change_log = ChangeLog(self.backlog)
        self.traffic = TrafficRecorder(self.backlog)

    @property
    def entries(self) -> RankingEntries:
        """Return what rankings of offers choose from: that of the latest snapshot."""
        return self._pool.entries

    @property
    def has_unpublished(self) -> bool:
        """Return whether something changed since the latest snapshot."""
        return self._schedule.changed

    async def run(self, inbox: trio.MemoryReceiveChannel[Message]) -> None:
        """Handle messages until every sender has closed; then post a last snapshot."""
        self._retry()
        try:
            while True:
                with trio.move_on_at(min(self._next_publication(), self._next_store())):
                    self._process(await inbox.receive())
                self.traffic.store(self._now())
                if trio.current_time() >= self._next_publication():
                    self.publish()
        except trio.EndOfChannel:
            self.traffic.store_all(self._now())
            self.publish()

    def publish(self) -> None:
        """Post a snapshot of everything known now."""
        now, began = self._now(), trio.current_time()
        self._judge_suspects(now)
        refreshed = self._schedule.is_refresh_due(began, self._targets)
        everything = refreshed and not self._waiting
        self._outdated.update(self._take_changed(now))
        if refreshed:
            self._outdated.update(self._take_turn())
        shown = self.traffic.choose_shown(now, everything=everything)
        for name in shown & self.providers.keys():
            self.traffic.show(self.providers[name], now)
        for name in sorted(self._outdated):
            self._refresh(name, now)
        ranking = self._ranking(now.at)
        self._change_log.best(self._best, ranking, now.at)
        self._best = ranking.best
        self.board.post(
            Snapshot(
                timestamp=now.at,
                revision=self.board.latest.revision + 1,
                providers=MappingProxyType(self._pool.copy_views()),
                ranking=ranking,
                swept=self._sweep.finish(),
                network_away=self.network.away,
                incidents=self._incidents,
            )
        )
        self._schedule.note(began, refreshed=refreshed)

    def _take_changed(self, now: ClockReading) -> Iterator[str]:
        """Yield providers that time alone has changed, a few at once: after a sleep all may be."""
        left = REFRESHED_AT_ONCE
        for name in self._pool.take_changed(now.steady):
            yield name
            left -= _count_targets(self.providers.get(name))
            if left <= 0:
                return

    def _take_turn(self) -> list[str]:
        """Return the next few whose windows are to be moved on; all have their turn in a round."""
        if not self._waiting:
            self._waiting = sorted(self.providers, reverse=True)
        turn: list[str] = []
        left = REFRESHED_AT_ONCE
        while self._waiting and left > 0:
            turn.append(self._waiting.pop())
            left -= _count_targets(self.providers.get(turn[-1]))
        return turn

    def _refresh(self, name: str, now: ClockReading) -> None:
        if (state := self.providers.get(name)) is not None:
            before = state.published.view
            view = state.refresh(now)
            self._pool.put(state, view)
            self._change_log.status(before, view, now.at)
            self._change_log.offers(before, view, now.at)
        self._outdated.discard(name)

    def masked(self, text: str) -> str:
        """Mask the secrets of the present configuration in a text."""
        return self.mask(text)

    def _process(self, message: Message) -> None:
        """Handle a message.

        A bug in ``handle`` leaves it in hand; the next run tries it once more.
        """
        self._processing = message
        self.handle(message)
        self._processing, self._retried = None, False

    def _retry(self) -> None:
        message = self._processing
        if message is None:
            return
        if self._retried:
            self._processing, self._retried = None, False
            self.dropped += 1
            log.error(
                "report dropped: it crashed the aggregator twice", report=type(message).__name__
            )
            if isinstance(message, Publish | SettingsChanged | NewsShared):
                message.done.set()  # its sender must not wait forever
            return
        self._retried = True
        self._process(message)

    def handle(self, message: Message) -> None:
        """Apply one message to the state; it never waits, and the snapshot follows later."""
        match message:
            case CallsReported(calls=calls):
                self._record_calls(calls)
                return
            case CheckCompleted() | CheckRescheduled() | ActorCrashed():
                self._handle_actor(message)
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
                self._handle_cluster(message)
            case Publish(done=done):
                self._sweep.begin()
                self.publish()
                done.set()
                return
        self._schedule.changed = True

    def _handle_cluster(self, message: NewsShared | ClusterJoined) -> None:
        match message:
            case NewsShared(news=news, done=done):
                self._take_news(news)
                done.set()
            case ClusterJoined(rules=rules):
                self._others = OtherVantages(rules=rules)
                for state in self.providers.values():
                    state.others = self._others
                    state.touch()

    def _handle_actor(self, message: ActorMessage) -> None:
        match message:
            case CheckCompleted(result=result, next_due=next_due):
                self._record_check(result, next_due)
            case CheckRescheduled():
                self._reschedule(message)
            case ActorCrashed():
                self._record_crash(message)

    def _record_calls(self, calls: tuple[Call, ...]) -> None:
        if self.traffic.record(calls, self.providers, self._now()):
            self._schedule.changed = True

    def _record_check(
        self, result: CheckResult, next_due: float | None, *, given_up: str | None = None
    ) -> None:
        state = self.providers.get(result.provider)
        if state is None:
            return  # removed while its last report was under way
        log.info(  # first: in an embedding program a logger may raise
            "checked",
            provider=result.provider,
            **({"model": result.model} if result.model else {}),
            outcome=result.kind.value,
            milliseconds=None if result.latency_ms is None else round(result.latency_ms, 1),
            **({"message": result.message} if result.message else {}),
        )
        self._change_log.models(result.provider, state.models, result.models, result.at)
        for retirement in state.note_retirements(result):
            self._change_log.retirement(result.provider, retirement, result.at)
        result = self._blame_network(result)
        record = state.record_check(result, next_due, self._now(), given_up=given_up)
        self.backlog.append(record)
        self.traffic.note_check(result, self._now())
        self._sweep.forget(result.provider)

    def _blame_network(self, result: CheckResult) -> CheckResult:
        """Turn a failure of our own network into one that is held against nobody."""
        was_away = self.network.away
        ours = self.network.record(result)
        if self.network.away != was_away:
            log.warning(
                "our network cannot be reached" if ours else "our network is back",
                providers=len(self.network.suspects),
            )
        if ours or was_away:
            self._apply_network()
        if not ours:
            return result
        message = f"{OUR_NETWORK}: {result.message}"[:MESSAGE_LENGTH]
        return attrs.evolve(result, kind=OutcomeKind.INTERNAL, message=message, facts=Facts())

    def _apply_network(self) -> None:
        now = self._now()
        for name, state in self.providers.items():
            away = self.network.away and name in self.network.suspects
            for correction in state.set_network_away(away, now):
                self.backlog.append(correction)

    def _reschedule(self, plan: CheckRescheduled) -> None:
        if plan.waits_for_budget and plan.model is None:
            self._sweep.forget(plan.provider)  # nobody waits until midnight for it
        if (state := self.providers.get(plan.provider)) is not None:
            state.reschedule(
                plan.next_due,
                self._now(),
                model=plan.model,
                waits_for_budget=plan.waits_for_budget,
            )

    def _record_crash(self, crash: ActorCrashed) -> None:
        error = self.mask(crash.error)[:MESSAGE_LENGTH]
        log.error(
            "actor crashed",
            provider=crash.provider,
            error=error,
            crashes=crash.count,
            given_up=crash.spent,
            trace=self.mask(crash.trace),
        )
        state = self.providers.get(crash.provider)
        if state is None:
            return
        message = f"our checker crashed: {error}"[:MESSAGE_LENGTH]
        result = CheckResult(
            kind=OutcomeKind.INTERNAL,
            provider=crash.provider,
            at=self.clock.now(),
            message=message,
            requests=0,
        )

        self._record_check(result, state.target.next_due, given_up=error if crash.spent else None)

    def _add_provider(self, provider: Provider, *, overridden: bool) -> None:
        state = self.providers.get(provider.name)
        before = _count_targets(state)
        if state is None:
            state = self.providers[provider.name] = self._state_for(provider)
        state.update_settings(provider, overridden=overridden)
        state.note_history(complete=self.knows_all)
        self._targets += _count_targets(state) - before
        self.network.watch(provider.name, provider.base_url, enabled=provider.enabled)
        if provider.enabled and not state.checked:
            self._sweep.expect(provider.name)
        else:
            self._sweep.forget(provider.name)

    def _remove_provider(self, name: str) -> None:
        if (state := self.providers.pop(name, None)) is not None:
            self._removed[name] = state
            self._targets -= _count_targets(state)
            self._pool.remove(name)
        self._sweep.forget(name)
        self.network.forget(name)
        self.traffic.forget(name)

    def _state_for(self, provider: Provider) -> ProviderState:
        if (departed := self._removed.pop(provider.name, None)) is not None:
            departed.reset_after_absence()
            return departed
        state = ProviderState(provider, others=self._others, outdated=self._outdated)
        if (past := self._stored.pop(provider.name, None)) is not None:
            self._restore_state(state, past)
        return state

    def _take_news(self, news: SharedNews) -> None:
        """Take over what other trackers of the cluster found: judged there, stored here as well."""
        now = self._now()
        for record in news.checks:
            self.backlog.append(record)
            if (state := self.providers.get(record.result.provider)) is not None:
                state.count_shared(record)
        for shared in news.states:
            if (state := self.providers.get(shared.provider)) is not None:
                self._adopt(state, shared, now, keep_plan=shared.provider in news.kept)
        if self._others is not None:
            for name in self._others.take(news.elsewhere) & self.providers.keys():
                self.providers[name].touch()

    def _adopt(
        self, state: ProviderState, shared: SharedState, now: ClockReading, *, keep_plan: bool
    ) -> None:
        before = state.models
        try:
            adopted = state.adopt(shared, now, keep_plan=keep_plan)
        except (msgspec.DecodeError, ValueError) as error:  # of a later version, perhaps
            log.warning("state not understood", provider=shared.provider, error=str(error))
            return
        if adopted and shared.model is None:
            self._change_log.models(shared.provider, before, state.models, now.at)
            self._sweep.forget(shared.provider)

    def _judge_suspects(self, now: ClockReading) -> None:
        """Take the vote from a vantage that alone sees most providers down, or give it back."""
        if self._others is None:
            return
        views = [state.published.view for state in self.providers.values()]
        own = {v.name: v.status for v in views if v is not None and not v.stale}
        if self._others.judge_suspects(own, now.steady):
            for state in self.providers.values():
                state.touch()

    def _restore_history(self, message: HistoryLoaded) -> None:
        self.knows_all = message.complete
        known = self._removed | self.providers
        for name, past in message.past.items():
            if (state := known.get(name)) is not None:
                self._restore_state(state, past)
            else:
                self._stored[name] = past
        for state in known.values():
            state.note_history(complete=message.complete)
        self.traffic.restore(message.traffic, self._now())
        self._best_restored |= message.best is not None
        self._best = self._best or message.best

    def _restore_state(self, state: ProviderState, past: StoredProvider) -> None:
        try:
            state.restore(past, self._now())
        except (msgspec.DecodeError, ValueError) as error:
            name = state.provider.name
            log.warning("stored state not understood", provider=name, error=str(error))

    def _ranking(self, at: datetime) -> Ranking:
        pool = self._pool.candidate_pool()
        # Before the first sweep ends there is no incumbent to protect.
        incumbent = (
            self._best if self._sweep.phase is SweepPhase.DONE or self._best_restored else None
        )
        due = self._pool.next_result_at(at)
        ranking = self.rank(pool.candidates, pool.excluded, incumbent, due)
        if self._others is None:
            return ranking
        return self._others.rank_unseen(ranking, self.clock.steady())

    def may_skip_check(self, name: str, model: str | None) -> bool:
        """Return whether real calls make a scheduled check needless: a provider's or an offer's."""
        return self.traffic.may_skip(self.providers.get(name), model, self._now())

    def untrusted_reporters(self) -> tuple[str, ...]:
        """Return those whose failures no check confirmed three times running."""
        return tuple(one.reporter for one in self.traffic.untrusted(self._now()))

    def silent_for(self) -> float:
        """Return the seconds by which the next snapshot is overdue."""
        return self._schedule.overdue_seconds(trio.current_time())

    def _now(self) -> ClockReading:
        return ClockReading(self.clock.now(), self.clock.steady())

    def _next_store(self) -> float:
        """Return trio seconds at which counts of calls are handed to the store."""
        due = self.traffic.next_store
        return trio.current_time() + max(due - self.clock.steady(), STORE_LOOK_SECONDS)

    def _next_publication(self) -> float:
        """Return trio seconds. Nothing is posted while it is still being said what to watch."""
        if self._sweep.phase is SweepPhase.LOADING:
            return float("inf")
        steady_change = min(self._pool.next_change(), self.traffic.next_show)
        return self._schedule.next(
            len(self.providers),
            self._targets,
            trio.current_time() + steady_change - self.clock.steady(),
            urgent=self._sweep.phase is SweepPhase.RUNNING and self._sweep.is_complete(),
        )


def _count_targets(state: ProviderState | None) -> int:
    """Return how many are judged of it: itself, and each of its offers."""
    return 0 if state is None else 1 + len(state.offers)
