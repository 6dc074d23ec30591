"""What a snapshot shows of one provider, built from its state. Pure."""

from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.snapshot import Excluded, ProviderStatus
from tracker.health.status_rules import LimitReason, StatusDecision
from tracker.health.target_state import Judgement
from tracker.ranking.policy import Candidate, Sample

if TYPE_CHECKING:
    from tracker.health.provider_state import ProviderState

# Two readings of two clocks differ by less; a plan that moved by more has really moved.
CLOCK_NOISE_SECONDS = 0.05


def build_view(state: "ProviderState", judgement: Judgement, now: ClockReading) -> ProviderStatus:
    """Build what the API tells of a provider at this instant."""
    decision, target, shown = judgement.decision, state.target, state.published.view
    health, timing, statistics = target.health, state.provider.timing, target.statistics
    usable_in = None if decision.usable_in is None else now.steady + decision.usable_in
    usable_at = ignore_clock_noise(shown.usable_at if shown else None, now.wall(usable_in))
    return ProviderStatus(
        name=state.provider.name,
        status=decision.status,
        status_since=target.status_since,
        reason=_reason(decision, usable_at, now.at),
        usable=decision.usable,
        usable_at=usable_at,
        stale=target.is_stale(now),
        enabled=state.provider.enabled,
        response_time_ms=health.response_time_ms,
        ttft_ms=health.ttft_ms,
        uptime=statistics.uptime,
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
        completions_24h=statistics.completions_in_day,
        outcome=health.outcome,
        error_message="" if _is_success(health.outcome) else health.message,
        consecutive_failures=health.consecutive_failures,
        failing_since=health.failing_since,
        facts=health.facts,
        keys=health.keys,
        models=state.models,
        outcome_counts=tuple(sorted(state.outcomes.items())),
    )


def build_entry(
    view: ProviderStatus, samples: tuple[Sample, ...], before: Candidate | Excluded | None
) -> Candidate | Excluded:
    """Build what a ranking sees; ``before`` where nothing changed: policies remember by object."""
    after: Candidate | Excluded
    if view.usable:
        after = Candidate(
            provider=view.name,
            status=view.status,
            samples=samples,
            consecutive_failures=view.consecutive_failures,
            timeout_ms=view.timeout_seconds * 1000.0,
            last_check=view.last_check,
        )
    else:
        until = view.usable_at or view.next_check
        after = Excluded(provider=view.name, reason=view.reason, until=until)
    return before if before is not None and _is_same(before, after) else after


def _is_same(before: Candidate | Excluded, after: Candidate | Excluded) -> bool:
    """Candidates compare by identity, so their fields are compared here."""
    return type(before) is type(after) and all(
        getattr(before, field.name) == getattr(after, field.name)
        for field in attrs.fields(type(after))
    )


def _reason(decision: StatusDecision, usable_at: datetime | None, now: datetime) -> str:
    """Add the moment at which a limit that bars the provider ends, where it was stated."""
    until = ""
    if usable_at is not None:
        today = usable_at.date() == now.date()
        until = f" until {usable_at:{'%H:%M:%S' if today else '%Y-%m-%d %H:%M:%S'}} UTC"
    if decision.limit is LimitReason.BEHIND:
        return f"its limit is used up{until}; {decision.reason}"
    if decision.limit is LimitReason.WAITING:
        return f"{decision.reason}; it asked us to wait{until}"
    if decision.limit is LimitReason.TOLD and until:
        return f"limited{until}; {decision.reason}"
    return decision.reason


def _is_success(kind: OutcomeKind | None) -> bool:
    return kind is not None and kind.is_success


def ignore_clock_noise(before: datetime | None, after: datetime | None) -> datetime | None:
    """Return ``before`` where ``after`` is the same moment but for the reading of two clocks."""
    if before is None or after is None:
        return after
    noise = abs((after - before).total_seconds()) < CLOCK_NOISE_SECONDS
    return before if noise else after
