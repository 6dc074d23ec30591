"""What the hub counted by the hour becomes buckets of a history."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cluster.hub import RollUp
from tracker.cluster.roll_ups import GROWTH, bucket_of, to_buckets

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
LATENCIES = st.lists(st.floats(1.0, 60_000.0), min_size=1, max_size=50)


def an_hour(number: int, *latencies: float, down: int = 0, other: int = 0) -> RollUp:
    return RollUp(
        provider="groq",
        at=MIDNIGHT + timedelta(hours=number),
        checks=len(latencies) + down + other,
        up=len(latencies),
        down=down,
        sum_ms=sum(latencies),
        latency=Counter(map(bucket_of, latencies)),
    )


def test_hours_are_added_up_and_empty_stretches_are_absent() -> None:
    rows = [an_hour(0, 100.0, 200.0, down=1), an_hour(5, 300.0, other=1), an_hour(12, down=2)]
    morning, noon = to_buckets(rows, 21_600)["groq"]
    assert (morning.at, morning.checks, morning.failures) == (MIDNIGHT, 5, 1)
    assert (morning.uptime_percent, morning.latency and morning.latency.avg) == (75.0, 200.0)
    assert (noon.checks, noon.failures, noon.uptime_percent, noon.latency) == (2, 2, 0.0, None)


def test_what_was_not_counted_has_no_uptime() -> None:
    (bucket,) = to_buckets([an_hour(0, other=3)], 3_600)["groq"]
    assert (bucket.checks, bucket.uptime_percent, bucket.latency) == (3, None, None)


@given(LATENCIES, LATENCIES)
def test_quantiles_are_the_exact_ones_or_at_most_a_twentieth_higher(
    first: list[float], second: list[float]
) -> None:
    (bucket,) = to_buckets([an_hour(0, *first), an_hour(1, *second)], 86_400)["groq"]
    assert bucket.latency is not None
    ranked = sorted(first + second)
    for share, told in ((0.5, bucket.latency.p50), (0.95, bucket.latency.p95)):
        exact = ranked[math.ceil(len(ranked) * share) - 1]
        assert exact <= told * (1 + 1e-9)
        assert told <= exact * GROWTH * (1 + 1e-9)
    assert bucket.latency.avg == pytest.approx(sum(ranked) / len(ranked))
    assert bucket.latency.min <= bucket.latency.p50 <= bucket.latency.p95 <= bucket.latency.max
