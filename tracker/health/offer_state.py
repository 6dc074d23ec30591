"""One watched model at a provider: its own checks, under the same rules as a provider. Pure."""

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.ranking import Excluded
from tracker.core.stored_json import read_stored
from tracker.health.provider_view import (
    SURE_REFUSALS,
    add_wait,
    build_entry,
    describe_decision,
    error_message,
    ignore_clock_noise,
)
from tracker.health.target_state import PersistedState, StoredTarget, TargetSettings, TargetState
from tracker.models.names import parse_model_id
from tracker.models.tasks import other_task
from tracker.ranking.policy import Candidate


@attrs.define(eq=False)
class OfferState:
    """What is known about one offer, and what was published about it.

    waits_for_budget: until midnight UTC, because the day's completions are spent.
    """

    model: str
    target: TargetState = attrs.field(factory=TargetState)
    checked: bool = False
    waits_for_budget: bool = False
    view: OfferStatus | None = None
    entry: Candidate | Excluded | None = None

    def record(self, after: TargetState, result: CheckResult) -> None:
        """Take the state after one more check of it."""
        self.target, self.checked, self.waits_for_budget = after, True, False
        after.count(result)

    def reset_after_absence(self) -> None:
        """Forget what was published of it: it was not watched for a while."""
        self.view = self.entry = None
        self.target.next_due = None
        self.waits_for_budget = False

    def restore(self, stored: StoredTarget, now: ClockReading) -> None:
        """Carry on from what was stored. Raises what ``read_stored`` does."""
        self.target.take_statistics(stored.statistics)
        if stored.state is not None and not self.checked:
            self.target.restore(read_stored(stored.state, PersistedState), now)

    def refresh(
        self, provider: ProviderStatus, settings: TargetSettings, now: ClockReading
    ) -> OfferStatus:
        """Publish its view now; the same object while nothing in it changed."""
        self.target.statistics.advance(now.at.timestamp())
        view = self._view(provider, settings, now)
        if view != self.view:
            self.view = view
        assert self.view is not None
        self.entry = self._entry(self.view, provider)
        return self.view

    def _view(
        self, provider: ProviderStatus, settings: TargetSettings, now: ClockReading
    ) -> OfferStatus:
        target, shown = self.target, self.view
        decision = target.judge(settings, now).decision
        target.note_status(decision.status, now.at)
        health, statistics = target.health, target.statistics
        proven = health.counted is not None or bool(health.traffic.failure)
        task = None if health.facts.inference else other_task(self.model, provider.tasks)
        usable_in = None if decision.usable_in is None else now.steady + decision.usable_in
        usable_at = ignore_clock_noise(shown.usable_at if shown else None, now.wall(usable_in))
        reason = describe_decision(decision, usable_at, now.at)
        if not proven:
            reason = f"this model has not been checked yet; {provider.name}: {provider.reason}"
        elif not provider.usable:
            reason = f"{provider.name} is not usable: {provider.reason}"
        if task is not None:
            reason = f"not for chat ({task}); {reason}"
        return OfferStatus(
            model=self.model,
            variant=parse_model_id(self.model).variant,
            status=decision.status if proven else provider.status,
            status_since=target.status_since if proven else provider.status_since,
            usable=provider.usable and task is None and (decision.usable or not proven),
            usable_at=usable_at if proven else provider.usable_at,
            reason=add_wait(reason, waits=self.waits_for_budget),
            evidence=EvidenceSource.OFFER if proven else EvidenceSource.PROVIDER,
            outcome=health.outcome,
            error_message=error_message(health),
            last_check=health.last_check,
            next_check=ignore_clock_noise(
                shown.next_check if shown else None, now.wall(target.next_due)
            ),
            response_time_ms=health.response_time_ms,
            ttft_ms=health.ttft_ms,
            tokens_per_second=provider.tokens_per_second(self.model),
            uptime=statistics.uptime,
            latency=statistics.latency,
            consecutive_failures=health.consecutive_failures,
            failing_since=health.failing_since,
            checks_24h=statistics.checks_in_day,
            waits_for_budget=self.waits_for_budget,
            retires_on=provider.retiring.get(self.model),
        )

    def _entry(self, view: OfferStatus, provider: ProviderStatus) -> Candidate | Excluded:
        return build_entry(
            f"{provider.name}/{self.model}",
            view,
            self.target.statistics.recent,
            provider.timeout_seconds,
            self.entry,
            enabled=provider.enabled and provider.outcome not in SURE_REFUSALS,
        )
