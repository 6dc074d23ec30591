"""Decisions from a health state: the reason shown, and what blocks a provider."""

import attrs
import pytest

from tests.helpers.factories import AT_START, START, finding, outcome
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.settings import Timing
from tracker.health.health_state import HealthState, apply_check
from tracker.health.status_rules import LimitReason, StatusInputs, decide_status

OK, SLOW, SERVER, LIMITED = (
    OutcomeKind.OK,
    OutcomeKind.SLOW,
    OutcomeKind.SERVER,
    OutcomeKind.RATE_LIMITED,
)
NOW = StatusInputs(now=0.0)


def after(*kinds: OutcomeKind) -> HealthState:
    health = HealthState()
    for kind in kinds:
        health = apply_check(health, outcome(kind), Timing(), AT_START)
    return health


def test_reasons_say_what_was_found() -> None:
    assert decide_status(after(OK), NOW).reason == "last check ok in 100 ms"
    failed = apply_check(HealthState(), outcome(SERVER, message="HTTP 500"), Timing(), AT_START)
    assert decide_status(failed, NOW).reason == "last check: HTTP 500"
    assert decide_status(after(SERVER, SERVER, SERVER), NOW).reason == (
        "server error; 3 failed checks in a row"
    )
    assert decide_status(after(SERVER, SERVER, SERVER, OK), NOW).reason == (
        "recovering: 1 good check since it was down"
    )


@pytest.mark.parametrize("limit", [LIMITED, OutcomeKind.QUOTA_EXHAUSTED])
def test_a_limit_without_a_stated_reset_lasts_through_failures_until_a_success(
    limit: OutcomeKind,
) -> None:
    for kinds in ((OK, limit), (OK, limit, SERVER), (OK, limit, SERVER, OutcomeKind.INTERNAL)):
        judged = decide_status(after(*kinds), NOW)
        assert (judged.status, judged.usable) == (Status.DEGRADED, False)
    assert decide_status(after(OK, limit, SERVER, OK), NOW).usable


def test_a_blocking_limit_is_named_if_the_reason_is_another() -> None:
    assert decide_status(after(OK, LIMITED), NOW).limit is LimitReason.TOLD
    assert decide_status(after(OK, LIMITED, SERVER), NOW).limit is LimitReason.BEHIND
    assert decide_status(after(OK, LIMITED, OK), NOW).limit is LimitReason.NONE
    assert decide_status(after(OK, OutcomeKind.AUTH), NOW).limit is LimitReason.NONE


def test_a_success_during_our_stall_is_not_shown_with_the_previous_latency() -> None:
    stalled = finding(OK, None, provider="p", at=START, message="its latency is not known")
    health = apply_check(after(OK), stalled, Timing(), AT_START)
    assert decide_status(health, NOW).reason == "last check ok; its latency is not known"
    slow = apply_check(
        apply_check(after(SLOW, SLOW), stalled, Timing(), AT_START), stalled, Timing(), AT_START
    )
    assert decide_status(slow, NOW).status is Status.DEGRADED  # nothing was learnt of its pace


def test_the_reason_does_not_cite_a_check_that_says_nothing() -> None:
    assert decide_status(after(SERVER, SERVER, SERVER, OutcomeKind.REQUEST), NOW).reason == (
        "server error, at the last conclusive check; 3 failed checks in a row"
    )


def test_checks_that_say_nothing_do_not_keep_an_old_status() -> None:
    """A refused address or a 405 for weeks: the last good check proves nothing any more."""
    nothing = (OutcomeKind.REQUEST, OutcomeKind.INTERNAL, OutcomeKind.REQUEST)
    assert decide_status(after(OK, *nothing[:2]), NOW).usable
    decision = decide_status(after(OK, *nothing), NOW)
    assert (decision.status, decision.usable) == (Status.UNKNOWN, False)
    assert decision.reason == (
        "the last 3 checks say nothing about it: the provider rejected our request as invalid"
    )
    assert decide_status(after(OK, *nothing, OK), NOW).status is Status.HEALTHY


def test_a_failing_provider_that_asks_us_to_wait_is_not_used_until_then() -> None:
    waiting = apply_check(
        after(OK), outcome(OutcomeKind.OVERLOADED, retry_after=3600.0), Timing(), AT_START
    )
    decision = decide_status(waiting, NOW)
    assert (decision.status, decision.usable) == (Status.DEGRADED, False)
    assert decision.usable_in == 3600.0
    later = attrs.evolve(NOW, now=3600.0)
    assert decide_status(waiting, later).usable
    answered = apply_check(waiting, outcome(OK), Timing(), AT_START)
    assert decide_status(answered, NOW).usable
