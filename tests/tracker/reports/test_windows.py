"""Incremental sums of calls equal those of counting all calls again."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.calls import call
from tests.helpers.factories import START
from tracker.core.outcomes import OutcomeKind
from tracker.reports.call import Call, NeutralOutcome
from tracker.reports.windows import MINUTE, MINUTES_SHOWN, MinuteWindows

NOW = START.timestamp()
REPORTERS = ("a", "b", "c")
calls = st.lists(
    st.builds(
        call,
        st.sampled_from(
            [OutcomeKind.OK, OutcomeKind.SERVER, OutcomeKind.RATE_LIMITED, NeutralOutcome.CANCELLED]
        ),
        after=st.integers(-9 * 60, 0),
        model=st.sampled_from(["", "m", "n"]),
        reporter=st.sampled_from(REPORTERS),
        latency_ms=st.none() | st.floats(1.0, 1e4),
    ),
    max_size=60,
)


def counted(told: Sequence[Call]) -> MinuteWindows:
    """Count them, with a look at the sums after each: what was summed up grows with the calls."""
    windows = MinuteWindows()
    for one in told:
        windows.add(one)
        windows.recent(NOW)
    return windows


@given(calls)
def test_the_sums_of_models_are_those_of_their_calls(told: list[Call]) -> None:
    first = int(NOW // MINUTE) - MINUTES_SHOWN + 1
    shown = [one for one in told if int(one.at // MINUTE) >= first]
    recent = counted(told).recent(NOW)
    assert set(recent) == {one.model for one in shown} == counted(told).models(NOW)
    for model, found in recent.items():
        mine = [one for one in shown if one.model == model]
        good = [one for one in mine if one.is_success and one.latency_ms is not None]
        assert found.calls == len(mine)
        assert found.counted == sum(one.is_counted for one in mine)
        assert found.failures == sum(one.is_failure for one in mine)
        assert found.good.latency.samples == len(good)


@given(calls, st.sets(st.sampled_from(REPORTERS)), st.sampled_from([None, "", "m", "n"]))
def test_the_failures_of_a_minute_can_be_counted_without_some_reporters(
    told: list[Call], without: set[str], model: str | None
) -> None:
    number = int(NOW // MINUTE)
    mine = [
        one
        for one in told
        if int(one.at // MINUTE) == number
        and one.reporter not in without
        and model in (None, one.model)
    ]
    found = counted(told).minute(number).failures_of(model, without)
    assert found == (sum(one.is_failure for one in mine), sum(one.is_counted for one in mine))
