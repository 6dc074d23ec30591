"""Counts of latencies by fixed bounds."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.latency_histogram import BOUNDS, LatencyHistogram

latencies = st.lists(st.floats(0.0, 100.0))


@given(latencies)
def test_every_latency_is_counted_once(seconds: list[float]) -> None:
    found = reduce(LatencyHistogram.after, seconds, LatencyHistogram())
    assert sum(found.counts) == len(seconds)
    assert found.sum_seconds == pytest.approx(sum(seconds))


@given(latencies)
def test_a_latency_equal_to_a_bound_is_counted_below_it(seconds: list[float]) -> None:
    found = reduce(LatencyHistogram.after, seconds, LatencyHistogram())
    for place, bound in enumerate(BOUNDS):
        assert sum(found.counts[: place + 1]) == sum(each <= bound for each in seconds)
