"""The state of one target of checks, and how its status is decided. Pure.

A target is a provider, or one model at a provider: the same rules apply to both.
"""

from datetime import datetime, timedelta

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.provider_status import RateLimit
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.settings import Timing
from tracker.health.blame import note_failure
from tracker.health.check_sample import CheckSample, counts_as
from tracker.health.health_state import HealthState, apply_check
from tracker.health.rate_limit_state import RateLimitState, TimedReading
from tracker.health.rolling_statistics import Statistics
from tracker.health.status_rules import (
    STALE_INTERVALS,
    StatusDecision,
    StatusInputs,
    decide_status,
)
from tracker.models.retirements import RetirementNotices


@attrs.frozen(kw_only=True)
class TargetSettings:
    """What deciding the status of a target needs besides its checks.

    given_up: why its actor crashed too often, None while the restart budget lasts.
    documented_limits: published limits, for an estimate where the provider states none.
    """

    timing: Timing
    enabled: bool = True
    given_up: str | None = None
    network_away: bool = False
    documented_limits: tuple[LimitReading, ...] = ()


@attrs.frozen(kw_only=True)
class Judgement:
    """The status of a target at one instant, and the rate limit used to decide it."""

    rate_limit: RateLimit
    decision: StatusDecision


@attrs.frozen(kw_only=True)
class PersistedState:
    """What a restart continues from; the statistics come from the stored checks."""

    health: HealthState
    blocked_until: datetime | None = None
    waiting_until: datetime | None = None
    stale_at: datetime | None = None
    limits: tuple[TimedReading, ...] = ()
    limits_source: LimitSource = LimitSource.NONE
    status: Status | None = None
    status_since: datetime | None = None
    notices: RetirementNotices = RetirementNotices()
    failed_at: datetime | None = None

    def on_clock_ahead(self, by: timedelta) -> "PersistedState":
        """Return it as a tracker would have written it whose clock is that far ahead."""
        last, failing = self.health.last_check, self.health.failing_since
        health = attrs.evolve(
            self.health, last_check=last and last + by, failing_since=failing and failing + by
        )
        return attrs.evolve(
            self,
            health=health,
            blocked_until=self.blocked_until and self.blocked_until + by,
            waiting_until=self.waiting_until and self.waiting_until + by,
            stale_at=self.stale_at and self.stale_at + by,
            limits=tuple(attrs.evolve(each, read_at=each.read_at + by) for each in self.limits),
            status_since=self.status_since and self.status_since + by,
            failed_at=self.failed_at and self.failed_at + by,
        )


@attrs.frozen(kw_only=True)
class StoredTarget:
    """A target as loaded from the store. ``state``: a PersistedState as JSON, or None."""

    statistics: Statistics
    state: str | None


@attrs.define(eq=False)
class TargetState:
    """The state of one target. ``stale_at`` and ``next_due`` are steady seconds.

    failed_at: steady seconds of an offer's latest failure that its provider may have caused, None
    after a successful check.
    """

    health: HealthState = HealthState()
    limits: RateLimitState = attrs.field(factory=RateLimitState)
    statistics: Statistics = attrs.field(factory=Statistics)
    next_due: float | None = None
    stale_at: float | None = None
    judgement: Judgement | None = None  # None after a change that was not a check
    status: Status | None = None  # the last one decided
    status_since: datetime | None = None
    notices: RetirementNotices = RetirementNotices()  # for a provider's models
    failed_at: float | None = None

    def after(
        self,
        result: CheckResult,
        next_due: float | None,
        settings: TargetSettings,
        now: ClockReading,
    ) -> "TargetState":
        """Return the state after one more check, judged; ``count`` it once the state is taken.

        This state is not changed, so a bug on the way leaves everything as it was.
        """
        timing = settings.timing
        stale_at = stale_after(next_due, timing)
        if result.kind is OutcomeKind.INTERNAL and next_due == self.next_due:
            stale_at = self.stale_at  # a crash gives no result and plans no check
        after = attrs.evolve(
            self,
            health=apply_check(self.health, result, timing, now),
            limits=self.limits.after(result, now.at, timing.interval_seconds),
            stale_at=stale_at,
            failed_at=note_failure(self.failed_at, result, now.steady),
        )
        after.judgement = after.judge(settings, now, just_spent=result.completions)
        after.note_status(after.judgement.decision.status, now.at)
        return after

    def note_status(self, status: Status, at: datetime) -> None:
        """Remember since when the status is what it is."""
        if status is not self.status:
            self.status, self.status_since = status, at

    def count(self, result: CheckResult) -> None:
        """Add a check to the statistics."""
        self.statistics.add(
            CheckSample(
                at=result.at.timestamp(),
                verdict=counts_as(result.kind),
                latency_ms=result.latency_ms,
                completions=result.completions,
                ttft_ms=result.ttft_ms,
            )
        )

    def judge(
        self, settings: TargetSettings, now: ClockReading, *, just_spent: int = 0
    ) -> Judgement:
        """Decide the status now. ``just_spent``: completions the statistics do not have yet."""
        rate_limit = self._rate_limit(settings, now, just_spent)
        soon = self.limits.runs_out_soon(now.at, settings.timing.interval_seconds)
        decision = decide_status(
            self.health,
            StatusInputs(
                now=now.steady,
                stale=self.is_stale(now),
                switched_off=not settings.enabled,
                failures_to_down=settings.timing.failures_to_down,
                network_away=settings.network_away,
                given_up=settings.given_up,
                limit_percent=rate_limit.percent,
                runs_out=rate_limit.exhausts_at if soon else None,
            ),
        )
        return Judgement(rate_limit=rate_limit, decision=decision)

    def is_stale(self, now: ClockReading) -> bool:
        """Return whether its next check is so late that what is known is too old to use."""
        return self.stale_at is not None and now.steady >= self.stale_at

    def next_change(self, now: ClockReading) -> float:
        """Return the steady seconds at which time alone changes the judgement; infinity: never."""
        expiry = now.to_steady(self.limits.expires_next(now.at))
        health = self.health
        moments = (
            *(self.stale_at, health.blocked_until, health.waiting_until, expiry),
            health.traffic.limited_until,
        )
        return min((m for m in moments if m is not None and m > now.steady), default=float("inf"))

    def persist(self, now: ClockReading) -> PersistedState:
        """Return what the store keeps of it: every moment as wall time."""
        return PersistedState(
            health=self.health.without_steady_times(),
            blocked_until=now.wall(self.health.blocked_until),
            waiting_until=now.wall(self.health.waiting_until),
            stale_at=now.wall(self.stale_at),
            limits=self.limits.held,
            limits_source=self.limits.source,
            status=self.status,
            status_since=self.status_since,
            notices=self.notices,
            failed_at=now.wall(self.failed_at),
        )

    def take_statistics(self, stored: Statistics) -> None:
        """Put the checks made since this start on top of the stored ones."""
        for sample in self.statistics.results():
            if not stored.has(sample.at):  # it may have been stored by now
                stored.add(sample)
        self.statistics, self.judgement = stored, None

    def restore(self, saved: PersistedState, now: ClockReading) -> None:
        """Carry on from what an earlier process stored."""
        self.health = attrs.evolve(
            saved.health,
            blocked_until=now.to_steady(saved.blocked_until),
            waiting_until=now.to_steady(saved.waiting_until),
        )
        self.stale_at = now.to_steady(saved.stale_at)
        self.limits = RateLimitState(held=saved.limits, source=saved.limits_source)
        self.judgement = None
        self.status, self.status_since = saved.status, saved.status_since
        self.notices = saved.notices
        self.failed_at = now.to_steady(saved.failed_at)

    def _rate_limit(
        self, settings: TargetSettings, now: ClockReading, just_spent: int
    ) -> RateLimit:
        spent = self.statistics.completions_since
        return self.limits.view(
            now.at,
            documented=settings.documented_limits,
            interval_seconds=settings.timing.interval_seconds,
            spent=lambda seconds: spent(now.at.timestamp() - seconds) + just_spent,
        )


def stale_after(next_due: float | None, timing: Timing) -> float | None:
    """Return the steady moment from which a check due at ``next_due`` is too late to trust."""
    return None if next_due is None else next_due + STALE_INTERVALS * timing.interval_seconds
