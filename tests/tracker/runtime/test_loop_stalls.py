"""The effects of our own stalled event loop are removed from a result, and nothing else."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.factories import finding
from tracker.core.outcomes import OutcomeKind
from tracker.runtime.loop_stalls import discount_loop_stall

SLOW_MS = 1_000.0
stalls = st.floats(0.001, 100.0)
kinds = st.sampled_from(OutcomeKind)


@given(kind=kinds, latency=st.floats(0.0, SLOW_MS))
def test_without_a_stall_a_quick_result_is_unchanged(kind: OutcomeKind, latency: float) -> None:
    result = finding(kind, latency)
    assert discount_loop_stall(result, stall=0.0, slow_ms=SLOW_MS) is result


@given(latency=st.floats(0.0, 1e6), stall=stalls)
def test_a_success_during_a_stall_keeps_its_kind_and_has_no_latency(
    latency: float, stall: float
) -> None:
    result = finding(OutcomeKind.OK, latency, ttft_ms=latency)
    told = discount_loop_stall(result, stall=stall, slow_ms=SLOW_MS)
    assert (told.kind, told.latency_ms, told.ttft_ms) == (OutcomeKind.OK, None, None)
    assert "event loop stalled" in told.message


@given(kind=kinds, stall=stalls)
def test_a_failure_without_an_answer_counts_as_internal(kind: OutcomeKind, stall: float) -> None:
    result = finding(kind, completions=2, requests=3)
    told = discount_loop_stall(result, stall=stall, slow_ms=SLOW_MS)
    if kind.is_failure:
        assert told.kind is OutcomeKind.INTERNAL
        assert (told.requests, told.completions) == (3, 2)  # they were spent nevertheless
    elif not kind.is_success:
        assert told is result


@given(kind=kinds.filter(lambda kind: not kind.is_success), stall=stalls)
def test_a_received_refusal_counts_for_the_provider(kind: OutcomeKind, stall: float) -> None:
    refused = finding(kind, http_status=503)
    assert discount_loop_stall(refused, stall=stall, slow_ms=SLOW_MS) is refused


@given(kind=kinds, stall=stalls, latency=st.floats(0.0, SLOW_MS))
def test_a_stall_does_not_change_a_latency_measured_by_the_kernel(
    kind: OutcomeKind, stall: float, latency: float
) -> None:
    stamped = finding(kind, latency, latency_stamped=True)
    assert discount_loop_stall(stamped, stall=stall, slow_ms=SLOW_MS) is stamped


@given(excess=st.floats(0.001, 1e6))
def test_an_answer_slower_than_the_limit_is_slow_and_otherwise_the_same(excess: float) -> None:
    result = finding(OutcomeKind.OK, SLOW_MS + excess)
    told = discount_loop_stall(result, stall=0.0, slow_ms=SLOW_MS)
    assert told == attrs.evolve(result, kind=OutcomeKind.SLOW)
