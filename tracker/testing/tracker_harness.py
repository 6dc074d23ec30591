"""A whole tracker on virtual time with a real database file, and a record of every check."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

import attrs
import trio
from trio.testing import MockClock

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Config, Provider
from tracker.probes.check import Check
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.history_loader import LOAD_RETRY_SECONDS
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.service import run_tracker
from tracker.runtime.tracker import Tracker
from tracker.store.backlog import Backlog
from tracker.testing.check_accounting import CheckAccounting, Target
from tracker.testing.clocks import VirtualClock, virtual_clock
from tracker.testing.comparison import Observation
from tracker.testing.database_file import DatabaseFile, DiskFault
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.oracle import (
    PROVIDERS_OWN,
    ObservedCheck,
    Oracle,
    is_held_against_provider,
    remembered,
)
from tracker.testing.stored_oracles import (
    completions_by_day,
    oracle_from_file,
    unchecked_oracle,
    with_timing,
)
from tracker.testing.trio_host import TrioHost, advance, settle
from tracker.testing.witnessed_check import WitnessedCheck

T = TypeVar("T")

STOP_SECONDS = 5.0  # a graceful stop takes less
PUBLISH_SECONDS = 0.2  # results that come within a tenth of a second share a snapshot
PATIENCE_SECONDS = 300.0  # real ones: ten minutes without a database are hundreds of attempts


@attrs.define(eq=False)
class TrackerHarness:
    """Starts, kills and restarts a tracker; ``oracles`` compute what it must show.

    checks: how each provider answers, by name. beat: interval of the canary, at which the virtual
    clock stops. own: checks of each provider and offer since this start. absent, departed: oracles
    of providers that are not watched now, from the file or removed since. unremembered: the file
    could not be read at the start, so the tracker loads its history later. spent: completions by
    UTC day. asked: the offer of a check on request; overspent: checks beyond the day's completions.
    """

    config: Config
    checks: Mapping[str, FakeCheck]
    disk: DatabaseFile
    beat: float = 60.0
    time: MockClock = attrs.field(factory=MockClock)
    clock: VirtualClock = attrs.field(init=False)
    host: TrioHost[Tracker] = attrs.field(init=False)
    oracles: dict[str, Oracle] = attrs.field(factory=dict)
    own: defaultdict[Target, list[ObservedCheck]] = attrs.field(factory=lambda: defaultdict(list))
    absent: dict[str, Oracle] = attrs.field(factory=dict)
    departed: dict[str, Oracle] = attrs.field(factory=dict)
    ledger: CheckAccounting = attrs.field(init=False)
    unremembered: bool = False
    started: float = 0.0
    started_at: datetime = attrs.field(init=False)
    spent: Counter[date] = attrs.field(factory=Counter)
    asked: Target | None = None
    overspent: list[Target] = attrs.field(factory=list)
    budget_ran_out: bool = False
    last_asked: dict[Target, float] = attrs.field(factory=dict)  # steady: when a check ended

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
        self.started, self.started_at = self.now, self.clock.now()
        if self.disk.is_ours:
            self.ledger.settle(self.disk, None, self.clock.now())
        self.ledger.begin()
        providers = self.config.providers
        self.own.clear()
        self.last_asked.clear()
        self.oracles = {
            p.name: unchecked_oracle(p) if self.unremembered else self._remembered(p)
            for p in providers
        }
        self.spent = self._completions_stored()
        self.budget_ran_out = False
        self._note_budget()
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
        """Kill it without a shutdown: the files are then what they were at this moment."""
        with self.disk.as_it_is():
            self.host.close()

    def stop(self) -> None:
        """Stop the tracker gracefully."""
        self.tracker.stop()
        self.passes(STOP_SECONDS)
        self.host.close()

    def passes(self, seconds: float) -> None:
        """Advance the clock by ``seconds``."""
        self.host.call(self._advance, seconds)

    def do(self, job: Callable[[], Awaitable[T]]) -> T:
        """Run a job that needs no time to pass, and everything that it causes."""
        return self.host.call(self._settled, job)

    def meanwhile(self, job: Callable[[], Awaitable[T]], seconds: float) -> T | None:
        """Run a job while time passes; return None if the time was not enough."""
        return self.host.call(self._meanwhile, job, seconds)

    @property
    def backlog(self) -> Backlog:
        """Return the records that wait for the disk."""
        return self._aggregator.backlog

    def look(self) -> Observation:
        """Return what the tracker shows now, to compare with the oracles."""
        return self.do(self._look)

    def has_published(self) -> None:
        """Require that earlier results are published. Raises AssertionError."""
        for name, shown in self.tracker.snapshot.providers.items():
            assert name in self.oracles, f"{name} is shown and not watched"
            known = [c for c in self.oracles[name].life if c.ended <= self.now - PUBLISH_SECONDS]
            if known and known == self.oracles[name].life:
                assert shown.last_check == known[-1].at, f"{name} is not published"

    def remember(self) -> None:
        """Advance to the moment at which a tracker that started without its history reads it."""
        self.passes(LOAD_RETRY_SECONDS - (self.now - self.started) % LOAD_RETRY_SECONDS)
        for provider in self.config.providers:
            oracle, past = self.oracles[provider.name], self._remembered(provider)
            self._put_under(oracle, past, self.own[provider.name, None])
            for model, offer in past.offers.items():
                mine = oracle.offers.setdefault(model, Oracle(provider.model_timing))
                self._put_under(mine, offer, self.own[provider.name, model])
        self.absent = self._others()
        self.unremembered = False
        self.spent += self._completions_stored()
        self._note_budget()

    def reload(self, config: Config) -> None:
        """Reload the configuration; a provider that is added back continues with its old state."""
        for provider in config.providers:  # their first checks begin at once
            if provider.name not in self.oracles:
                self.oracles[provider.name] = self._returned(provider)
            offers = self.oracles[provider.name].offers
            for model in provider.models:
                offers.setdefault(model, Oracle(provider.model_timing))
        self.config = attrs.evolve(
            self.config, completions_per_day=config.completions_per_day
        )  # it is used at once
        self._note_budget()
        self.do(partial(self.tracker.reload, config))
        self.config = config
        for name in self.oracles.keys() - {provider.name for provider in config.providers}:
            self.departed[name] = self.oracles.pop(name)

    @asynccontextmanager
    async def open_check(self, provider: Provider) -> AsyncIterator[Check]:
        """Open the check of that name for ``run_tracker``, noting each of its results."""
        await trio.lowlevel.checkpoint()
        yield WitnessedCheck(self, self.checks[provider.name], provider)

    @property
    def today(self) -> date:
        """Return the day of UTC by the wall clock."""
        return self.clock.now().date()

    def begins(self, target: Target) -> None:
        """Note that an offer's check begins; only a request may overspend the day's completions."""
        if self.asked != target and self.spent[self.today] >= self.config.completions_per_day:
            self.overspent.append(target)

    def ended(self, target: Target, seen: ObservedCheck) -> None:
        """Record a check's result for the target that it concerns."""
        name, model = target
        self.spent[self.today] += seen.completions
        self._note_budget()
        self.last_asked[target] = self.now
        provider = self.oracles[name]
        if model is None or seen.kind in PROVIDERS_OWN | {OutcomeKind.INTERNAL}:
            provider.saw(seen)
            self.own[name, None].append(seen)
            self.ledger.produced((name, None), seen, provider.life)
            return
        offer = provider.offers[model]
        offer.saw(seen)
        self.own[target].append(seen)
        blames = self._is_held_against_provider(name, model, seen)
        if blames:
            provider.life.append(attrs.evolve(seen, reset_in=None, of_offers=True))
        self.ledger.produced(target, seen, offer.life, provider.life if blames else None)

    def _note_budget(self) -> None:
        self.budget_ran_out |= self.spent[self.today] >= self.config.completions_per_day

    def watched(self, name: str) -> tuple[str, ...]:
        """Return the models of a provider that are watched now."""
        return next((p.models for p in self.config.providers if p.name == name), ())

    def _is_held_against_provider(self, name: str, model: str, seen: ObservedCheck) -> bool:
        watched, offers = self.watched(name), self.oracles[name].offers
        if model not in watched:
            return False
        others = [offers[other].life for other in watched if other != model]
        timing = self.tracker.config.provider(name).model_timing  # an operator may have tuned it
        return is_held_against_provider(seen, others, timing.interval_seconds)

    def _put_under(self, oracle: Oracle, past: Oracle, own: list[ObservedCheck]) -> None:
        """Put what the file contains before what was found since this start."""
        oracle.checks = [*past.checks, *own]
        if not own:
            oracle.life = past.life

    def _completions_stored(self) -> Counter[date]:
        """Return the completions spent by day before this start, from the file."""
        if self.unremembered:
            return Counter()
        return completions_by_day(self.ledger, before=self.started_at)

    def _remembered(self, provider: Provider) -> Oracle:
        """Return what the file says about the provider and its offers."""
        return oracle_from_file(self.ledger, provider, self.now, self.clock.now())

    def _others(self) -> dict[str, Oracle]:
        """Return what the file says about providers that are not watched."""
        names = {name for name, _ in self.ledger.stored} - self.oracles.keys()
        return {name: self._remembered(Provider(name=name)) for name in names}

    def _returned(self, provider: Provider) -> Oracle:
        if (departed := self.departed.pop(provider.name, None)) is not None:
            return with_timing(departed, provider)
        past = self.absent.pop(provider.name, None) or unchecked_oracle(provider)
        for oracle in (past, *past.offers.values()):
            oracle.life = remembered(oracle.life, self.now, self.clock.now())
        return with_timing(past, provider)

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
        states = aggregator.providers.values()
        reading = aggregator._now()  # noqa: SLF001
        return Observation(
            shown=shown,
            refreshed=tracker.snapshot,
            stale_offers=frozenset(
                (state.provider.name, model)
                for state in states
                for model, offer in state.offers.items()
                if offer.target.is_stale(reading)
            ),
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
