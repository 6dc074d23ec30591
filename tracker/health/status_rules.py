"""The rules that turn a health into status, reason and usability (contract, section 4).

Pure.
"""

from datetime import datetime
from enum import Enum, auto

import attrs

from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.rounding import whole_ms
from tracker.health.health_state import REMEMBERED_SUCCESSES, HealthState

# Above 90 % use, a burst of a proxy's requests between two checks can use up the rest.
NEARLY_USED_PERCENT = 90.0
# Our restart or a long time-out may delay a check; after three intervals without one the last
# result says nothing about now.
STALE_INTERVALS = 3.0

OUR_NETWORK = "our network cannot be reached"
PLAIN_WORDS = {
    OutcomeKind.OK: "ok",
    OutcomeKind.SLOW: "slow",
    OutcomeKind.RATE_LIMITED: "rate limited",
    OutcomeKind.QUOTA_EXHAUSTED: "our quota is exhausted",
    OutcomeKind.AUTH: "our credentials were refused",
    OutcomeKind.TIMEOUT: "no answer in time",
    OutcomeKind.DNS: "its name could not be resolved",
    OutcomeKind.CONNECT: "no connection",
    OutcomeKind.TLS: "no trusted TLS connection",
    OutcomeKind.SERVER: "server error",
    OutcomeKind.OVERLOADED: "overloaded",
    OutcomeKind.BLOCKED: "blocked by a firewall",
    OutcomeKind.NOT_FOUND: "the model or path does not exist, or our account may not use it",
    OutcomeKind.BAD_RESPONSE: "the answer does not have the API's format",
    OutcomeKind.REQUEST: "the provider rejected our request as invalid",
    OutcomeKind.INTERNAL: "a fault of the tracker itself",
}


@attrs.frozen(kw_only=True)
class StatusInputs:
    """What decides a status besides the checks. ``now``: steady seconds."""

    now: float
    stale: bool = False
    switched_off: bool = False
    given_up: str | None = None  # why its actor is only restarted at the longest delay
    failures_to_down: int = 3
    network_away: bool = False  # our own network seems to be down
    limit_percent: float = 0.0
    runs_out: datetime | None = None  # when its limit does, within two intervals, before the reset


class LimitReason(Enum):
    """Why a provider that is up may not be used, and whether the reason already says so.

    TOLD: the last check hit the limit. BEHIND: an earlier one did. WAITING: it asked us to wait.
    """

    NONE = auto()
    TOLD = auto()
    BEHIND = auto()
    WAITING = auto()


@attrs.frozen(kw_only=True)
class StatusDecision:
    status: Status
    reason: str
    usable: bool
    usable_in: float | None = None  # seconds until a known reset makes it usable
    limit: LimitReason = LimitReason.NONE


def decide_status(health: HealthState, circumstances: StatusInputs) -> StatusDecision:
    """Decide status, reason and usability now, by the order of CONTRACT 4."""
    if unknown := _why_unknown(health, circumstances):
        return StatusDecision(status=Status.UNKNOWN, reason=unknown, usable=False)
    if health.down:
        return StatusDecision(status=Status.DOWN, reason=_why_down(health), usable=False)
    doubt = _why_degraded(health, circumstances)
    barred, wait = _is_blocked(health, circumstances.now)
    return StatusDecision(
        status=Status.DEGRADED if doubt else Status.HEALTHY,
        reason=doubt or _why_healthy(health),
        usable=not barred,
        usable_in=wait,
        limit=_limit(health, circumstances.now) if barred else LimitReason.NONE,
    )


def _limit(health: HealthState, now: float) -> LimitReason:
    if health.counted is OutcomeKind.AUTH:
        return LimitReason.NONE
    if not _is_limited(health, now):
        limited = health.traffic.is_limited(now)
        return LimitReason.TOLD if limited else LimitReason.WAITING
    told = health.counted is not None and health.counted.is_limit
    return LimitReason.TOLD if told else LimitReason.BEHIND


def _why_unknown(health: HealthState, circumstances: StatusInputs) -> str | None:
    if circumstances.switched_off:
        return "not checked: it is switched off (enabled = false)"
    if circumstances.given_up is not None:
        return (
            "the task that checks it crashed too often and is now retried only at long "
            f"intervals: {circumstances.given_up}"
        )
    if circumstances.network_away:
        return OUR_NETWORK
    if health.counted is None:
        return _why_never_checked(health)
    if circumstances.stale:
        return f"stale: its next check is more than {STALE_INTERVALS:g} intervals late"
    if health.uninformative >= circumstances.failures_to_down:
        told = describe_outcome(health.outcome, health.message)
        return f"the last {health.uninformative} checks say nothing about it: {told}"
    return None


def _why_never_checked(health: HealthState) -> str:
    if health.outcome is None:
        return "not checked yet"
    return f"no result yet: {describe_outcome(health.outcome, health.message)}"


def _why_down(health: HealthState) -> str:
    if health.traffic.failure:
        return health.traffic.failure
    told = describe_outcome(health.counted, health.counted_message)
    failures = health.consecutive_failures
    run = "1 failed check" if failures == 1 else f"{failures} failed checks in a row"
    ours = health.outcome is not None and health.outcome.is_ours
    when = ", at the last conclusive check" if ours else ""
    return f"{told}{when}; {run}"  # the cause first: a table may cut the rest


def _why_degraded(health: HealthState, circumstances: StatusInputs) -> str | None:
    if health.traffic.failure:
        return health.traffic.failure
    kind = health.counted
    if kind is not None and not kind.is_success:
        return f"{_which(health)}: {describe_outcome(kind, health.counted_message)}"
    if health.traffic.is_limited(circumstances.now) and health.traffic.limit is not None:
        return f"real calls: {PLAIN_WORDS[health.traffic.limit]}"
    if mostly_slow(health.slow):
        of = f"{sum(health.slow)} of the last {len(health.slow)} good checks"
        return f"slow: {of}; the last took {_milliseconds(health)}"
    if circumstances.limit_percent >= NEARLY_USED_PERCENT:
        return f"{circumstances.limit_percent:.1f} % of its rate limit is used"
    if circumstances.runs_out is not None:
        moment = f"{circumstances.runs_out:%H:%M:%S} UTC"
        return f"its rate limit runs out at {moment} at the present pace, before it resets"
    if health.recovery is not None:
        plural = "" if health.recovery == 1 else "s"
        return f"recovering: {health.recovery} good check{plural} since it was down"
    return None


def _which(health: HealthState) -> str:
    ours = health.outcome is not None and health.outcome.is_ours
    return "last conclusive check" if ours else "last check"


def mostly_slow(slow: tuple[bool, ...]) -> bool:
    """Return whether most of the last three successes were slow; of fewer, whether the last was."""
    if len(slow) < REMEMBERED_SUCCESSES:
        return bool(slow) and slow[-1]
    return sum(slow) * 2 > len(slow)


def _why_healthy(health: HealthState) -> str:
    if health.outcome is not None and health.outcome.is_ours:
        told = describe_outcome(health.outcome, health.message)
        return f"ok in {_milliseconds(health)}; the latest check was inconclusive: {told}"
    if health.message:  # a success has a message when its latency is not known
        return f"last check ok; {health.message}"
    return f"last check ok in {_milliseconds(health)}"


def _is_blocked(health: HealthState, now: float) -> tuple[bool, float | None]:
    """Return whether it may not be used, and for how many more seconds where that is known."""
    if health.counted is OutcomeKind.AUTH:
        return True, None
    moments = (health.blocked_until, health.waiting_until, health.traffic.limited_until)
    waits = [moment - now for moment in moments if moment is not None and moment > now]
    if waits:
        return True, max(waits)
    return health.limit_untold and health.blocked_until is None, None


def _is_limited(health: HealthState, now: float) -> bool:
    if health.blocked_until is not None:
        return health.blocked_until > now
    return health.limit_untold


def describe_outcome(kind: OutcomeKind | None, message: str) -> str:
    """Say what a check found."""
    if message:  # it says what happened, with the HTTP status
        return message
    return PLAIN_WORDS[kind] if kind is not None else "not checked yet"


def _milliseconds(health: HealthState) -> str:
    known = health.response_time_ms
    return "an unknown time" if known is None else whole_ms(known)
