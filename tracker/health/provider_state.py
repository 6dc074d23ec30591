"""All that is known of one provider, and the view of it that a snapshot shows."""

from collections import Counter
from datetime import datetime

import attrs
import msgspec

from tracker.core.clock import ClockReading
from tracker.core.outcomes import Outcome, OutcomeKind
from tracker.core.rate_limits import LimitSource
from tracker.core.records import CheckRecord
from tracker.core.settings import Provider
from tracker.core.snapshot import Excluded, ProviderStatus, RateLimit
from tracker.health.health_state import HealthState, apply_check
from tracker.health.rate_limit_state import RateLimitState, TimedReading
from tracker.health.rolling_statistics import CheckSample, Statistics, counts_as
from tracker.health.status_rules import (
    STALE_INTERVALS,
    LimitReason,
    StatusDecision,
    StatusInputs,
    decide_status,
)
from tracker.ranking.policy import Candidate


@attrs.frozen(kw_only=True)
class PersistedState:
    """What a restart carries on from; the statistics come from the stored checks."""

    health: HealthState
    blocked_until: datetime | None = None
    stale_at: datetime | None = None
    limits: tuple[TimedReading, ...] = ()
    limits_source: LimitSource = LimitSource.NONE


@attrs.frozen(kw_only=True)
class StoredProvider:
    """A provider as the store remembers it. ``state``: a PersistedState as JSON, or None."""

    statistics: Statistics
    state: str | None


@attrs.define(eq=False)
class ProviderState:
    """``stale_at`` and ``next_due`` in steady seconds. ``checked``: since this start."""

    provider: Provider
    health: HealthState = HealthState()
    statistics: Statistics = attrs.field(factory=Statistics)
    limits: RateLimitState = attrs.field(factory=RateLimitState)
    models: tuple[str, ...] | None = None
    next_due: float | None = None
    stale_at: float | None = None
    given_up: str | None = None
    overridden: bool = False
    outcomes: Counter[OutcomeKind] = attrs.field(factory=Counter)
    checked: bool = False
    touched: bool = True
    changes_at: float = float("inf")  # steady: when time alone changes the view
    view: ProviderStatus | None = None
    standing: Candidate | Excluded | None = None  # as a ranking sees it

    def take(
        self,
        outcome: Outcome,
        next_due: float | None,
        now: ClockReading,
        *,
        given_up: str | None = None,
    ) -> CheckRecord:
        """Judge one check. Nothing is changed before everything that may fail is done.

        given_up: why its actor will not run again; who reports otherwise has one that runs.
        """
        timing = self.provider.timing
        health = apply_check(self.health, outcome, timing, now.at)
        finding = outcome.finding
        limits = self.limits.after(finding, now.at, timing.interval_seconds)
        result = CheckSample(
            at=outcome.at.timestamp(),
            verdict=counts_as(outcome.kind),
            latency_ms=outcome.latency_ms if outcome.kind.is_success else None,
            completions=finding.completions,
        )
        stale_at = self._stale_at(next_due)
        if outcome.kind is OutcomeKind.INTERNAL and next_due == self.next_due:
            stale_at = self.stale_at  # a crash tells nothing, and planned nothing
        saved = PersistedState(
            health=attrs.evolve(health, blocked_until=None),
            blocked_until=now.wall(health.blocked_until),
            stale_at=now.wall(stale_at),
            limits=limits.held,
            limits_source=limits.source,
        )
        rate_limit = self._rate_limit(limits, now, just_spent=finding.completions)
        judged = self._verdict(health, limits, rate_limit, now, stale_at, given_up=given_up)
        record = self._record(
            outcome, health, judged, rate_limit, msgspec.json.encode(saved).decode()
        )

        self.health, self.limits = health, limits
        self.statistics.add(result)
        self.outcomes[outcome.kind] += 1
        self.given_up, self.stale_at = given_up, stale_at
        self.next_due = self._planned(next_due)
        self.checked = self.touched = True
        if finding.models is not None and finding.models != self.models:
            self.models = finding.models  # else the same object stays: who looks up models asks so
        return record

    def adopt(self, provider: Provider, *, overridden: bool) -> None:
        """Take new settings; switched on again, a given-up actor has a fresh budget."""
        self.provider, self.overridden = provider, overridden
        self.given_up, self.touched = None, True
        if not provider.enabled:
            self.next_due = None  # what is known of it grows old all the same

    def reschedule(self, next_due: float | None, now: ClockReading) -> None:
        """A new plan is no news: what is stale stays so until a check has ended."""
        if self.stale_at is None or now.steady < self.stale_at:
            self.stale_at = self._stale_at(next_due)
        self.next_due, self.touched = self._planned(next_due), True

    def reset_after_absence(self) -> None:
        """It was not watched for a while: what is known of it is as old as it is."""
        self.view = self.standing = self.next_due = None
        self.checked = False

    def restore(self, past: StoredProvider, now: ClockReading) -> None:
        """Carry on from what was stored; checks made since this start stay on top of it.

        Raises msgspec.DecodeError, having taken the statistics, for a state that is not ours.
        """
        for result in self.statistics.results():
            if not past.statistics.has(result.at):  # it may be stored by now
                past.statistics.add(result)
        self.statistics, self.touched = past.statistics, True
        if past.state is None or self.checked:
            return
        saved = msgspec.json.decode(past.state, type=PersistedState)
        blocked_until = now.to_steady(saved.blocked_until)
        self.health = attrs.evolve(saved.health, blocked_until=blocked_until)
        self.stale_at = now.to_steady(saved.stale_at)
        self.limits = RateLimitState(held=saved.limits, source=saved.limits_source)

    def refresh(self, now: ClockReading) -> ProviderStatus:
        """The view of it now; the same object while nothing in it changed."""
        self.statistics.advance(now.at.timestamp())
        rate_limit = self._rate_limit(self.limits, now)
        judged = self._verdict(
            self.health, self.limits, rate_limit, now, self.stale_at, given_up=self.given_up
        )
        view = self._view(now, judged, rate_limit)
        if self.view is None or view != self.view:
            self.view = view
        self.changes_at = self._next_change(now)
        self.standing = self._stand(view)
        self.touched = False
        return self.view

    def _planned(self, next_due: float | None) -> float | None:
        """No plan holds of who is no longer checked: its actor's last word may come late."""
        return next_due if self.provider.enabled and self.given_up is None else None

    def _stale_at(self, next_due: float | None) -> float | None:
        if next_due is None:
            return None
        return next_due + STALE_INTERVALS * self.provider.timing.interval_seconds

    def _record(
        self,
        outcome: Outcome,
        health: HealthState,
        judged: StatusDecision,
        rate_limit: RateLimit,
        state: str,
    ) -> CheckRecord:
        finding = outcome.finding
        return CheckRecord(
            provider=self.provider.name,
            at=outcome.at,
            kind=outcome.kind,
            status=judged.status,
            latency_ms=outcome.latency_ms,
            ttft_ms=None if finding.ttft is None else finding.ttft * 1000.0,
            interval_seconds=self.provider.timing.interval_seconds,
            http_status=finding.http_status,
            message=finding.message,
            consecutive_failures=health.consecutive_failures,
            rate_limit_percent=rate_limit.percent,
            completions=finding.completions,
            state=state,
        )

    def _rate_limit(
        self, limits: RateLimitState, now: ClockReading, *, just_spent: int = 0
    ) -> RateLimit:
        """``just_spent``: completions of a check that the statistics do not have yet."""
        spent = self.statistics.completions_since
        return limits.view(
            now.at,
            documented=self.provider.documented_limits,
            spent=lambda seconds: spent(now.at.timestamp() - seconds) + just_spent,
        )

    def _verdict(
        self,
        health: HealthState,
        limits: RateLimitState,
        rate_limit: RateLimit,
        now: ClockReading,
        stale_at: float | None,
        *,
        given_up: str | None,
    ) -> StatusDecision:
        soon = limits.runs_out_soon(now.at, self.provider.timing.interval_seconds)
        return decide_status(
            health,
            StatusInputs(
                now=now.steady,
                stale=stale_at is not None and now.steady >= stale_at,
                switched_off=not self.provider.enabled,
                given_up=given_up,
                limit_percent=rate_limit.percent,
                runs_out=rate_limit.exhausts_at if soon else None,
            ),
        )

    def _view(
        self, now: ClockReading, judged: StatusDecision, rate_limit: RateLimit
    ) -> ProviderStatus:
        health, timing, statistics = self.health, self.provider.timing, self.statistics
        shown = self.view
        usable_in = None if judged.usable_in is None else now.steady + judged.usable_in
        usable_at = _ignore_clock_noise(shown.usable_at if shown else None, now.wall(usable_in))
        return ProviderStatus(
            name=self.provider.name,
            status=judged.status,
            reason=_reason(judged, usable_at, now.at),
            usable=judged.usable,
            usable_at=usable_at,
            stale=self.stale_at is not None and now.steady >= self.stale_at,
            enabled=self.provider.enabled,
            response_time_ms=health.response_time_ms,
            ttft_ms=health.ttft_ms,
            uptime=statistics.uptime,
            latency=statistics.latency,
            rate_limit=rate_limit,
            last_check=health.last_check,
            next_check=_ignore_clock_noise(
                shown.next_check if shown else None, now.wall(self.next_due)
            ),
            interval_seconds=timing.interval_seconds,
            timeout_seconds=timing.timeout_seconds,
            interval_overridden=self.overridden,
            checks_24h=statistics.checks_in_day,
            completions_24h=statistics.completions_in_day,
            outcome=health.outcome,
            error_message="" if _is_success(health.outcome) else health.message,
            consecutive_failures=health.consecutive_failures,
            facts=health.facts,
            keys=health.keys,
            models=self.models,
            outcome_counts=tuple(sorted(self.outcomes.items())),
        )

    def _next_change(self, now: ClockReading) -> float:
        expiry = now.to_steady(self.limits.expires_next(now.at))
        moments = (self.stale_at, self.health.blocked_until, expiry)
        return min((m for m in moments if m is not None and m > now.steady), default=float("inf"))

    def _stand(self, view: ProviderStatus) -> Candidate | Excluded:
        """The same object while nothing in it changed: policies remember what they worked out."""
        if not view.usable:
            until = view.usable_at or view.next_check
            return _reuse_if_equal(
                self.standing, Excluded(provider=view.name, reason=view.reason, until=until)
            )
        standing = Candidate(
            provider=view.name,
            status=view.status,
            samples=self.statistics.recent,
            consecutive_failures=view.consecutive_failures,
            timeout_ms=view.timeout_seconds * 1000.0,
            last_check=view.last_check,
        )
        return _reuse_if_equal(self.standing, standing)


def _reuse_if_equal(
    before: Candidate | Excluded | None, after: Candidate | Excluded
) -> Candidate | Excluded:
    """``before`` where it says the same as ``after``; candidates compare by identity."""
    same = type(before) is type(after) and all(
        getattr(before, field.name) == getattr(after, field.name)
        for field in attrs.fields(type(after))
    )
    return before if same and before is not None else after


def _reason(judged: StatusDecision, usable_at: datetime | None, now: datetime) -> str:
    """With the moment at which a limit that bars it ends, where that was told."""
    until = ""
    if usable_at is not None:
        today = usable_at.date() == now.date()
        until = f" until {usable_at:{'%H:%M:%S' if today else '%Y-%m-%d %H:%M:%S'}} UTC"
    if judged.limit is LimitReason.BEHIND:
        return f"its limit is used up{until}; {judged.reason}"
    if judged.limit is LimitReason.TOLD and until:
        return f"limited{until}; {judged.reason}"
    return judged.reason


def _is_success(kind: OutcomeKind | None) -> bool:
    return kind is not None and kind.is_success


def _ignore_clock_noise(before: datetime | None, after: datetime | None) -> datetime | None:
    """``before`` where ``after`` is the same moment but for the reading of two clocks."""
    if before is None or after is None:
        return after
    return before if abs((after - before).total_seconds()) < 0.05 else after
