"""The only one who changes state: judges what actors report, ranks, and posts snapshots."""

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

import attrs
import msgspec
import structlog
import trio

from tracker.core.clock import Clock, ClockReading
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, Outcome, OutcomeKind
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.core.snapshot import ProviderStatus, Snapshot
from tracker.health.provider_state import ProviderState, StoredProvider
from tracker.ranking import Excluded, Ranking
from tracker.ranking.candidate_pool import CandidatePool
from tracker.ranking.policy import Candidate
from tracker.runtime.board import Board
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.messages import (
    ActorCrashed,
    CheckCompleted,
    CheckRescheduled,
    HistoryLoaded,
    Message,
    ProviderAdded,
    ProviderRemoved,
    Publish,
)
from tracker.store.backlog import Backlog

log = structlog.get_logger()

# Results that come close together share a snapshot: ranking a thousand takes 10 ms, so a tenth of
# a second for them keeps publishing below a tenth of the time; for fewer it is that much shorter.
COALESCE_SECONDS = 0.1
COALESCE_SECONDS_EACH = 0.0001
# At least this often, so that the windows of uptime and latency move on.
REFRESH_SECONDS = 60.0

Rank = Callable[[tuple[Candidate, ...], tuple[Excluded, ...], str | None, datetime | None], Ranking]


@attrs.define(eq=False)
class Aggregator:
    """Its state survives a crash of ``run``: a report is either taken whole or not at all.

    ``rank`` is the policy with its guard; ``dropped``: reports that crashed it twice.
    """

    board: Board
    backlog: Backlog
    rank: Rank
    clock: Clock = attrs.field(factory=Clock)
    mask: Mask = attrs.field(factory=Mask)
    dropped: int = 0
    dossiers: dict[str, ProviderState] = attrs.field(factory=dict)
    # Of whoever is not watched now, from before this start and since: a reload may put it back.
    _past: dict[str, StoredProvider] = attrs.field(factory=dict)
    _departed: dict[str, ProviderState] = attrs.field(factory=dict)
    _journal: ChangeLog = attrs.field(init=False)
    _best: str | None = None
    _in_hand: Message | None = None
    _retried: bool = False
    _dirty: bool = True
    _begun: bool = False  # everything to be watched at the start is known
    _awaited: set[str] = attrs.field(factory=set)  # to be checked, and not yet since the start
    _swept: bool = False
    _carried_on: bool = False  # the best one is that of the run before
    _published: float = -float("inf")  # trio seconds
    _refreshed: float = -float("inf")

    def __attrs_post_init__(self) -> None:
        self._journal = ChangeLog(self.backlog)

    async def run(self, inbox: trio.MemoryReceiveChannel[Message]) -> None:
        """Until every sender has closed; then posts a last snapshot."""
        self._retry()
        try:
            while True:
                with trio.move_on_at(self._next_publication()):
                    self._process(await inbox.receive())
                if trio.current_time() >= self._next_publication():
                    self.publish()
        except trio.EndOfChannel:
            self.publish()

    def publish(self) -> None:
        """Post a snapshot of everything known now."""
        now, began = self._instant(), trio.current_time()
        everything = began >= self._refreshed + REFRESH_SECONDS
        providers: dict[str, ProviderStatus] = {}
        for name, dossier in self.dossiers.items():
            before = dossier.view
            if everything or dossier.touched or before is None or now.steady >= dossier.changes_at:
                dossier.refresh(now)
            if dossier.view is not None:
                providers[name] = dossier.view
                self._journal.status(before, dossier.view, now.at)
        ranking = self._ranking(now.at)
        self._journal.best(self._best, ranking, now.at)
        self._best = ranking.best
        self.board.post(
            Snapshot(
                timestamp=now.at,
                revision=self.board.latest.revision + 1,
                providers=MappingProxyType(providers),
                ranking=ranking,
                swept=self._is_swept(),
            )
        )
        self._dirty, self._published = False, began
        self._refreshed = began if everything else self._refreshed

    def masked(self, text: str) -> str:
        """A text without the secrets of the present configuration."""
        return self.mask(text)

    def _process(self, message: Message) -> None:
        """A bug in ``take`` leaves the message in hand; the next run tries it once more."""
        self._in_hand = message
        self.take(message)
        self._in_hand, self._retried = None, False

    def _retry(self) -> None:
        message = self._in_hand
        if message is None:
            return
        if self._retried:
            self._in_hand, self._retried = None, False
            self.dropped += 1
            log.error(
                "report dropped: it crashed the aggregator twice", report=type(message).__name__
            )
            if isinstance(message, Publish):
                message.done.set()  # whoever waits for it must not wait for ever
            return
        self._retried = True
        self._process(message)

    def take(self, message: Message) -> None:
        match message:
            case CheckCompleted(outcome=outcome, next_due=next_due):
                self._take_outcome(outcome, next_due)
            case CheckRescheduled(provider=name, next_due=next_due):
                self._take_plan(name, next_due)
            case ActorCrashed():
                self._take_crash(message)
            case ProviderAdded(provider=provider, overridden=overridden):
                self._watch(provider, overridden=overridden)
            case ProviderRemoved(name=name):
                if (dossier := self.dossiers.pop(name, None)) is not None:
                    self._departed[name] = dossier
                self._awaited.discard(name)
            case HistoryLoaded():
                self._restore(message)
            case Publish(done=done):
                self._begun = True
                self.publish()
                done.set()
                return
        self._dirty = True

    def _take_outcome(
        self, outcome: Outcome, next_due: float | None, *, given_up: str | None = None
    ) -> None:
        dossier = self.dossiers.get(outcome.provider)
        if dossier is None:
            return  # removed while its last report was under way
        finding = outcome.finding
        log.info(  # first: in an embedding program a logger may raise
            "checked",
            provider=outcome.provider,
            outcome=outcome.kind.value,
            milliseconds=None if outcome.latency_ms is None else round(outcome.latency_ms, 1),
            **({"message": finding.message} if finding.message else {}),
        )
        self._journal.models(outcome.provider, dossier.models, finding.models, outcome.at)
        record = dossier.take(outcome, next_due, self._instant(), given_up=given_up)
        self.backlog.append(record)
        self._awaited.discard(outcome.provider)

    def _take_plan(self, name: str, next_due: float | None) -> None:
        if (dossier := self.dossiers.get(name)) is not None:
            dossier.reschedule(next_due, self._instant())

    def _take_crash(self, crash: ActorCrashed) -> None:
        error = self.mask(crash.error)[:MESSAGE_LENGTH]
        log.error(
            "actor crashed",
            provider=crash.provider,
            error=error,
            crashes=crash.count,
            given_up=crash.spent,
            trace=self.mask(crash.trace),
        )
        dossier = self.dossiers.get(crash.provider)
        if dossier is None:
            return
        message = f"our checker crashed: {error}"[:MESSAGE_LENGTH]
        finding = CheckResult(kind=OutcomeKind.INTERNAL, message=message, requests=0)
        now = self._instant()
        outcome = Outcome(provider=crash.provider, at=now.at, ended=now.steady, finding=finding)
        self._take_outcome(outcome, dossier.next_due, given_up=error if crash.spent else None)

    def _watch(self, provider: Provider, *, overridden: bool) -> None:
        dossier = self.dossiers.get(provider.name)
        if dossier is None:
            last = next(reversed(self.dossiers), "")
            dossier = self.dossiers[provider.name] = self._opened(provider)
            if provider.name < last:
                self.dossiers = dict(sorted(self.dossiers.items()))
        dossier.adopt(provider, overridden=overridden)
        if provider.enabled and not dossier.checked:
            self._awaited.add(provider.name)
        else:
            self._awaited.discard(provider.name)

    def _opened(self, provider: Provider) -> ProviderState:
        if (departed := self._departed.pop(provider.name, None)) is not None:
            departed.reset_after_absence()
            return departed
        dossier = ProviderState(provider)
        if (past := self._past.pop(provider.name, None)) is not None:
            self._carry_on(dossier, past)
        return dossier

    def _restore(self, message: HistoryLoaded) -> None:
        known = self._departed | self.dossiers
        for name, past in message.past.items():
            if (dossier := known.get(name)) is not None:
                self._carry_on(dossier, past)
            else:
                self._past[name] = past
        self._carried_on = message.best is not None
        self._best = self._best or message.best

    def _carry_on(self, dossier: ProviderState, past: StoredProvider) -> None:
        try:
            dossier.restore(past, self._instant())
        except (msgspec.DecodeError, ValueError) as error:
            name = dossier.provider.name
            log.warning("stored state not understood", provider=name, error=str(error))

    def _ranking(self, at: datetime) -> Ranking:
        field = CandidatePool.of(state.standing for state in self.dossiers.values())
        views = (dossier.view for dossier in self.dossiers.values())
        dues = [due for v in views if v is not None and (due := v.next_result_at(at)) is not None]
        # Until all were asked once, whoever answered first is no incumbent but by chance.
        incumbent = self._best if self._swept or self._carried_on else None
        return self.rank(field.candidates, field.excluded, incumbent, min(dues, default=None))

    def _is_swept(self) -> bool:
        """Once true it stays so: a provider that is added later is no reason to be unready."""
        self._swept = self._swept or (self._begun and not self._awaited)
        return self._swept

    def silent_for(self) -> float:
        """Seconds by which the next snapshot is overdue."""
        return max(trio.current_time() - self._published - REFRESH_SECONDS, 0.0)

    def _instant(self) -> ClockReading:
        return ClockReading(self.clock.now(), self.clock.steady())

    def _next_publication(self) -> float:
        """Trio seconds. Nothing is posted while what is to be watched is still being told."""
        if not self._begun:
            return float("inf")
        gap = min(COALESCE_SECONDS_EACH * len(self.dossiers), COALESCE_SECONDS)
        soonest = self._published + gap
        if self._dirty:
            # The end of the first sweep is news that everybody waits for.
            return soonest if self._swept or self._awaited else self._published
        changes = min((d.changes_at for d in self.dossiers.values()), default=float("inf"))
        by_time = trio.current_time() + changes - self.clock.steady()
        return max(soonest, min(by_time, self._refreshed + REFRESH_SECONDS))
