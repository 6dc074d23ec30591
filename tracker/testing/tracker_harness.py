"""A whole tracker on virtual time with its real database file, and a witness of every check."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import attrs
import trio
from trio.testing import MockClock

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Config, Provider, Timing
from tracker.probes.check import Check, FunctionCheck
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.history_loader import LOAD_RETRY_SECONDS
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.service import run_tracker
from tracker.runtime.tracker import Tracker
from tracker.store.backlog import Backlog
from tracker.testing.check_accounting import CheckAccounting
from tracker.testing.clocks import VirtualClock, virtual_clock
from tracker.testing.comparison import Observation
from tracker.testing.database_file import DatabaseFile, DiskFault
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.oracle import ObservedCheck, Oracle, remembered
from tracker.testing.trio_host import TrioHost, advance, settle

T = TypeVar("T")

STOP_SECONDS = 5.0  # a graceful end takes less
PUBLISH_SECONDS = 0.2  # results that come within a tenth of a second share a snapshot
PATIENCE_SECONDS = 60.0  # real ones: ten minutes without a database are hundreds of attempts


@attrs.define(eq=False)
class TrackerHarness:
    """Starts, kills and restarts a tracker; ``oracles`` know what it has to say.

    checks: how each provider answers, by name. beat: of the canary; each is a stop on the way.
    own: what each provider was found since this start. absent, departed: oracles of who is not
    watched now, as the file told of it or since it was taken out. unremembered: at the start nobody
    could read the file, so the tracker gets its history later.
    """

    config: Config
    checks: Mapping[str, FakeCheck]
    disk: DatabaseFile
    beat: float = 60.0
    time: MockClock = attrs.field(factory=MockClock)
    clock: VirtualClock = attrs.field(init=False)
    host: TrioHost[Tracker] = attrs.field(init=False)
    oracles: dict[str, Oracle] = attrs.field(factory=dict)
    own: dict[str, list[ObservedCheck]] = attrs.field(factory=dict)
    absent: dict[str, Oracle] = attrs.field(factory=dict)
    departed: dict[str, Oracle] = attrs.field(factory=dict)
    ledger: CheckAccounting = attrs.field(init=False)
    unremembered: bool = False
    started: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.clock = virtual_clock(clock=self.time)
        self.ledger = CheckAccounting(timedelta(days=self.config.retention_days))

    @property
    def tracker(self) -> Tracker:
        """Return the running tracker."""
        return self.host.started

    @property
    def now(self) -> float:
        """Return the tracker's steady time in seconds."""
        return self.time.current_time()

    def start(self) -> None:
        """Start a tracker on the file as it is, with fresh oracles."""
        self.unremembered = self.disk.trouble is DiskFault.FOLDER
        self.started = self.now
        if self.disk.is_ours:
            self.ledger.settle(self.disk, None, self.clock.now())
        self.ledger.begin()
        providers = self.config.providers
        self.own = {provider.name: [] for provider in providers}
        self.oracles = {
            p.name: Oracle(p.timing) if self.unremembered else self._remembered(p.name, p.timing)
            for p in providers
        }
        self.absent, self.departed = {} if self.unremembered else self._others(), {}
        program = partial(
            run_tracker,
            self.config,
            clock=self.clock,
            open_check=self.open_check,
            canary=LoopMonitor(beat=self.beat),
        )
        self.host = TrioHost(program, clock=self.time, patience=PATIENCE_SECONDS)
        self.passes(0.0)  # the first checks begin now

    def kill(self) -> None:
        """No last words: afterwards the files are what they were at this moment."""
        with self.disk.as_it_is():
            self.host.close()

    def stop(self) -> None:
        """In good order."""
        self.tracker.stop()
        self.passes(STOP_SECONDS)
        self.host.close()

    def passes(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.host.call(self._advance, seconds)

    def do(self, job: Callable[[], Awaitable[T]]) -> T:
        """One job for which no time has to pass, and whatever it sets off."""
        return self.host.call(self._settled, job)

    def meanwhile(self, job: Callable[[], Awaitable[T]], seconds: float) -> T | None:
        """A job while time passes; None when that was not enough for it."""
        return self.host.call(self._meanwhile, job, seconds)

    @property
    def backlog(self) -> Backlog:
        """Return the records that wait for the disk."""
        return self._aggregator.backlog

    def look(self) -> Observation:
        """Return what the tracker shows now, to compare with the oracles."""
        return self.do(self._look)

    def has_published(self) -> None:
        """What was found some time ago is on the board without anybody's asking for it.

        Raises AssertionError.
        """
        for name, shown in self.tracker.snapshot.providers.items():
            known = [c for c in self.oracles[name].life if c.ended <= self.now - PUBLISH_SECONDS]
            if known and known == self.oracles[name].life:
                assert shown.last_check == known[-1].at, f"{name} is not published"

    def remember(self) -> None:
        """Go to the moment at which a tracker that began without its history reads it."""
        self.passes(LOAD_RETRY_SECONDS - (self.now - self.started) % LOAD_RETRY_SECONDS)
        for provider in self.config.providers:
            oracle, own = self.oracles[provider.name], self.own[provider.name]
            past = self._remembered(provider.name, provider.timing)
            oracle.checks = [*past.checks, *own]
            if not own:
                oracle.life = past.life
        self.absent = self._others()
        self.unremembered = False

    def reload(self, config: Config) -> None:
        """Who is put back goes on where it was."""
        for provider in config.providers:  # their first checks begin at once
            if provider.name not in self.oracles:
                self.oracles[provider.name] = self._returned(provider)
                self.own.setdefault(provider.name, [])
        self.do(partial(self.tracker.reload, config))
        self.config = config
        for name in self.oracles.keys() - {provider.name for provider in config.providers}:
            self.departed[name] = self.oracles.pop(name)

    @asynccontextmanager
    async def open_check(self, provider: Provider) -> AsyncIterator[Check]:
        """Of ``run_tracker``: the check of that name, each of its findings noted."""
        check, name = self.checks[provider.name], provider.name
        timing = provider.timing

        async def witnessed() -> CheckResult:
            at, began = self.clock.now(), self.now
            try:
                finding = await check()
            except trio.Cancelled:  # the actor's time-out, or the end of the actor
                if self.now >= began + timing.timeout_seconds:
                    self._saw(name, at, OutcomeKind.TIMEOUT)
                raise
            except Exception:
                self._saw(name, self.clock.now(), OutcomeKind.INTERNAL)
                raise
            latency = finding.latency_ms
            kind = finding.kind
            if (
                kind is OutcomeKind.OK
                and latency is not None
                and latency > timing.degraded_latency_ms
            ):
                kind = OutcomeKind.SLOW
            self._saw(name, at, kind, latency, finding.retry_after)
            return finding

        await trio.lowlevel.checkpoint()
        yield FunctionCheck(witnessed)

    def _saw(
        self,
        name: str,
        at: datetime,
        kind: OutcomeKind,
        latency_ms: float | None = None,
        reset_in: float | None = None,
    ) -> None:
        seen = ObservedCheck(
            at=at,
            ended=self.now,
            ended_at=self.clock.now(),
            kind=kind,
            latency_ms=latency_ms,
            reset_in=reset_in,
        )
        oracle = self.oracles[name]
        oracle.life.append(seen)
        oracle.checks.append(seen)
        self.own[name].append(seen)
        self.ledger.produced(name, seen, oracle.life)

    def _remembered(self, name: str, timing: Timing) -> Oracle:
        """What the file tells of it."""
        return Oracle(
            timing,
            life=remembered(self.ledger.life(name), self.now, self.clock.now()),
            checks=[entry.seen for entry in self.ledger.stored[name]],
        )

    def _others(self) -> dict[str, Oracle]:
        """What the file tells of who is not watched."""
        names = self.ledger.stored.keys() - self.oracles.keys()
        return {name: self._remembered(name, Timing()) for name in names}

    def _returned(self, provider: Provider) -> Oracle:
        if (departed := self.departed.pop(provider.name, None)) is not None:
            return attrs.evolve(departed, timing=provider.timing)
        past = self.absent.pop(provider.name, None) or Oracle(provider.timing)
        life = remembered(past.life, self.now, self.clock.now())
        return attrs.evolve(past, timing=provider.timing, life=life)

    async def _advance(self, seconds: float) -> None:
        await advance(self.time, seconds, *self._limiters)

    async def _settled(self, job: Callable[[], Awaitable[T]]) -> T:
        answer = await job()
        await settle(*self._limiters)
        return answer

    async def _meanwhile(self, job: Callable[[], Awaitable[T]], seconds: float) -> T | None:
        answers: list[T] = []

        async def answer() -> None:
            answers.append(await job())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await self._advance(seconds)
            nursery.cancel_scope.cancel()
        return answers[0] if answers else None

    async def _look(self) -> Observation:
        tracker, aggregator = self.tracker, self._aggregator
        await tracker._publish()  # noqa: SLF001 (our own)
        shown = tracker.snapshot
        aggregator._schedule.refreshed = -float("inf")  # noqa: SLF001 (windows move once a minute)
        await tracker._publish()  # noqa: SLF001
        return Observation(
            shown=shown,
            refreshed=tracker.snapshot,
            health=tracker.health(),
            now=self.now,
            at=self.clock.now(),
        )

    @property
    def _aggregator(self) -> Aggregator:
        return self.tracker._aggregator  # noqa: SLF001 (our own)

    @property
    def _limiters(self) -> tuple[trio.CapacityLimiter, ...]:
        store, sender = self.tracker._store, self.tracker._alerts.sender  # noqa: SLF001 (our own)
        targets = map(sender.limiter_of, self.config.alerts.targets)
        return store.worker, store.readers, *targets
