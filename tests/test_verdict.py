"""What follows from a health: the reason that is told, and what bars a provider."""

import attrs
import pytest
from makers import START, finding, outcome

from tracker.health import Health, judge
from tracker.reports import Kind, Outcome, Status
from tracker.settings import Timing
from tracker.verdict import Circumstances, Limit, verdict

OK, SLOW, SERVER, LIMITED = Kind.OK, Kind.SLOW, Kind.SERVER, Kind.RATE_LIMITED
NOW = Circumstances(now=0.0)


def after(*kinds: Kind) -> Health:
    health = Health()
    for kind in kinds:
        health = judge(health, outcome(kind), Timing(), START)
    return health


def test_reasons_say_what_was_found() -> None:
    assert verdict(after(OK), NOW).reason == "last check ok in 100 ms"
    failed = judge(Health(), outcome(SERVER, message="HTTP 500"), Timing(), START)
    assert verdict(failed, NOW).reason == "last check: server error (HTTP 500)"
    assert verdict(after(SERVER, SERVER, SERVER), NOW).reason == (
        "3 failed checks in a row; the last check: server error"
    )
    assert verdict(after(SERVER, SERVER, SERVER, OK), NOW).reason == (
        "recovering: 1 good check since it was down"
    )


@pytest.mark.parametrize("limit", [LIMITED, Kind.QUOTA_EXHAUSTED])
def test_a_limit_without_a_told_end_lasts_through_failures_until_a_success(limit: Kind) -> None:
    for kinds in ((OK, limit), (OK, limit, SERVER), (OK, limit, SERVER, Kind.INTERNAL)):
        judged = verdict(after(*kinds), NOW)
        assert (judged.status, judged.usable) == (Status.DEGRADED, False)
    assert verdict(after(OK, limit, SERVER, OK), NOW).usable


def test_it_is_said_where_a_limit_bars_that_the_reason_does_not_tell_of() -> None:
    assert verdict(after(OK, LIMITED), NOW).limit is Limit.TOLD
    assert verdict(after(OK, LIMITED, SERVER), NOW).limit is Limit.BEHIND
    assert verdict(after(OK, LIMITED, OK), NOW).limit is Limit.NONE
    assert verdict(after(OK, Kind.AUTH), NOW).limit is Limit.NONE


def test_a_success_in_our_stall_is_not_told_with_the_latency_of_the_one_before() -> None:
    stalled = Outcome(
        provider="p",
        at=START,
        ended=0.0,
        finding=attrs.evolve(finding(OK), latency=None, message="its latency is not known"),
    )
    health = judge(after(OK), stalled, Timing(), START)
    assert verdict(health, NOW).reason == "last check ok; its latency is not known"
    slow = judge(judge(after(SLOW, SLOW), stalled, Timing(), START), stalled, Timing(), START)
    assert verdict(slow, NOW).status is Status.DEGRADED  # nothing was learnt of its pace


def test_the_last_check_is_not_said_to_be_one_that_told_nothing() -> None:
    assert verdict(after(SERVER, SERVER, SERVER, Kind.REQUEST), NOW).reason == (
        "3 failed checks in a row; the last check that tells something: server error"
    )
