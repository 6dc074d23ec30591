"""A provider's health, decided from its checks (contract, section 4). Pure."""

from datetime import datetime
from typing import Any

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, Facts, KeyReport, OutcomeKind
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Timing
from tracker.health.traffic_signs import TrafficSigns

# One slow answer in three is jitter (p95/p50 of real providers is 1.3 to 2.9); two are a trend.
REMEMBERED_SUCCESSES = 3


@attrs.frozen(kw_only=True)
class HealthState:
    """What is carried from check to check. Times are steady seconds, except ``last_check``.

    down: stays set until the next success. recovery: consecutive successes since it was down, None
    when it is not recovering. slow: for each of the last three successes, newest last. counted: the
    last outcome that says something about the provider, with its message. failing_since: the time
    of the first of the consecutive failures. uninformative: consecutive checks that said nothing
    about it. blocked_until: when the limit that was hit resets, if known. waiting_until: until when
    a failing provider asked us to wait (Retry-After).
    """

    consecutive_failures: int = 0
    failing_since: datetime | None = None
    down: bool = False
    recovery: int | None = None
    slow: tuple[bool, ...] = ()
    counted: OutcomeKind | None = None
    counted_message: str = ""
    blocked_until: float | None = None
    waiting_until: float | None = None
    uninformative: int = 0
    limit_untold: bool = False  # a limit was hit, and its reset is not known
    outcome: OutcomeKind | None = None
    message: str = ""
    last_check: datetime | None = None
    response_time_ms: float | None = None
    ttft_ms: float | None = None
    facts: Facts = Facts()
    keys: tuple[KeyReport, ...] = ()
    learned: dict[str, RequestShape] = attrs.field(factory=dict)  # how to ask its models
    traffic: TrafficSigns = TrafficSigns()

    def without_steady_times(self) -> "HealthState":
        """Return what another process understands; mostly all of it."""
        signs = self.traffic
        limited = signs.limited_until is not None or signs.limit is not None
        if self.blocked_until is None and self.waiting_until is None and not limited:
            return self
        return attrs.evolve(
            self,
            blocked_until=None,
            waiting_until=None,
            traffic=TrafficSigns(failure=signs.failure),
        )


def apply_check(
    health: HealthState, result: CheckResult, timing: Timing, now: ClockReading
) -> HealthState:
    """Return the health after one more check. ``now``: when the check ended."""
    told: dict[str, Any] = {
        "outcome": result.kind,
        "message": result.message,
        "last_check": result.at,
    }
    if result.kind.is_ours:
        return attrs.evolve(health, **told, uninformative=health.uninformative + 1)
    told |= {
        "counted": result.kind,
        "counted_message": result.message,
        "facts": health.facts.updated(result.facts, quota=_quota(health.facts, result)),
        "keys": result.keys or health.keys,
        "uninformative": 0,
        "waiting_until": _waiting_until(result, now),
        "blocked_until": _blocked_until(health, result, now),
        "limit_untold": _limit_untold(health, result, now),
    }
    if result.learned:
        told["learned"] = {**health.learned, **result.learned}
    if health.traffic.failure:
        told["traffic"] = attrs.evolve(health.traffic, failure="")
    if result.kind.is_success:
        told |= _after_success(health, result, timing)
    elif result.kind.is_failure:
        told |= _after_failure(health, result, timing)
    return attrs.evolve(health, **told)


def _quota(before: Facts, result: CheckResult) -> bool | None:
    """Return whether quota is left; a success says at least that it is not spent now."""
    if result.facts.quota_available is not None or not result.kind.is_success:
        proven = result.facts.quota_available
        return before.quota_available if proven is None else proven
    told = [reading for reading in result.limits if reading.remaining is not None]
    if told:
        return not any(is_used_up(reading) for reading in told)
    return before.quota_available or None


def _after_success(health: HealthState, result: CheckResult, timing: Timing) -> dict[str, Any]:
    """Return what a success changes."""
    run = 1 if health.down else None if health.recovery is None else health.recovery + 1
    recovered = run is None or run >= timing.successes_to_recover
    latency, ttft = result.latency_ms, result.ttft_ms
    slow = health.slow  # when a stall of ours hid the latency, we know nothing about its speed
    if latency is not None:
        slow = (*slow, result.kind is OutcomeKind.SLOW)[-REMEMBERED_SUCCESSES:]
    return {
        "consecutive_failures": 0,
        "failing_since": None,
        "down": False,
        "recovery": None if recovered else run,
        "slow": slow,
        "response_time_ms": health.response_time_ms if latency is None else latency,
        "ttft_ms": health.ttft_ms if ttft is None else ttft,
    }


def _after_failure(health: HealthState, result: CheckResult, timing: Timing) -> dict[str, Any]:
    """Return what a failure changes."""
    failures = health.consecutive_failures + 1
    down = health.down or failures >= timing.failures_to_down
    recovery = None if down or health.recovery is None else 0
    return {
        "consecutive_failures": failures,
        "failing_since": health.failing_since or result.at,
        "down": down,
        "recovery": recovery,
    }


def _blocked_until(health: HealthState, result: CheckResult, now: ClockReading) -> float | None:
    """Return until when it is blocked; a failed check does not clear a known reset time."""
    seconds = blocked_for(result, now.at)
    if seconds is None:
        return health.blocked_until if result.kind.is_failure else None
    return now.steady + seconds


def _waiting_until(result: CheckResult, now: ClockReading) -> float | None:
    """Honour a Retry-After that came with a failure; a limit has its own reset."""
    if not result.kind.is_failure or result.retry_after is None:
        return None
    return now.steady + result.retry_after


def _limit_untold(health: HealthState, result: CheckResult, now: ClockReading) -> bool:
    """Return whether a limit has no known reset; only a success or a told reset clears that."""
    if result.kind.is_failure:
        return health.limit_untold
    return result.kind.is_limit and blocked_for(result, now.at) is None


def blocked_for(result: CheckResult, now: datetime) -> float | None:
    """Return seconds until a limit that this check found used up resets.

    None: none, or not told.
    """
    if result.kind.is_limit and result.retry_after is not None:
        return result.retry_after
    reset = last_reset(result)
    return None if reset is None else max((reset - now).total_seconds(), 0.0)


def last_reset(result: CheckResult) -> datetime | None:
    """Return when the last of the limits that are used up resets; None: none is, or not told."""
    # A body may list many limits (credits, other models); the dialect has decided which stop us.
    judged = result.kind.is_success and result.limits_source is LimitSource.BODY
    if judged or result.kind.is_failure:
        return None
    resets = [r.reset_at for r in result.limits if is_used_up(r) and r.reset_at is not None]
    return max(resets, default=None)


def is_used_up(reading: LimitReading) -> bool:
    """Return whether a limit tells that less than one request is left."""
    return reading.remaining is not None and reading.remaining < 1.0
