"""What a ranking sees of a provider."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.helpers.factories import START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.outcomes import OutcomeKind
from tracker.core.ranking import Excluded
from tracker.health.provider_state import ProviderState
from tracker.ranking import Candidate, FallbackRanker


def after(*kinds: OutcomeKind, **settings: Any) -> ProviderState:
    state = ProviderState(attrs.evolve(provider("groq"), **settings))
    for n, kind in enumerate(kinds):
        state.record_check(outcome(kind, after=float(n)), n + 300.0, clock(float(n)))
    state.refresh(clock(len(kinds)))
    return state


def clock(seconds: float) -> ClockReading:
    return ClockReading(START + timedelta(seconds=seconds), seconds)


def entry(state: ProviderState) -> Candidate:
    assert isinstance(state.published.entry, Candidate)
    return state.published.entry


def test_a_provider_without_a_new_check_keeps_its_candidate_once_it_was_ranked() -> None:
    state = after(OutcomeKind.OK)
    before = entry(state)
    FallbackRanker()((before,), (), None)
    assert before.memo
    state.refresh(clock(30.0))
    assert entry(state) is before


def test_a_limit_counts_for_the_ranking_but_not_for_uptime() -> None:
    state = after(OutcomeKind.OK, OutcomeKind.RATE_LIMITED, OutcomeKind.OK)
    assert [sample.ok for sample in entry(state).samples] == [True, False, True]
    assert entry(state).consecutive_failures == 0
    view = state.published.view
    assert view is not None
    assert view.uptime.day == 100.0


@pytest.mark.parametrize(
    ("kinds", "may_answer"),
    [
        ([OutcomeKind.RATE_LIMITED], True),
        ([OutcomeKind.SERVER] * 3, True),
        ([OutcomeKind.AUTH], False),
        ([OutcomeKind.QUOTA_EXHAUSTED], False),
        ([OutcomeKind.NOT_FOUND] * 3, False),
    ],
)
def test_a_provider_that_would_refuse_a_call_is_no_last_resort(
    kinds: list[OutcomeKind], may_answer: bool
) -> None:
    out = after(*kinds).published.entry
    assert isinstance(out, Excluded)
    assert out.may_answer is may_answer


def test_a_provider_that_is_switched_off_is_no_last_resort() -> None:
    out = after(OutcomeKind.OK, enabled=False).published.entry
    assert isinstance(out, Excluded)
    assert not out.may_answer
