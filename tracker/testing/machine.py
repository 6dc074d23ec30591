"""The whole tracker as a state machine: anything may happen to it, in any order, and nothing of
CONTRACT 4 may break. Needs hypothesis.

Subclass ``TrackerMachine`` with a policy or provider of your own, and give it to ``run_machine``;
docs/how-to/test-with-the-kit.md shows it.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.records import OverrideRecord
from tracker.core.settings import Config, Provider, RankingSettings, Timing
from tracker.models.resolver import NamedOffer
from tracker.testing.comparison import (
    Observation,
    compare_offer,
    compare_offer_ranking,
    compare_ranking,
    compare_statistics,
    compare_status,
)
from tracker.testing.database_file import DatabaseFile, DiskFault
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.task_order import fixed_order
from tracker.testing.tracker_harness import TrackerHarness

NAMES = "abc"
MODELS = ("x", "y", "z")
WATCHED = MODELS[:2]  # at the start, of provider a
# No multiple is a whole second, so that no check ends exactly when something else happens.
TIMEOUT_SECONDS = 9.7
HOUR = 3600.0
DAY = 24 * HOUR

names = st.sampled_from(NAMES)
models = st.sampled_from(MODELS)
# The behaviors that begin and end an outage, drawn most often: rare statuses are reached sooner.
moods = st.sampled_from(
    (*4 * (ProviderBehavior.OK, ProviderBehavior.SERVER_ERROR), *ProviderBehavior)
)
budgets = st.sampled_from((1_000, 1_000, 1_000, 8, 0))  # completions a day
spans = st.sampled_from((1.0, 10.0, 30.0, 60.0, 120.0, 600.0))  # seconds
_executed = Counter[str]()
Told = tuple[float | None, bool | None]  # interval and whether it is on, None: as configured


class TrackerMachine(RuleBasedStateMachine):
    """Three providers, two of them configured at first, and one with two watched models.

    make_check: how a provider answers; the rules change its ``mood`` and the other fields of
    FakeCheck. folder: where the databases are made; None: in the folder for temporary files.
    """

    timing: ClassVar[Timing] = Timing(interval_seconds=60.0, timeout_seconds=TIMEOUT_SECONDS)
    ranking: ClassVar[RankingSettings] = RankingSettings()
    buffer_limit: ClassVar[int] = 60
    make_check: ClassVar[Callable[[], FakeCheck]] = FakeCheck
    folder: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir=self.folder))
        self.disk = DatabaseFile(self.home / "machine.db")
        self.told: dict[str, Told] = {}
        self.filed: dict[str, Told] = {}  # of these, what is stored or will be
        checks = {name: type(self).make_check() for name in NAMES}
        self.world = TrackerHarness(self.configuration("ab", {"a": WATCHED}), checks, self.disk)
        self.disk.hurry(longest_delay=60.0)
        self.jumps = 0  # of the wall clock, of an hour each: history may be kept so much longer
        self.disturbed = 0.0  # steady: when the file or the wall clock was last changed
        self.order = ExitStack()
        self.order.enter_context(fixed_order())
        self.world.start()

    @staticmethod
    def executed_rules() -> int:
        """Return how many rules all machines in this process executed, including first steps."""
        return _executed["rules"]

    def teardown(self) -> None:
        """Stop the tracker and remove its folder."""
        try:
            self.world.host.close()
        finally:
            self.order.close()
            self.disk.close()
            shutil.rmtree(self.home)

    def configuration(
        self,
        watched: Sequence[str],
        offers: Mapping[str, Sequence[str]] = MappingProxyType({}),
        completions_per_day: int = 1_000,
    ) -> Config:
        """Return the configuration with these providers; offers: models watched, by provider."""
        return Config(
            database=str(self.disk.path),
            completions_per_day=completions_per_day,
            providers=tuple(
                Provider(name=name, timing=self.timing, models=tuple(offers.get(name, ())))
                for name in watched
            ),
            ranking=self.ranking,
            buffer_limit=self.buffer_limit,
        )

    @rule(
        name=names,
        mood=moods,
        retry_after=st.sampled_from((None, 0.0, 20.0, 600.0)),
        seconds=spans,
    )
    def a_provider_turns(
        self, name: str, mood: ProviderBehavior, retry_after: float | None, seconds: float
    ) -> None:
        """Change how a provider behaves, then let time pass."""
        check = self.world.checks[name]
        check.mood, check.retry_after = mood, retry_after
        self.time_passes(seconds)

    @rule(name=names, latency_ms=st.sampled_from((80.0, 400.0, 1000.0, 1600.0)), seconds=spans)
    def a_provider_is_well(self, name: str, latency_ms: float, seconds: float) -> None:
        """Let a provider answer well, then let time pass."""
        check = self.world.checks[name]
        check.mood, check.latency_ms = ProviderBehavior.OK, latency_ms
        self.time_passes(seconds)

    @rule(
        name=st.sampled_from("aab"),
        turns=st.dictionaries(models, st.none() | moods, min_size=1),
        retry_after=st.sampled_from((None, 0.0, 20.0, 600.0)),
        seconds=spans,
    )
    def a_models_turn(
        self,
        name: str,
        turns: dict[str, ProviderBehavior | None],
        retry_after: float | None,
        seconds: float,
    ) -> None:
        """Change how single models behave (None: as their provider), then let time pass."""
        check = self.world.checks[name]
        check.models = {m: mood for m, mood in (check.models | turns).items() if mood is not None}
        check.retry_after = retry_after
        self.time_passes(seconds)

    @rule(oldest_first=st.booleans())
    def trio_turns(self, oldest_first: bool) -> None:
        """Make trio run the tasks of a pass in the other order."""
        self.order.close()
        self.order.enter_context(fixed_order(oldest_first=oldest_first))

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        """Let time pass."""
        self.world.passes(seconds)
        self.world.has_published()

    @rule(seconds=st.sampled_from((-HOUR, HOUR)))
    def the_wall_clock_jumps(self, seconds: float) -> None:
        """Set the wall clock forward or back."""
        self.world.clock.jump_wall(seconds)
        self.jumps += 1
        self.disturbed = self.world.now

    @rule(name=names)
    def an_actor_crashes(self, name: str) -> None:
        """Let an actor crash at its next check."""
        self.world.checks[name].crash = ZeroDivisionError("a bug of ours")

    @precondition(lambda self: self.disk.trouble is None and self.disk.exists)
    @rule(trouble=st.sampled_from(DiskFault))
    def the_database_goes(self, trouble: DiskFault) -> None:
        """Make the database unusable in one way."""
        self.disk.inject(trouble)

    @precondition(lambda self: self.disk.trouble is not None)
    @rule()
    def the_database_comes_back(self) -> None:
        """Make the database usable again."""
        self.disk.mend()
        self.disturbed = self.world.now
        if self.world.unremembered:
            self.world.remember()
            self.told = self.filed = self.disk.overrides()

    @precondition(lambda self: self.disk.trouble is None and self.disk.exists)
    @rule()
    def the_database_is_deleted(self) -> None:
        """Delete the database file under the running tracker."""
        waiting = self.world.backlog.waiting()
        self.filed = {r.provider: _told(r) for r in waiting if isinstance(r, OverrideRecord)}
        self.disk.delete()
        self.world.ledger.deleted()

    @rule(off=st.sampled_from((1.0, 90.0, 2 * HOUR, DAY + HOUR)))
    def the_process_is_killed(self, off: float) -> None:
        """Kill the tracker and start it again after a while."""
        if self.disk.trouble is DiskFault.LOCKED:
            self.disk.mend()
        self.world.kill()
        self._begin_again(off)

    @rule(off=st.sampled_from((1.0, 90.0, 2 * HOUR, DAY + HOUR)))
    def it_is_restarted(self, off: float) -> None:
        """Stop the tracker in order and start it again after a while."""
        backlog = self.world.backlog
        self.world.stop()
        if self.disk.trouble is None:
            assert not backlog.waiting(), "it ended with something unwritten"
        self._begin_again(off)

    @precondition(lambda self: not self.world.unremembered)
    @rule(name=names, seconds=st.sampled_from((None, 30.0, 240.0)))
    def an_operator_tunes(self, name: str, seconds: float | None) -> None:
        """Change a provider's interval; None returns to that of the file."""
        self._tune(name, interval_seconds=seconds)

    @precondition(lambda self: not self.world.unremembered)
    @rule(name=names, enabled=st.sampled_from((None, False, True)))
    def an_operator_switches(self, name: str, enabled: bool | None) -> None:
        """Switch a provider on or off; None returns to the file."""
        self._tune(name, enabled=enabled)

    @precondition(lambda self: not self.world.unremembered)
    @rule(
        watched=st.sets(names).map(sorted),
        offers=st.dictionaries(names, st.lists(models, unique=True, max_size=3), max_size=2),
        budget=budgets,
    )
    def an_operator_reloads(
        self, watched: list[str], offers: dict[str, list[str]], budget: int
    ) -> None:
        """Load a configuration with other providers, other models or another budget."""
        self.world.reload(self.configuration(watched, offers, budget))

    @rule(name=names, moods=st.lists(moods, min_size=1, max_size=8))
    def somebody_asks_for_checks(self, name: str, moods: list[ProviderBehavior]) -> None:
        """Ask for checks one after the other, of a provider in these behaviours."""
        for mood in moods:
            if name in self.world.oracles:
                self.world.checks[name].mood = mood
                self._ask(name)

    @rule(name=names, model=models, moods=st.lists(moods, min_size=1, max_size=8))
    def somebody_asks_for_checks_of_a_model(
        self, name: str, model: str, moods: list[ProviderBehavior]
    ) -> None:
        """Ask for checks one after the other, of a watched model in these behaviours."""
        for mood in moods:
            if model in self.world.watched(name):
                self.world.checks[name].models[model] = mood
                self._ask(name, model)

    @invariant()
    def everything_is_as_the_oracle_says(self) -> None:
        """Compare everything shown with the oracle."""
        _executed.update(rules=1)
        world, look = self.world, self.world.look()
        for name, oracle in world.oracles.items():
            interval, told = self.told.get(name, (None, None))
            enabled = told is not False
            present = look.present(name, oracle, enabled=enabled)
            shown, refreshed = look.shown.providers[name], look.refreshed.providers[name]
            compare_status(shown, oracle, present)
            compare_statistics(refreshed, oracle, present)
            assert shown.interval_seconds == (interval or self.timing.interval_seconds)
            self._compare_offers(name, look, enabled=enabled)
        assert look.shown.providers.keys() == world.oracles.keys()
        compare_ranking(look.shown.ranking, look.shown.providers)
        offers = [NamedOffer(name, model) for name in look.shown.providers for model in MODELS]
        watched = [one for one in offers if one.model in world.watched(one.provider)]
        compare_offer_ranking(world.tracker.offers.rank(watched), world.tracker.snapshot)

    @invariant()
    def completions_stay_within_the_budget(self) -> None:
        """Make sure that no check on the grid overspends, and that none waits without a reason."""
        assert not self.world.overspent, self.world.overspent
        for name, provider in self.world.tracker.snapshot.providers.items():
            waiting = [offer.model for offer in provider.offers if offer.waits_for_budget]
            assert not waiting or self.world.budget_ran_out, f"{waiting} of {name} wait"

    @invariant()
    def nothing_is_lost_or_stored_twice_or_kept_too_long(self) -> None:
        """Compare the file with the checks that were made."""
        backlog, ledger, now = self.world.backlog, self.world.ledger, self.world.clock.now()
        ledger.settle(self.disk, backlog, now)
        unwritten = any(isinstance(r, OverrideRecord) for r in backlog.waiting())
        if self.disk.trouble is None and self.disk.exists and not unwritten:
            assert self.disk.overrides() == self.filed
        if self.disk.trouble is None and self.world.now - self.disturbed > HOUR:
            most = ledger.retention + timedelta(seconds=HOUR * (1 + self.jumps))
            if ledger.oldest is not None and now - ledger.oldest > most:
                assert ledger.watched_since_oldest(now) <= most, f"{ledger.oldest} is kept"

    @invariant()
    def no_two_checks_overlap(self) -> None:
        """Make sure that no provider was checked twice at a time."""
        overlaps = {name: check.overlapped for name, check in self.world.checks.items()}
        assert not any(overlaps.values()), overlaps

    def _compare_offers(self, name: str, look: Observation, *, enabled: bool) -> None:
        shown, refreshed = look.shown.providers[name], look.refreshed.providers[name]
        assert tuple(offer.model for offer in shown.offers) == self.world.watched(name)
        for offer, later in zip(shown.offers, refreshed.offers, strict=True):
            target, oracle = (name, offer.model), self.world.oracles[name].offers[offer.model]
            asked = self.world.last_asked.get(target)
            present = look.present_offer(target, oracle, enabled=enabled, asked=asked)
            compare_offer(offer, oracle, present, shown)
            compare_statistics(later, oracle, present)

    def _ask(self, name: str, model: str | None = None) -> None:
        found = [self.world.own[name, None], self.world.own[name, model]]
        began = [len(each) for each in found]
        # One that was given up is tried again at once.
        can_check = self.world.tracker.health().actors[name].state in {"running", "given up"}
        self.world.asked = (name, model)
        answer = self.world.meanwhile(partial(self._check, name, model), 2 * TIMEOUT_SECONDS)
        self.world.asked = None
        if not can_check:
            assert answer is not None, "it waits for an actor that does not run"
            assert answer.kind is OutcomeKind.INTERNAL, f"{answer.kind} answered"
        elif answer is not None:
            new = [c.kind for each, n in zip(found, began, strict=True) for c in each[n:]]
            assert not new or answer.kind in new, f"{answer.kind} answered, found {new}"

    async def _check(self, name: str, model: str | None) -> CheckResult:
        tracker = self.world.tracker
        return (
            (await tracker.check(name))[name]
            if model is None
            else await tracker.check_offer(name, model)
        )

    def _tune(self, name: str, **wish: Any) -> None:
        if name not in self.world.oracles:
            return
        self.world.do(partial(self.world.tracker.tune, name, **wish))
        interval, enabled = self.told.get(name, (None, None))
        told = (wish.get("interval_seconds", interval), wish.get("enabled", enabled))
        self.told = self.told | {name: told}
        self.filed = self.filed | {name: told}

    def _begin_again(self, off: float) -> None:
        readable = self.disk.trouble is not DiskFault.FOLDER and self.disk.exists
        self.told = self.disk.overrides() if readable else {}
        self.filed = self.told if self.disk.trouble is not DiskFault.FOLDER else self.filed
        self.world.time.jump(off)
        self.world.start()


def _told(record: OverrideRecord) -> Told:
    return record.interval_seconds, record.enabled
