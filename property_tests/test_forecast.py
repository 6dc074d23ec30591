"""Properties of the forecast: more left is never worse, and no forecast crosses a reset."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.rate_limits import LimitReading
from tracker.health.forecast import HORIZON_SECONDS, LimitSeries, Point, exhausts_at

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEVER = START + timedelta(days=10_000)
INTERVAL = 300.0


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


# Few distinct values, so that times coincide and trends are common.
seconds = st.one_of(st.integers(0, 20).map(lambda i: i * 300.0), st.floats(0, 1e5))
amounts = st.one_of(st.integers(0, 1000).map(float), st.floats(0, 1e308))
points = st.lists(st.builds(Point, seconds.map(at), amounts), max_size=20).map(
    lambda told: sorted(told, key=lambda point: point.at)
)
resets = st.none() | st.floats(0, 2e5).map(at)


@st.composite
def lines(draw: st.DrawFn) -> list[Any]:
    """A falling series with some noise: usually forecast."""
    start, step, count = draw(st.integers(0, 10**6)), draw(st.integers(1, 1000)), 5
    noise = draw(st.lists(st.integers(0, 3), min_size=count, max_size=12))
    lefts = [float(max(start - i * step + wobble, 0)) for i, wobble in enumerate(noise)]
    return [Point(at(i * INTERVAL), left) for i, left in enumerate(lefts)]


some_points = points | lines()


def raised(point: Any, more: Any) -> Any:
    return attrs.evolve(point, remaining=point.remaining + more)


@given(some_points, resets, st.floats(0, 2e5).map(at))
def test_a_forecast_lies_between_the_last_reading_and_the_reset(
    points: Any, reset_at: Any, now: float
) -> None:
    end = exhausts_at(points, reset_at, now)
    if end is not None:
        assert points[-1].at <= end
        assert end <= (reset_at or points[-1].at + timedelta(seconds=HORIZON_SECONDS))
        assert reset_at is None or now < reset_at


@given(some_points.filter(bool), resets, st.floats(0, 1e6))
def test_more_left_at_the_newest_reading_never_brings_the_end_nearer(
    points: Any, reset_at: Any, more: float
) -> None:
    before = exhausts_at(points, reset_at, points[-1].at)
    after = exhausts_at([*points[:-1], raised(points[-1], more)], reset_at, points[-1].at)
    assert (after or NEVER) >= (before or NEVER)


@given(lines(), resets, st.integers(0, 10**6))
def test_more_left_at_every_reading_never_brings_the_end_nearer(
    points: Any, reset_at: Any, more: int
) -> None:
    before = exhausts_at(points, reset_at, points[-1].at)
    after = exhausts_at([raised(point, more) for point in points], reset_at, points[-1].at)
    assert (after or NEVER) >= (before or NEVER)


@given(lines(), resets, st.integers(-20, 20))
def test_the_unit_does_not_matter(points: Any, reset_at: Any, exponent: int) -> None:
    scaled = [Point(point.at, math.ldexp(point.remaining, exponent)) for point in points]
    now = points[-1].at
    assert exhausts_at(scaled, reset_at, now) == exhausts_at(points, reset_at, now)


@given(lines(), st.integers(-(10**8), 10**8))
def test_the_date_does_not_matter(points: Any, shift: int) -> None:
    by = timedelta(seconds=shift)
    shifted = [Point(point.at + by, point.remaining) for point in points]
    end = exhausts_at(points, at(1e5), at(0))
    assert exhausts_at(shifted, at(1e5) + by, at(0) + by) == (None if end is None else end + by)


@given(st.data())
def test_two_wild_readings_of_seven_do_not_hide_that_it_falls(data: Any) -> None:
    points = [Point(at(i * INTERVAL), 1000.0 - 10 * i) for i in range(7)]
    for i in data.draw(st.sets(st.integers(1, 5), max_size=2)):
        points[i] = Point(points[i].at, data.draw(st.floats(0, 1e9)))
    assert exhausts_at(points, None, points[-1].at) is not None


readings = st.lists(
    st.tuples(
        st.floats(0, 2000),  # seconds since the one before
        st.builds(
            LimitReading,
            name=st.just("requests"),
            remaining=st.none() | st.integers(0, 50).map(float),
            window_seconds=st.sampled_from([None, 60.0, 3600.0, 86400.0]),
            reset_at=st.none() | st.integers(1, 40).map(lambda i: at(i * 500.0)),
        ),
    ),
    max_size=30,
)


@given(readings)
def test_a_series_never_holds_two_windows(told: Any) -> None:
    series, now = LimitSeries(), 0.0
    for gap, reading in told:
        before, now = series, now + gap
        series = series.after(reading, at(now))
        lefts = [point.remaining for point in series.points]
        assert lefts == sorted(lefts, reverse=True)
        if before.reset_at is not None and reading.remaining is not None:
            assert at(now) < before.reset_at or len(series.points) == 1
        end = series.exhausts_at(at(now), INTERVAL)
        assert end is None or series.reset_at is None or end < series.reset_at
