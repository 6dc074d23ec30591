"""Everything known about one provider and its offers. Pure; only the aggregator changes it."""

from collections import Counter
from collections.abc import Iterator, Mapping

import attrs

from tracker.core.clock import ClockReading
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Excluded
from tracker.core.records import CheckRecord, CorrectionRecord
from tracker.core.settings import Provider, Timing
from tracker.core.traffic import ProviderTrafficView
from tracker.health.announced_ends import AnnouncedEnds
from tracker.health.check_recording import record_check
from tracker.health.health_state import HealthState
from tracker.health.offer_state import OfferState
from tracker.health.other_vantages import OtherVantages
from tracker.health.publishing import Published, publish
from tracker.health.target_state import (
    TargetSettings,
    TargetState,
    stale_after,
)
from tracker.health.traffic_signs import apply_call_limit, apply_failed_minute
from tracker.health.unreached_run import UnreachedRun
from tracker.health.watched_offers import WatchedOffers
from tracker.models.retirements import Retirement
from tracker.ranking.policy import Candidate


@attrs.define(eq=False)
class ProviderState:
    """One provider: its settings, what its checks said, and what was published about it.

    checked: since this start. touched: changed since the last publication; outdated: the shared
    set of the names of all such providers.
    """

    provider: Provider
    target: TargetState = attrs.field(factory=TargetState)
    _offers: WatchedOffers = attrs.field(factory=WatchedOffers, init=False)
    models: tuple[str, ...] | None = None
    tasks: Mapping[str, str] = attrs.field(factory=dict)  # from the last list
    ends: AnnouncedEnds = attrs.field(init=False)
    traffic: ProviderTrafficView | None = None
    given_up: str | None = None
    overridden: bool = False
    waits_for_budget: bool = False
    network_away: bool = False
    unreached: UnreachedRun = attrs.field(factory=UnreachedRun)
    outcomes: Counter[OutcomeKind] = attrs.field(factory=Counter)
    latencies: LatencyHistogram = LatencyHistogram()
    checked: bool = False
    touched: bool = True
    outdated: set[str] = attrs.field(factory=set)
    published: Published = attrs.field(factory=Published)
    others: OtherVantages | None = None  # None: this tracker is alone

    def __attrs_post_init__(self) -> None:
        self._offers.watch(self.provider.models)
        self.ends = AnnouncedEnds(self.provider.retiring)

    @property
    def offers(self) -> dict[str, OfferState]:
        """Return what is known of each watched offer, by model, in the order of the settings."""
        return self._offers.watched

    def record_check(
        self,
        result: CheckResult,
        next_due: float | None,
        now: ClockReading,
        *,
        given_up: str | None = None,
    ) -> CheckRecord:
        """Judge one check of the provider or of an offer and return its row for the store.

        given_up: why its actor is only tried at the longest delay, None while it runs.
        """
        return record_check(self, result, next_due, now, given_up=given_up)

    def note_retirements(self, result: CheckResult) -> tuple[Retirement, ...]:
        """Return the notices about its models' announced ends that are due now, each once."""
        if result.model is not None or result.kind.is_ours:
            return ()
        self.ends = self.ends.after(result)
        if not self.ends.dates:
            return ()
        served = {*(result.models or self.models or ()), *self.provider.models}
        due = self.ends.due(self.target.notices, served, result.at.date())
        if due:
            self.target.notices = self.target.notices.after(due)
        return due

    def record_failed_minute(
        self, message: str, *, model: str | None = None, lone_reporter: bool
    ) -> None:
        """Take a minute of real calls that counts as one failed check, of it or of an offer."""
        target = self.find_target(model)
        if target is None:
            return
        target.health = apply_failed_minute(
            target.health, message, self._timing(model), lone_reporter=lone_reporter
        )
        target.judgement = None
        self.touch()

    def update_traffic(
        self,
        traffic: ProviderTrafficView | None,
        limits: Mapping[str | None, tuple[float, OutcomeKind] | None],
    ) -> None:
        """Show these calls from now on; limits: of it (None) and of its offers, until when."""
        changed = traffic != self.traffic
        self.traffic = traffic
        for model, limit in limits.items():
            if (target := self.find_target(model)) is not None:
                health = apply_call_limit(target.health, *(limit or (None, None)))
                changed |= health is not target.health
                target.health = health
        if changed:
            self.touch()

    def health_of(self, model: str | None) -> HealthState | None:
        """Return its own health, or that of an offer; None for one that is not watched."""
        target = self.find_target(model)
        return None if target is None else target.health

    def update_settings(self, provider: Provider, *, overridden: bool) -> None:
        """Take new settings; switched on again, a given-up actor has a fresh budget."""
        self.provider, self.overridden = provider, overridden
        self.given_up = None
        self._offers.watch(provider.models)
        self.ends = attrs.evolve(self.ends, catalogue=provider.retiring)
        if not provider.enabled:
            self.target.next_due = None  # its data still goes stale
            for offer in self.offers.values():
                offer.target.next_due = None
        self.touch()

    def reschedule(
        self,
        next_due: float | None,
        now: ClockReading,
        *,
        model: str | None = None,
        waits_for_budget: bool = False,
    ) -> None:
        """Take a new plan. What is stale stays stale until a check has ended."""
        holder = self if model is None else self.offers.get(model)
        if holder is None:
            return
        target = holder.target
        holder.waits_for_budget = waits_for_budget
        if not target.is_stale(now):
            target.stale_at = stale_after(next_due, self._timing(model))
        target.next_due = self.plan(next_due)
        self.touch()

    def count_shared(self, record: CheckRecord) -> None:
        """Count a check that another tracker of our vantage made; it was judged there."""
        target = self.find_target(record.result.model)
        if target is not None:
            target.count(record.result)
            self.touch()

    def reset_after_absence(self) -> None:
        """Forget what was published of it: it was not watched for a while."""
        self.published = Published()
        self.target.next_due = None
        self.checked = False
        for offer in self.offers.values():
            offer.reset_after_absence()
        self.touch()

    def note_history(self, *, complete: bool) -> None:
        """Tell no uptime and no latency of a day while older checks are still being read."""
        for target in self.targets():
            if target.statistics.complete != complete:
                target.statistics.complete = complete
                self.touch()

    def is_outdated(self, now: ClockReading) -> bool:
        """Return whether what was published of it no longer holds."""
        published = self.published
        return self.touched or published.view is None or now.steady >= published.changes_at

    def refresh(self, now: ClockReading) -> ProviderStatus:
        """Publish its view now; the same object while nothing in it changed."""
        return publish(self, now)

    def set_network_away(self, away: bool, now: ClockReading) -> Iterator[CorrectionRecord]:
        """Blame our own network for what this provider could not be reached for, or stop that.

        Its checks since it was last reached count as nothing then; yields what to correct.
        """
        if away != self.network_away:
            self.network_away = away
            self.touch()
        if away:
            yield from self._take_back(now)

    def _take_back(self, now: ClockReading) -> Iterator[CorrectionRecord]:
        run, self.unreached = self.unreached, UnreachedRun()
        if run.before is None:
            return
        for result in run.results:
            self.outcomes[result.kind] -= 1
            self.outcomes[OutcomeKind.INTERNAL] += 1
        self.target = run.take_back(self.target, self.settings(self.given_up), now)
        yield from run.corrections(self.provider.name)
        self.touch()

    def offer_entries(self) -> Iterator[tuple[str, Candidate | Excluded]]:
        """Yield what a ranking sees of each offer, by "provider/model"."""
        for model, offer in self.offers.items():
            if offer.entry is not None:
                yield f"{self.provider.name}/{model}", offer.entry

    def find_target(self, model: str | None) -> TargetState | None:
        """Return what is known of it alone, or of an offer; None for one that is not watched."""
        if model is None:
            return self.target
        offer = self.offers.get(model)
        return None if offer is None else offer.target

    def find_offer(self, model: str) -> OfferState:
        """Return what is known of a model, watched or not any more."""
        return self._offers.find(model)

    def targets(self) -> Iterator[TargetState]:
        """Yield what is checked: the provider itself, then each of its offers."""
        yield self.target
        yield from (offer.target for offer in self.offers.values())

    def settings(self, given_up: str | None) -> TargetSettings:
        """Return what its own checks are judged by."""
        return TargetSettings(
            timing=self.provider.timing,
            enabled=self.provider.enabled,
            given_up=given_up,
            network_away=self.network_away,
            documented_limits=self.provider.documented_limits,
        )

    def offer_settings(self) -> TargetSettings:
        """Return what the checks of its offers are judged by."""
        return TargetSettings(timing=self.provider.model_timing, enabled=self.provider.enabled)

    def _timing(self, model: str | None) -> Timing:
        return self.provider.timing if model is None else self.provider.model_timing

    def touch(self) -> None:
        """Judge it again and let it be published again: something about it has changed."""
        self.target.judgement = None
        self.mark_outdated()

    def mark_outdated(self) -> None:
        """Let it be published again."""
        self.touched = True
        self.outdated.add(self.provider.name)

    def plan(self, next_due: float | None) -> float | None:
        """Return a plan, None once the provider is not checked: a last message may come late."""
        return next_due if self.provider.enabled and self.given_up is None else None
