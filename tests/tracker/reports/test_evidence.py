"""The rules of CONTRACT 4 for what reported calls mean."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.calls import call
from tracker.core.outcomes import OutcomeKind
from tracker.reports.call import Call, NeutralOutcome
from tracker.reports.evidence import (
    FailedMinute,
    SinceCheck,
    calls_for_check,
    is_failing,
    judge_minute,
    wilson_lower,
)
from tracker.reports.windows import MinuteWindows

OK, SERVER = OutcomeKind.OK, OutcomeKind.SERVER


def judged(calls: Sequence[Call], distrusted: frozenset[str] = frozenset()) -> FailedMinute | None:
    windows = MinuteWindows()
    for one in calls:
        windows.add(one)
    return judge_minute(windows.minute(int(calls[0].at // 60)).windows, distrusted)


def calls(failures: int, successes: int, **more: str) -> list[Call]:
    return [call(SERVER, **more)] * failures + [call(OK, **more)] * successes


def test_wilsons_bound_is_the_published_one() -> None:
    assert wilson_lower(12, 12) == pytest.approx(0.758, abs=0.001)
    assert wilson_lower(1, 1) == pytest.approx(0.207, abs=0.001)


@pytest.mark.parametrize(
    ("failures", "counted", "failing"),
    [(19, 19, False), (20, 20, True), (14, 20, False), (15, 20, True), (31, 40, True)],
)
def test_a_minute_needs_twenty_calls_and_a_bound_above_half(
    failures: int, counted: int, failing: bool
) -> None:
    assert is_failing(failures, counted) is failing


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_bound_lies_below_the_share_and_grows_with_failures(bad: int, good: int) -> None:
    total = bad + good
    assert 0.0 <= wilson_lower(bad, total) <= (bad / total if total else 0.0) + 1e-12
    assert wilson_lower(bad, total) <= wilson_lower(bad + 1, total + 1) + 1e-12


def test_the_reason_says_how_many_failed_and_how() -> None:
    failed = judged(calls(31, 9))
    assert failed is not None
    assert failed.message == "31 of 40 calls failed in the last minute (server error)"


def test_one_offer_of_one_reporter_is_not_the_provider() -> None:
    failed = judged(calls(31, 9))
    assert failed is not None
    assert (failed.models, failed.agreed, failed.lone_reporter) == (("m",), False, True)


def test_two_offers_make_it_the_provider() -> None:
    failed = judged(calls(20, 0, model="a") + calls(20, 0, model="b"))
    assert failed is not None
    assert failed.agreed
    assert failed.lone_reporter


def test_two_reporters_make_it_the_provider() -> None:
    failed = judged(calls(20, 0, reporter="a") + calls(20, 0, reporter="b"))
    assert failed is not None
    assert failed.agreed
    assert not failed.lone_reporter


def test_a_reporter_with_successes_does_not_confirm_failures() -> None:
    failed = judged(calls(60, 0, reporter="liar") + calls(0, 20, reporter="honest"))
    assert failed is not None
    assert not failed.agreed


def test_an_untrusted_reporter_is_not_counted() -> None:
    assert judged(calls(40, 0, reporter="liar"), frozenset({"liar"})) is None


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_neutral_calls_and_limits_change_nothing(
    a: int, b: int, neutral: int, limited: int
) -> None:
    counted = calls(a, b)
    others = [call(NeutralOutcome.CANCELLED)] * neutral
    others += [call(OutcomeKind.RATE_LIMITED)] * limited
    if counted:
        assert judged(counted + others) == judged(counted)


def test_failures_cause_a_check_and_successes_only_if_the_target_is_down() -> None:
    assert calls_for_check([call(SERVER)], down=False)
    assert not calls_for_check([call(OK)], down=False)
    assert calls_for_check([call(OK)], down=True)
    assert not calls_for_check([call(NeutralOutcome.CANCELLED)], down=True)
    assert not calls_for_check([call(OutcomeKind.RATE_LIMITED)], down=False)


def test_five_successes_since_the_check_let_the_next_be_skipped_three_times() -> None:
    since = SinceCheck(at=0.0)
    for n in range(4):
        since.add(call(after=float(n)))
    assert not since.may_skip
    since.add(call(after=5.0))
    assert since.may_skip
    since.skipped = 3
    assert not since.may_skip


def test_one_failure_ends_the_skipping() -> None:
    since = SinceCheck()
    for _ in range(50):
        since.add(call())
    since.add(call(SERVER))
    assert not since.may_skip


def test_a_call_before_the_last_check_changes_nothing() -> None:
    since = SinceCheck(at=call(after=10.0).at)
    assert not since.add(call(SERVER, after=9.0))
    assert since.add(call(SERVER, after=11.0))
