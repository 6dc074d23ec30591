"""Effects of a failed minute of calls and of a reported limit on a provider's health."""

from tests.helpers.factories import AT_START, outcome
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.settings import Timing
from tracker.health.health_state import HealthState, apply_check
from tracker.health.status_rules import StatusDecision, StatusInputs, decide_status
from tracker.health.traffic_signs import apply_call_limit, apply_failed_minute

TIMING = Timing()
SENTENCE = "31 of 40 calls failed in the last minute (server error)"


def checked(*kinds: OutcomeKind) -> HealthState:
    health = HealthState()
    for kind in kinds:
        health = apply_check(health, outcome(kind), TIMING, AT_START)
    return health


def failed(health: HealthState, times: int = 1, *, lone: bool = False) -> HealthState:
    for _ in range(times):
        health = apply_failed_minute(health, SENTENCE, TIMING, lone_reporter=lone)
    return health


def decided(health: HealthState, now: float = 0.0) -> StatusDecision:
    return decide_status(health, StatusInputs(now=now))


def test_a_failed_minute_counts_as_one_failed_check() -> None:
    health = failed(checked(OutcomeKind.OK))
    assert health.consecutive_failures == 1
    assert (decided(health).status, decided(health).reason) == (Status.DEGRADED, SENTENCE)


def test_three_agreed_minutes_are_down_and_say_why() -> None:
    decision = decided(failed(checked(OutcomeKind.OK), 3))
    assert (decision.status, decision.reason) == (Status.DOWN, SENTENCE)


def test_one_reporter_alone_leaves_it_degraded() -> None:
    assert decided(failed(checked(OutcomeKind.OK), 9, lone=True)).status is Status.DEGRADED


def test_one_reporter_and_a_failed_check_together_count() -> None:
    health = failed(checked(OutcomeKind.OK, OutcomeKind.SERVER), 2, lone=True)
    assert decided(health).status is Status.DOWN


def test_a_good_check_ends_failures_from_reports() -> None:
    health = apply_check(
        failed(checked(OutcomeKind.OK), 2), outcome(OutcomeKind.OK), TIMING, AT_START
    )
    assert decided(health).status is Status.HEALTHY
    assert health.traffic.failure == ""


def test_a_check_that_says_nothing_does_not_end_failures_from_reports() -> None:
    health = apply_check(
        failed(checked(OutcomeKind.OK)), outcome(OutcomeKind.INTERNAL), TIMING, AT_START
    )
    assert decided(health).reason == SENTENCE


def test_a_failed_minute_begins_a_recovery_again() -> None:
    bad = [OutcomeKind.SERVER] * 3
    health = failed(checked(*bad, OutcomeKind.OK))
    assert health.recovery == 0


def test_a_limit_blocks_exactly_until_its_reset() -> None:
    health = apply_call_limit(checked(OutcomeKind.OK), 60.0, OutcomeKind.RATE_LIMITED)
    during, after = decided(health, 59.0), decided(health, 60.0)
    assert (during.status, during.usable, during.usable_in) == (Status.DEGRADED, False, 1.0)
    assert (after.status, after.usable) == (Status.HEALTHY, True)
