"""When a limit runs out at the present pace (facts of ranking, 3.8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracker.core.rate_limits import LimitReading
from tracker.health.forecast import (
    MOST_POINTS,
    LimitSeries,
    Point,
    earliest_end,
    exhausts_at,
    follow,
    runs_out_soon,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, INTERVAL = 86400.0, 300.0


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


def falling(*remaining: Any, step: Any = INTERVAL) -> list[Any]:
    return [Point(at(i * step), left) for i, left in enumerate(remaining)]


def reading(
    remaining: Any, *, name: str = "requests", reset: Any = DAY, window: Any = DAY
) -> LimitReading:
    return LimitReading(
        name=name,
        limit=1000.0,
        remaining=remaining,
        window_seconds=window,
        reset_at=None if reset is None else at(reset),
    )


def series(*readings: Any, step: Any = INTERVAL) -> Any:
    one = LimitSeries()
    for i, told in enumerate(readings):
        one = one.after(told, at(i * step))
    return one


def lefts(one: Any) -> list[Any]:
    return [point.remaining for point in one.points]


def test_follows_a_straight_line_to_its_end() -> None:
    points = falling(100, 90, 80, 70, 60)  # ten in five minutes
    assert exhausts_at(points, at(DAY), at(1200)) == at(3000)


def test_one_outlier_among_seven_readings_changes_nothing() -> None:
    points = falling(100, 90, 5, 70, 60, 50, 40)
    assert exhausts_at(points, at(DAY), at(1800)) == at(3000)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([], id="nothing"),
        pytest.param(falling(100, 90, 80, 70), id="four points"),
        pytest.param(falling(*range(100, 40, -10), step=0), id="one moment"),
        pytest.param([*falling(100, 90, 80, 70), Point(at(900), 65)], id="four moments"),
        pytest.param(falling(50, 50, 50, 50, 50), id="level"),
        pytest.param(falling(50, 60, 70, 80, 90), id="rising"),
        pytest.param(falling(0, 0, 0, 0, 0), id="spent, and still"),
        pytest.param(falling(1e300, 1e300, 1e300, 1e300, 1e300 - 1e284), id="endless"),
    ],
)
def test_sees_no_trend_in(points: Any) -> None:
    assert exhausts_at(points, at(DAY), at(1200)) is None
    assert exhausts_at(points, None, at(1200)) is None


def test_the_reset_comes_first() -> None:
    points = falling(100, 90, 80, 70, 60)
    assert exhausts_at(points, at(3000), at(1200)) is None
    assert exhausts_at(points, at(3001), at(1200)) == at(3000)


def test_without_a_reset_nothing_beyond_thirty_days_is_forecast() -> None:
    points = falling(104, 103, 102, 101, 100, step=DAY / 4)
    assert exhausts_at(points, None, at(DAY)) == at(26 * DAY)
    points = falling(604, 603, 602, 601, 600, step=DAY / 4)
    assert exhausts_at(points, None, at(DAY)) is None


def test_a_reset_that_has_passed_ends_the_forecast() -> None:
    points = falling(100, 90, 80, 70, 60)
    assert exhausts_at(points, at(4000), at(4000)) is None


def test_of_several_readings_at_one_moment_the_lowest_counts() -> None:
    points = [*falling(100, 90, 80, 70, 60), Point(at(1200), 65)]
    assert exhausts_at(points, at(DAY), at(1200)) == at(3000)


def test_a_spent_limit_ran_out_at_the_last_reading() -> None:
    assert exhausts_at(falling(40, 30, 20, 10, 0), at(DAY), at(1300)) == at(1200)


@pytest.mark.parametrize(
    ("end", "soon"), [(None, False), (at(600), True), (at(601), False), (at(-5), True)]
)
def test_two_intervals_are_soon(end: Any, soon: bool) -> None:
    assert runs_out_soon(end, START, INTERVAL) is soon


def test_a_series_forecasts_from_readings_as_they_arrive() -> None:
    one = series(*[reading(left) for left in (100, 90, 80, 70)])
    assert one.exhausts_at(at(900), INTERVAL) is None
    one = one.after(reading(60), at(1200))
    assert one.exhausts_at(at(1200), INTERVAL) == at(3000)


def test_a_series_begins_again_where_more_is_left() -> None:
    assert lefts(series(reading(100), reading(90), reading(95), reading(94))) == [95, 94]


def test_a_series_begins_again_when_its_reset_has_passed() -> None:
    told = [reading(100, reset=450), reading(90, reset=450), reading(80, reset=900)]
    assert lefts(series(*told)) == [80]


def test_a_series_begins_again_when_an_unstated_reset_must_have_passed() -> None:
    told = [reading(left, reset=None, window=900.0) for left in (100, 90, 80, 70)]
    assert lefts(series(*told)) == [70]


def test_a_series_begins_again_when_the_reset_is_another_one() -> None:
    assert lefts(series(reading(100, reset=9000), reading(90, reset=8990))) == [90]
    assert lefts(series(reading(100, reset=DAY), reading(90, reset=1.5 * DAY))) == [90]


def test_a_series_begins_again_when_the_wall_clock_was_set_back() -> None:
    one = series(reading(100), reading(90)).after(reading(80), at(-10))
    assert lefts(one) == [80]


def test_a_reset_that_jitters_or_moves_with_use_is_the_same() -> None:
    assert lefts(series(reading(100, reset=9000), reading(90, reset=8996))) == [100, 90]
    dripping = [reading(left, reset=DAY - 86.4 * left) for left in (100, 90, 80, 70, 60)]
    assert series(*dripping).exhausts_at(at(1200), INTERVAL) == at(3000)


def test_a_reading_without_remaining_changes_nothing() -> None:
    one = series(reading(100))
    assert one.after(reading(None), at(300)) is one


def test_a_series_keeps_so_many_points_and_its_beginning() -> None:
    one = series(*[reading(1000 - i) for i in range(MOST_POINTS + 10)], step=60.0)
    assert len(one.points) == MOST_POINTS
    assert (one.points[-1].remaining, one.began) == (1000 - MOST_POINTS - 9, START)


@pytest.mark.parametrize(("window", "end"), [(599.0, None), (600.0, at(125))])
def test_a_window_under_two_intervals_refills_between_checks(window: float, end: Any) -> None:
    told = [reading(left, reset=599.0, window=window) for left in (100, 80, 60, 40, 20)]
    assert series(*told, step=25.0).exhausts_at(at(100), INTERVAL) == end


def test_without_window_and_reset_only_money_is_forecast() -> None:
    def of(name: str) -> Any:
        told = [reading(left, name=name, reset=None, window=None) for left in (100, 90, 80, 70, 60)]
        return series(*told).exhausts_at(at(1200), INTERVAL)

    assert (of("requests"), of("credits"), of("balance")) == (None, at(3000), at(3000))


def test_an_unstated_reset_is_at_most_a_window_after_the_first_reading() -> None:
    def of(window: Any) -> Any:
        told = [reading(left, reset=None, window=window) for left in (100, 90, 80, 70, 60)]
        return series(*told).exhausts_at(at(1200), INTERVAL)

    assert (of(3000.0), of(3001.0)) == (None, at(3000))


def test_several_limits_are_followed_each_by_its_name() -> None:
    known = {}
    for i in range(5):
        told = (reading(100 - 10 * i), reading(50 - 10 * i, name="tokens"))
        known = follow(known, told, at(i * INTERVAL))
    assert {name: lefts(one)[-1] for name, one in known.items()} == {"requests": 60, "tokens": 10}
    assert earliest_end(known.values(), at(1200), INTERVAL) == at(1500)
    assert follow(known, (), at(1500)) == known
    assert set(follow(known, (reading(50),), at(1500))) == {"requests"}


def test_without_any_limit_nothing_runs_out() -> None:
    assert earliest_end([], START, INTERVAL) is None
