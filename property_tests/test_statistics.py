"""Incremental statistics equal those computed from all checks each time."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tracker.health.check_sample import DOWN, LIMITED, NOT_COUNTED, UP, CheckSample
from tracker.health.rolling_statistics import AHEAD, Statistics
from tracker.health.uptime_window import DAY, HOUR, WEEK

EPOCH = 1_800_000_000.0
results = st.builds(
    CheckSample,
    at=st.floats(0, 9 * DAY).map(lambda x: EPOCH + x),
    verdict=st.sampled_from([NOT_COUNTED, UP, DOWN, LIMITED]),
    latency_ms=st.none() | st.integers(0, 20_000_000).map(lambda us: us / 1000),
    completions=st.integers(0, 3),
)
moments = st.floats(0, 9 * DAY).map(lambda x: EPOCH + x)
steps = st.lists(st.tuples(results, st.none() | moments), max_size=60)


def percent(checks: list[CheckSample], now: float, window: float) -> float | None:
    within = (c for c in checks if now - window < c.at <= now + AHEAD)
    counted = [c.verdict for c in within if c.verdict in (UP, DOWN)]
    return 100.0 * counted.count(UP) / len(counted) if counted else None


@given(steps, moments)
def test_equal_a_recount_whatever_the_clock_does(
    steps: list[tuple[CheckSample, float | None]], end: float
) -> None:
    kept, checks = Statistics(), []
    for result, now in steps:
        kept.add(result)
        checks.append(result)
        if now is not None:
            kept.advance(now)
    kept.advance(end)
    assert kept.uptime.hour == percent(checks, end, HOUR)
    assert kept.uptime.day == percent(checks, end, DAY)
    assert kept.uptime.week == percent(checks, end, WEEK)
    day = [c for c in checks if end - DAY < c.at <= end + AHEAD]
    assert kept.checks_in_day == len(day)
    assert kept.completions_in_day == sum(c.completions for c in day)
    latencies = sorted(c.latency_ms for c in day if c.verdict == UP and c.latency_ms is not None)
    if not latencies:
        assert kept.latency is None
        return
    assert kept.latency is not None
    assert kept.latency.samples == len(latencies)
    assert (kept.latency.min, kept.latency.max) == (latencies[0], latencies[-1])
    assert kept.latency.p95 == latencies[math.ceil(0.95 * len(latencies) - 1e-9) - 1]
    assert math.isclose(kept.latency.avg, math.fsum(latencies) / len(latencies), abs_tol=1e-9)
