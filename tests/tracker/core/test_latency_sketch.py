"""A sketch is within 2 % of the exact quantile, however it was put together."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.latency_sketch import ACCURACY, LatencySketch

SAMPLES = st.lists(st.floats(0.1, 1e7), min_size=1, max_size=200)


def sketch_of(samples: list[float]) -> LatencySketch:
    sketch = LatencySketch()
    for sample in samples:
        sketch.add(sample)
    return sketch


@given(SAMPLES, st.floats(0.0, 1.0))
def test_a_quantile_is_close_to_the_nearest_rank(samples: list[float], share: float) -> None:
    exact = sorted(samples)[max(math.ceil(share * len(samples)), 1) - 1]
    assert sketch_of(samples).quantile(share) == pytest.approx(exact, rel=ACCURACY + 1e-9)


@given(SAMPLES, SAMPLES)
def test_merging_sketches_equals_counting_all_samples(one: list[float], other: list[float]) -> None:
    merged = sketch_of(one)
    merged.merge(sketch_of(other))
    assert merged.counts == sketch_of(one + other).counts
    assert merged.sum_ms == pytest.approx(sum(one) + sum(other))


@given(SAMPLES)
def test_a_stored_sketch_is_read_back_equal(samples: list[float]) -> None:
    sketch = sketch_of(samples)
    again = LatencySketch.decode(sketch.encode())
    assert (again.counts, again.samples) == (sketch.counts, sketch.samples)


def test_without_samples_nothing_is_known() -> None:
    assert LatencySketch().quantile(0.5) is None
