"""CONTRACT 4: what a provider's checks conclude."""

from datetime import timedelta

import attrs
import pytest

from tests.helpers.factories import AT_START, START, finding, outcome
from tracker.core.outcomes import Facts, KeyReport, KeyState, OutcomeKind, Status
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.settings import Timing
from tracker.health.health_state import HealthState, apply_check, blocked_for
from tracker.health.status_rules import StatusInputs, decide_status, mostly_slow

OK, SLOW, SERVER, LIMITED = (
    OutcomeKind.OK,
    OutcomeKind.SLOW,
    OutcomeKind.SERVER,
    OutcomeKind.RATE_LIMITED,
)
NOW = StatusInputs(now=0.0)


def after(*kinds: OutcomeKind, timing: Timing = Timing()) -> HealthState:
    health = HealthState()
    for kind in kinds:
        health = apply_check(health, outcome(kind), timing, AT_START)
    return health


def status(*kinds: OutcomeKind, timing: Timing = Timing()) -> Status:
    return decide_status(after(*kinds, timing=timing), NOW).status


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), Status.UNKNOWN),
        ((OK,), Status.HEALTHY),
        ((SERVER,), Status.DEGRADED),
        ((SERVER, SERVER), Status.DEGRADED),
        ((SERVER, SERVER, SERVER), Status.DOWN),
        ((SERVER, SERVER, OK), Status.HEALTHY),
        ((SERVER,) * 3 + (OK,), Status.DEGRADED),
        ((SERVER,) * 3 + (OK, OK), Status.HEALTHY),
        ((SERVER,) * 3 + (OK, SERVER, OK), Status.DEGRADED),
        ((SERVER,) * 3 + (OK, SERVER, OK, OK), Status.HEALTHY),
        ((SERVER,) * 3 + (OK, LIMITED, OK), Status.HEALTHY),
        ((SERVER,) * 3 + (OK, OutcomeKind.REQUEST, OK), Status.HEALTHY),
        ((SERVER,) * 3 + (LIMITED,), Status.DOWN),
        ((SERVER, SERVER, LIMITED, SERVER), Status.DOWN),
        ((OK, LIMITED), Status.DEGRADED),
        ((OK, OutcomeKind.QUOTA_EXHAUSTED), Status.DEGRADED),
        ((OK, OutcomeKind.AUTH), Status.DEGRADED),
        ((OutcomeKind.AUTH,) * 3, Status.DOWN),
        ((OK, OutcomeKind.INTERNAL), Status.HEALTHY),
        ((OK, OutcomeKind.REQUEST), Status.HEALTHY),
        ((SERVER, OutcomeKind.INTERNAL), Status.DEGRADED),
        ((OutcomeKind.INTERNAL,), Status.UNKNOWN),
        ((OutcomeKind.REQUEST,), Status.UNKNOWN),
        ((SLOW,), Status.DEGRADED),
        ((OK, SLOW), Status.DEGRADED),
        ((SLOW, OK), Status.HEALTHY),
        ((SLOW, OK, OK), Status.HEALTHY),
        ((SLOW, SLOW, OK), Status.DEGRADED),
        ((OK, OK, SLOW), Status.HEALTHY),
    ],
)
def test_status_follows_from_the_run_of_outcomes(
    kinds: tuple[OutcomeKind, ...], expected: Status
) -> None:
    assert status(*kinds) is expected


@pytest.mark.parametrize("kind", [k for k in OutcomeKind if k.is_failure])
def test_every_failure_counts_towards_down(kind: OutcomeKind) -> None:
    assert after(kind).consecutive_failures == 1
    assert status(kind, kind, kind) is Status.DOWN


@pytest.mark.parametrize("kind", [k for k in OutcomeKind if k.is_limit or k.is_ours])
def test_uncounted_outcomes_leave_the_failure_count_alone(kind: OutcomeKind) -> None:
    assert after(SERVER, SERVER, kind).consecutive_failures == 2


def test_one_success_is_enough_where_the_operator_says_so() -> None:
    timing = Timing(failures_to_down=1, successes_to_recover=1)
    assert status(SERVER, timing=timing) is Status.DOWN
    assert status(SERVER, OK, timing=timing) is Status.HEALTHY


@pytest.mark.parametrize(
    ("slow", "expected"),
    [
        ((), False),
        ((True,), True),
        ((True, False), False),
        ((True, False, True), True),
        ((True, False, False), False),
    ],
)
def test_slow_means_most_of_the_last_three(slow: tuple[bool, ...], expected: bool) -> None:
    assert mostly_slow(slow) is expected


@pytest.mark.parametrize(
    "circumstances",
    [
        StatusInputs(now=0.0, stale=True),
        StatusInputs(now=0.0, switched_off=True),
        StatusInputs(now=0.0, given_up="ValueError: a bug"),
    ],
)
def test_a_provider_no_longer_checked_is_unknown_and_unusable(circumstances: StatusInputs) -> None:
    judged = decide_status(after(OK), circumstances)
    assert (judged.status, judged.usable) == (Status.UNKNOWN, False)


def test_nine_tenths_of_a_rate_limit_degrade() -> None:
    assert decide_status(after(OK), attrs.evolve(NOW, limit_percent=89.9)).status is Status.HEALTHY
    judged = decide_status(after(OK), attrs.evolve(NOW, limit_percent=90.0))
    assert (judged.status, judged.usable) == (Status.DEGRADED, True)
    assert judged.reason == "90.0 % of its rate limit is used"


def test_a_limit_that_runs_out_soon_degrades_with_that_reason() -> None:
    judged = decide_status(after(OK), attrs.evolve(NOW, runs_out=START))
    assert judged.status is Status.DEGRADED
    assert judged.reason.startswith("its rate limit runs out at 12:00:00 UTC")


def limited(retry_after: float | None) -> HealthState:
    return apply_check(HealthState(), outcome(LIMITED, retry_after=retry_after), Timing(), AT_START)


def test_a_rate_limited_provider_is_usable_again_after_its_reset() -> None:
    health = limited(30.0)
    before = decide_status(health, StatusInputs(now=29.0))
    assert (before.usable, before.usable_in) == (False, 1.0)
    assert decide_status(health, StatusInputs(now=30.0)).usable is True


def test_without_a_stated_reset_only_the_next_check_makes_it_usable() -> None:
    health = limited(None)
    assert decide_status(health, StatusInputs(now=1e9)).usable is False
    assert decide_status(apply_check(health, outcome(OK), Timing(), AT_START), NOW).usable is True


def test_a_refused_key_makes_it_unusable_until_a_check_says_otherwise() -> None:
    health = after(OK, OutcomeKind.AUTH)
    assert decide_status(health, StatusInputs(now=1e9)).usable is False
    assert decide_status(apply_check(health, outcome(OK), Timing(), AT_START), NOW).usable is True


def test_a_failure_does_not_end_a_limit_before_its_reset() -> None:
    health = apply_check(limited(30.0), outcome(OutcomeKind.SERVER, after=5.0), Timing(), AT_START)
    assert decide_status(health, StatusInputs(now=29.0)).usable is False
    assert decide_status(health, StatusInputs(now=30.0)).usable is True
    health = apply_check(health, outcome(OK, after=6.0), Timing(), AT_START)
    assert decide_status(health, StatusInputs(now=7.0)).usable is True


def test_our_own_failure_does_not_end_a_refusal() -> None:
    health = apply_check(limited(30.0), outcome(OutcomeKind.INTERNAL), Timing(), AT_START)
    assert decide_status(health, NOW).usable is False


def test_one_spent_limit_in_a_body_does_not_block_a_provider_that_answered() -> None:
    """The dialect has judged it: other models, or paid credit, are left."""
    limits = (used_up(90.0), LimitReading(name="credits", limit=40.0, remaining=12.0))
    answered = finding(OK, limits=limits, limits_source=LimitSource.BODY)
    assert blocked_for(answered, START) is None
    assert blocked_for(finding(LIMITED, limits=limits, limits_source=LimitSource.BODY), START) == 90


def used_up(reset_in: float | None) -> LimitReading:
    reset = None if reset_in is None else START + timedelta(seconds=reset_in)
    return LimitReading(name="requests", limit=10.0, remaining=0.0, reset_at=reset)


def test_an_answer_that_used_the_last_request_blocks_the_provider_until_the_reset() -> None:
    health = apply_check(HealthState(), outcome(OK, limits=(used_up(60.0),)), Timing(), AT_START)
    assert decide_status(health, StatusInputs(now=59.0)).usable is False
    assert decide_status(health, StatusInputs(now=61.0)).usable is True


def test_the_latest_of_several_used_up_limits_decides() -> None:
    limits = (used_up(60.0), attrs.evolve(used_up(90.0), name="tokens"))
    assert blocked_for(finding(OK, limits=limits), START) == 90.0


def test_what_retry_after_says_counts_before_what_the_limits_say() -> None:
    assert blocked_for(finding(LIMITED, limits=(used_up(90.0),), retry_after=5.0), START) == 5.0


def test_facts_are_kept_until_newer_proof() -> None:
    health = after()
    for facts in (
        Facts(reachable=True, authenticated=True),
        Facts(reachable=False),
        Facts(reachable=True, inference=True),
    ):
        health = apply_check(health, outcome(OK, facts=facts), Timing(), AT_START)
    assert health.facts == Facts(reachable=True, authenticated=True, inference=True)


def test_a_success_ends_the_proof_that_the_quota_is_spent() -> None:
    spent = apply_check(
        after(OK), outcome(LIMITED, facts=Facts(quota_available=False)), Timing(), AT_START
    )
    assert spent.facts.quota_available is False
    assert apply_check(spent, outcome(SERVER), Timing(), AT_START).facts.quota_available is False
    assert apply_check(spent, outcome(OK), Timing(), AT_START).facts.quota_available is None
    left = LimitReading(name="requests", limit=10.0, remaining=3.0)
    assert (
        apply_check(spent, outcome(OK, limits=(left,)), Timing(), AT_START).facts.quota_available
        is True
    )


def test_key_reports_are_kept_if_a_check_has_none() -> None:
    keys = (KeyReport(number=1, state=KeyState.OK),)
    health = apply_check(HealthState(), outcome(OK, keys=keys), Timing(), AT_START)
    assert apply_check(health, outcome(SERVER), Timing(), AT_START).keys == keys


def test_response_time_is_that_of_the_last_success_whose_latency_is_known() -> None:
    health = after(OK)
    unknown = finding(OK, None, provider="groq", at=START)
    health = apply_check(
        apply_check(health, unknown, Timing(), AT_START), outcome(SERVER), Timing(), AT_START
    )
    assert health.response_time_ms == pytest.approx(100.0)
