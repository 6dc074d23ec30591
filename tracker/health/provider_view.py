"""What a snapshot shows about one provider, built from its state. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.core.ranking import Excluded
from tracker.health.health_state import HealthState
from tracker.health.status_rules import LimitReason, StatusDecision
from tracker.health.target_state import Judgement
from tracker.health.uptime_window import WEEK
from tracker.ranking.policy import Candidate, Sample

if TYPE_CHECKING:
    from tracker.health.provider_state import ProviderState

# After these a call would be refused too, until somebody fixes the key or the account.
SURE_REFUSALS = frozenset({OutcomeKind.AUTH, OutcomeKind.QUOTA_EXHAUSTED, OutcomeKind.NOT_FOUND})
# Reading two clocks twice differs by less; a plan that moved by more has really changed.
CLOCK_NOISE_SECONDS = 0.05


def build_view(state: "ProviderState", judgement: Judgement, now: ClockReading) -> ProviderStatus:
    """Build what the API shows about a provider at this instant."""
    decision, target, shown = judgement.decision, state.target, state.published.view
    health, timing, statistics = target.health, state.provider.timing, target.statistics
    usable_in = None if decision.usable_in is None else now.steady + decision.usable_in
    usable_at = ignore_clock_noise(shown.usable_at if shown else None, now.wall(usable_in))
    return ProviderStatus(
        name=state.provider.name,
        status=decision.status,
        status_since=target.status_since,
        reason=add_wait(
            describe_decision(decision, usable_at, now.at), waits=state.waits_for_budget
        ),
        usable=decision.usable,
        usable_at=usable_at,
        stale=target.is_stale(now),
        enabled=state.provider.enabled,
        response_time_ms=health.response_time_ms,
        ttft_ms=health.ttft_ms,
        uptime=statistics.uptime,
        checked_since=_checked_since(statistics.first, now.at),
        latency=statistics.latency,
        rate_limit=judgement.rate_limit,
        last_check=health.last_check,
        next_check=ignore_clock_noise(
            shown.next_check if shown else None, now.wall(target.next_due)
        ),
        interval_seconds=timing.interval_seconds,
        timeout_seconds=timing.timeout_seconds,
        interval_overridden=state.overridden,
        checks_24h=statistics.checks_in_day,
        completions_24h=sum(each.statistics.completions_in_day for each in state.targets()),
        outcome=health.outcome,
        error_message=error_message(health),
        consecutive_failures=health.consecutive_failures,
        failing_since=health.failing_since,
        facts=health.facts,
        keys=health.keys,
        adaptations=tuple(_adaptations(state)),
        models=state.models,
        retiring=state.ends.dates,
        tasks=state.tasks,
        offers=state.published.offers,
        waits_for_budget=state.waits_for_budget,
        last_call=None if state.traffic is None else state.traffic.evidence.last,
        traffic=state.traffic,
        outcome_counts=tuple(sorted(state.outcomes.items())),
        latencies=state.latencies,
    )


def _checked_since(first: float | None, now: datetime) -> datetime | None:
    """Return the first check while the week is not full: later it would move with each check."""
    if first is None or now.timestamp() - first >= WEEK:
        return None
    return datetime.fromtimestamp(first, UTC)


def _adaptations(state: "ProviderState") -> Iterator[str]:
    """Yield in words how models are asked, where refusals have taught it."""
    targets = (state.target, *(offer.target for offer in state.offers.values()))
    learned = {model: shape for each in targets for model, shape in each.health.learned.items()}
    for model, shape in sorted(learned.items()):
        yield from (f"{model}: {words}" for words in shape.adaptations)


def build_entry(
    name: str,
    view: ProviderStatus | OfferStatus,
    samples: tuple[Sample, ...],
    timeout_seconds: float,
    before: Candidate | Excluded | None,
    *,
    enabled: bool = True,
    related: tuple[Sample, ...] = (),
) -> Candidate | Excluded:
    """Build what a ranking sees; ``before`` where nothing changed: policies remember by object."""
    after: Candidate | Excluded
    if view.usable:
        after = Candidate(
            provider=name,
            status=view.status,
            samples=samples,
            consecutive_failures=view.consecutive_failures,
            timeout_ms=timeout_seconds * 1000.0,
            last_check=view.last_check,
            p95_ms=None if view.latency is None else view.latency.p95,
            related=related,
        )
    else:
        after = Excluded(
            provider=name,
            reason=view.reason,
            until=view.usable_at or view.next_check,
            status=view.status,
            may_answer=enabled and view.outcome not in SURE_REFUSALS,
        )
    return before if before is not None and _is_same(before, after) else after


def _is_same(before: Candidate | Excluded, after: Candidate | Excluded) -> bool:
    """Compare the fields: candidates themselves compare by identity."""
    return type(before) is type(after) and all(
        getattr(before, field.name) == getattr(after, field.name)
        for field in attrs.fields(type(after))
        if field.init  # a policy's memo is not data
    )


def describe_decision(decision: StatusDecision, usable_at: datetime | None, now: datetime) -> str:
    """Add the moment at which a limit that bars the provider ends, where it was stated."""
    until = ""
    if usable_at is not None:
        today = usable_at.date() == now.date()
        until = f" until {usable_at:{'%H:%M:%S' if today else '%Y-%m-%d %H:%M:%S'}} UTC"
    if decision.limit is LimitReason.BEHIND:
        return f"its rate limit is used up{until}; {decision.reason}"
    if decision.limit is LimitReason.WAITING:
        return f"{decision.reason}; it asked us to wait{until}"
    if decision.limit is LimitReason.TOLD and until:
        return f"limited{until}; {decision.reason}"
    return decision.reason


def add_wait(reason: str, *, waits: bool) -> str:
    """Add that the next check waits, because the day's completions are spent."""
    if not waits:
        return reason
    return f"{reason}; today's completions are used up, so its next check waits until 00:00 UTC"


def error_message(health: HealthState) -> str:
    """Return what the last check complained of, empty after a good one."""
    return "" if health.outcome is not None and health.outcome.is_success else health.message


def ignore_clock_noise(before: datetime | None, after: datetime | None) -> datetime | None:
    """Return ``before`` where ``after`` is the same moment but for the reading of two clocks."""
    if before is None or after is None:
        return after
    noise = abs((after - before).total_seconds()) < CLOCK_NOISE_SECONDS
    return before if noise else after
