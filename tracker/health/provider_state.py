"""Everything that is known of one provider and its offers. Pure; only the aggregator changes it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

import attrs
import msgspec

from tracker.core.clock import ClockReading
from tracker.core.cluster import SharedState
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, OutcomeKind
from tracker.core.records import CheckRecord, CorrectionRecord
from tracker.core.retirements import Retirement
from tracker.core.settings import Provider, Timing
from tracker.core.snapshot import Excluded, OfferStatus, ProviderStatus
from tracker.core.traffic import ProviderTrafficView
from tracker.health.health_state import HealthState
from tracker.health.offer_state import OfferState, concerns_provider
from tracker.health.other_vantages import OtherVantages
from tracker.health.own_network import UNREACHED
from tracker.health.provider_view import build_entry, build_view
from tracker.health.status_rules import OUR_NETWORK
from tracker.health.target_state import (
    PersistedState,
    StoredTarget,
    TargetSettings,
    TargetState,
    stale_after,
)
from tracker.health.traffic_signs import apply_call_limit, apply_failed_minute
from tracker.ranking.policy import SAMPLES, Candidate, Sample

# Failures of so many of its offers within one interval are the provider's.
OFFERS_TO_BLAME_PROVIDER = 2
# Our own network is noticed within one round of checks and re-checks; older failures stand.
UNREACHED_KEPT = 20


@attrs.frozen(kw_only=True)
class StoredProvider:
    """A provider as the store remembers it, and its offers by model."""

    own: StoredTarget
    offers: Mapping[str, StoredTarget] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Published:
    """What the latest snapshot shows of a provider, kept so that unchanged parts stay the same.

    changes_at: steady seconds at which time alone changes the view.
    """

    view: ProviderStatus | None = None
    offers: tuple[OfferStatus, ...] = ()
    entry: Candidate | Excluded | None = None
    changes_at: float = float("inf")


@attrs.define(eq=False)
class UnreachedRun:
    """Checks in a row that did not reach the provider, and the state before them.

    Kept so that they can be taken back, should our own network turn out to be the cause.
    """

    before: TargetState | None = None
    results: list[CheckResult] = attrs.field(factory=list)


@attrs.define(eq=False)
class ProviderState:
    """One provider: its settings, what its checks said, and what was published of it.

    checked: since this start. touched: changed since the last publication; outdated: where the
    names of all such providers are noted.
    """

    provider: Provider
    target: TargetState = attrs.field(factory=TargetState)
    offers: dict[str, OfferState] = attrs.field(factory=dict)
    models: tuple[str, ...] | None = None
    retiring: Mapping[str, date] = attrs.field(factory=dict)
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
        self._keep_watched_offers()

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
        offer = None if result.model is None else self.offers.get(result.model)
        if offer is None or concerns_provider(result):
            return self._record_own(name_model(result), next_due, now, offer, given_up)
        return self._record_offer(offer, result, next_due, now)

    def note_retirements(self, result: CheckResult) -> tuple[Retirement, ...]:
        """Return which of its models' announced ends are to be told now, each once."""
        if result.model is not None or result.kind.is_ours:
            return ()
        if dict(result.retiring) != self.retiring and (result.retiring or result.models):
            self.retiring = dict(result.retiring)
        dates = {**self.provider.retiring, **self.retiring}
        served = {*(result.models or self.models or ()), *self.provider.models}
        known = {model: on for model, on in dates.items() if model in served}
        due = self.target.notices.due(known, result.at.date())
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
        self._touch()

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
            self._touch()

    def health_of(self, model: str | None) -> HealthState | None:
        """Return its own health, or that of an offer; None for one that is not watched."""
        target = self.find_target(model)
        return None if target is None else target.health

    def update_settings(self, provider: Provider, *, overridden: bool) -> None:
        """Take new settings; switched on again, a given-up actor has a fresh budget."""
        self.provider, self.overridden = provider, overridden
        self.given_up = None
        self._keep_watched_offers()
        if not provider.enabled:
            self.target.next_due = None  # what is known of it still grows old
            for offer in self.offers.values():
                offer.target.next_due = None
        self._touch()

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
        target.next_due = self._plan(next_due)
        self._touch()

    def count_shared(self, record: CheckRecord) -> None:
        """Count a check that another tracker of our vantage made; it was judged there."""
        target = self.find_target(record.result.model)
        if target is not None:
            target.count(record.result)
            self._touch()

    def adopt(self, shared: SharedState, now: ClockReading, *, keep_plan: bool) -> bool:
        """Carry on from what another tracker of our vantage knows, where that is newer.

        keep_plan: the next check is ours. Raises msgspec.DecodeError for a state not ours.
        """
        target = self.find_target(shared.model)
        if target is None:
            return False
        last = target.health.last_check
        if last is not None and (now.at - last).total_seconds() <= shared.age:
            return False
        due = target.next_due
        target.restore(msgspec.json.decode(shared.state, type=PersistedState), now)
        if not keep_plan:
            due = None if shared.due_in is None else now.steady + shared.due_in
        target.next_due = self._plan(due)
        target.stale_at = None if shared.fresh_for is None else now.steady + shared.fresh_for
        if shared.model is None:
            self.checked = True
            self.models = self.models if shared.models is None else shared.models
        self._touch()
        return True

    def touch(self) -> None:
        """Let it be published anew: something beside its own checks has changed."""
        self._touch()

    def reset_after_absence(self) -> None:
        """Forget what was published of it: it was not watched for a while."""
        self.published = Published()
        self.target.next_due = None
        self.checked = False
        self._touch()

    def restore(self, stored: StoredProvider, now: ClockReading) -> None:
        """Carry on from what was stored; checks made since this start stay on top of it.

        Raises msgspec.DecodeError, having taken the statistics, for a state that is not ours.
        """
        self.target.take_statistics(stored.own.statistics)
        self._touch()
        for model, offer in self.offers.items():
            if model in stored.offers:
                offer.restore(stored.offers[model], now)
        if stored.own.state is not None and not self.checked:
            self.target.restore(msgspec.json.decode(stored.own.state, type=PersistedState), now)

    def is_outdated(self, now: ClockReading) -> bool:
        """Return whether what was published of it no longer holds."""
        published = self.published
        return self.touched or published.view is None or now.steady >= published.changes_at

    def refresh(self, now: ClockReading) -> ProviderStatus:
        """Publish its view now; the same object while nothing in it changed."""
        target, published = self.target, self.published
        target.statistics.advance(now.at.timestamp())
        judgement = target.judgement if self.touched else None
        if judgement is None:
            judgement = target.judge(self._settings(self.given_up), now)
        target.note_status(judgement.decision.status, now.at)
        view = build_view(self, judgement, now)
        if self.offers:
            view = attrs.evolve(view, offers=self._refresh_offers(view, now))
        if self.others is not None:
            view = self.others.add_to(view, now)
        if view != published.view:
            published.view = view
        else:
            view = published.view
        published.changes_at = min(each.next_change(now) for each in self.targets())
        if self.others is not None:
            change = self.others.next_change(self.provider.name, now.steady)
            published.changes_at = min(published.changes_at, change)
        published.entry = build_entry(
            view.name,
            view,
            target.statistics.recent,
            view.timeout_seconds,
            published.entry,
            enabled=view.enabled,
            related=self._offer_samples(),
        )
        self.touched = False
        return view

    def set_network_away(self, away: bool, now: ClockReading) -> Iterator[CorrectionRecord]:
        """Blame our own network for what this provider could not be reached for, or stop that.

        Its checks since it was last reached count as nothing then; yields what to correct.
        """
        if away != self.network_away:
            self.network_away = away
            self._touch()
        if away:
            yield from self._take_back(now)

    def _take_back(self, now: ClockReading) -> Iterator[CorrectionRecord]:
        run, self.unreached = self.unreached, UnreachedRun()
        if run.before is None:
            return
        target = attrs.evolve(run.before, next_due=self.target.next_due)
        for result in run.results:
            ours = CheckResult(
                kind=OutcomeKind.INTERNAL,
                provider=self.provider.name,
                at=result.at,
                message=f"{OUR_NETWORK}: {result.message}"[:MESSAGE_LENGTH],
            )
            target = target.after(ours, self.target.next_due, self._settings(self.given_up), now)
            target.statistics.uncount(result.at.timestamp())
            self.outcomes[result.kind] -= 1
            self.outcomes[OutcomeKind.INTERNAL] += 1
            yield CorrectionRecord(provider=self.provider.name, at=result.at, message=ours.message)
        target.stale_at = self.target.stale_at
        self.target = target
        self._touch()

    def _note_unreached(self, result: CheckResult) -> None:
        if result.kind not in UNREACHED:
            if not result.kind.is_ours:
                self.unreached = UnreachedRun()
            return
        run = self.unreached
        if run.before is None:
            run.before = attrs.evolve(self.target)
        run.results = [*run.results, result][-UNREACHED_KEPT:]

    def offer_entries(self) -> Iterator[tuple[str, Candidate | Excluded]]:
        """Yield what a ranking sees of each offer, by "provider/model"."""
        for model, offer in self.offers.items():
            if offer.entry is not None:
                yield f"{self.provider.name}/{model}", offer.entry

    def _record_own(
        self,
        result: CheckResult,
        next_due: float | None,
        now: ClockReading,
        asked: OfferState | None,
        given_up: str | None,
    ) -> CheckRecord:
        """Judge a check that says something about the provider, whatever it asked for."""
        due = next_due if asked is None else self.target.next_due
        target = self.target.after(result, due, self._settings(given_up), now)
        record = self._record(result, target, now, self._settings(given_up))

        self._note_unreached(result)
        self.target, self.given_up = target, given_up
        target.count(result)
        target.next_due = self._plan(due)
        if asked is not None:
            asked.target.next_due = self._plan(next_due)
            asked.target.stale_at = stale_after(next_due, self.provider.model_timing)
        self.outcomes[result.kind] += 1
        if result.kind.is_success and result.latency_ms is not None:
            self.latencies = self.latencies.after(result.latency_ms / 1000.0)
        self.checked = True
        self._mark_outdated()
        self.waits_for_budget = False
        if result.models is not None and result.models != self.models:
            self.models = result.models  # an equal list stays the same object: indexes rely on it
        return record

    def _record_offer(
        self, offer: OfferState, result: CheckResult, next_due: float | None, now: ClockReading
    ) -> CheckRecord:
        settings = self._offer_settings()
        target = offer.target.after(result, next_due, settings, now)
        record = self._record(result, target, now, settings)
        blamed = self._blame_provider(offer, result, now)

        offer.record(target, result, now)
        target.next_due = self._plan(next_due)
        self.target = blamed
        self._touch()
        return record

    def _blame_provider(
        self, offer: OfferState, result: CheckResult, now: ClockReading
    ) -> TargetState:
        """Return the provider's own state after an offer failed: held against it as well where
        another of its offers failed within the same interval.
        """
        if not result.kind.is_failure or result.kind is OutcomeKind.NOT_FOUND:
            return self.target
        window = self.provider.model_timing.interval_seconds
        others = [
            each
            for each in self.offers.values()
            if each is not offer
            and each.failed_at is not None
            and now.steady - each.failed_at <= window
        ]
        if len(others) + 1 < OFFERS_TO_BLAME_PROVIDER:
            return self.target
        own = attrs.evolve(name_model(result), limits=(), retry_after=None)
        return self.target.after(own, self.target.next_due, self._settings(self.given_up), now)

    def _refresh_offers(
        self, provider: ProviderStatus, now: ClockReading
    ) -> tuple[OfferStatus, ...]:
        settings = self._offer_settings()
        views = tuple(offer.refresh(provider, settings, now) for offer in self.offers.values())
        if views != self.published.offers:
            self.published.offers = views
        return self.published.offers

    def _offer_samples(self) -> tuple[Sample, ...]:
        """Return the latest checks of its offers together, newest last."""
        samples = [s for offer in self.offers.values() for s in offer.target.statistics.recent]
        samples.sort(key=lambda sample: sample.at)
        return tuple(samples[-SAMPLES:])

    def _keep_watched_offers(self) -> None:
        """Watch exactly the offers that the settings name, in their order."""
        self.offers = {
            model: self.offers.get(model) or OfferState(model) for model in self.provider.models
        }

    def find_target(self, model: str | None) -> TargetState | None:
        """Return what is known of it alone, or of an offer; None for one that is not watched."""
        if model is None:
            return self.target
        offer = self.offers.get(model)
        return None if offer is None else offer.target

    def targets(self) -> Iterator[TargetState]:
        """Yield what is checked: the provider itself, then each of its offers."""
        yield self.target
        yield from (offer.target for offer in self.offers.values())

    def _settings(self, given_up: str | None) -> TargetSettings:
        return TargetSettings(
            timing=self.provider.timing,
            enabled=self.provider.enabled,
            given_up=given_up,
            network_away=self.network_away,
            documented_limits=self.provider.documented_limits,
        )

    def _offer_settings(self) -> TargetSettings:
        return TargetSettings(timing=self.provider.model_timing, enabled=self.provider.enabled)

    def _timing(self, model: str | None) -> Timing:
        return self.provider.timing if model is None else self.provider.model_timing

    def _touch(self) -> None:
        self.target.judgement = None
        self._mark_outdated()

    def _mark_outdated(self) -> None:
        self.touched = True
        self.outdated.add(self.provider.name)

    def _plan(self, next_due: float | None) -> float | None:
        """No plan holds for a provider that is no longer checked: a last message may come late."""
        return next_due if self.provider.enabled and self.given_up is None else None

    def _record(
        self, result: CheckResult, target: TargetState, now: ClockReading, settings: TargetSettings
    ) -> CheckRecord:
        judgement = target.judgement or target.judge(settings, now)
        return CheckRecord(
            result=attrs.evolve(result, provider=self.provider.name),
            status=judgement.decision.status,
            interval_seconds=settings.timing.interval_seconds,
            consecutive_failures=target.health.consecutive_failures,
            rate_limit_percent=judgement.rate_limit.percent,
            state=msgspec.json.encode(target.persist(now)).decode(),
        )


def name_model(result: CheckResult) -> CheckResult:
    """Make what was found while asking for one model a result of the provider's."""
    if result.model is None:
        return result
    message = f"{result.message} (asked for {result.model})".strip()[:MESSAGE_LENGTH]
    return attrs.evolve(result, model=None, message=message)
