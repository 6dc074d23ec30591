"""Trackers of one vantage whose hub answers at very different speeds are in different places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.cluster.places import (
    KEPT_ANSWERS,
    MIN_ANSWERS,
    RoundTrips,
    Steadiness,
    describe_apart,
    describe_distance,
    find_apart,
    is_far,
)

answers = st.lists(st.none() | st.floats(0.01, 900.0), max_size=8)


def test_the_fastest_answer_counts_once_there_are_enough() -> None:
    trips = RoundTrips()
    for _ in range(MIN_ANSWERS - 1):
        trips.add(900.0)
    assert trips.fastest is None
    trips.add(2.0)
    assert trips.fastest == 2.0
    for _ in range(KEPT_ANSWERS):
        trips.add(80.0)
    assert trips.fastest == 80.0, "the old one is forgotten: the way may be another one by now"


@pytest.mark.parametrize(
    "fastest", [[], [None], [1.0], [1.0, None], [1.0, 49.0], [40.0, 110.0], [90.0, 91.0, 95.0]]
)
def test_one_place_is_no_problem(fastest: list[float | None]) -> None:
    assert describe_distance("eu-1", fastest) == ""


def test_two_places_are_named_with_their_figures() -> None:
    assert describe_distance("eu-1", [None, 92.4, 1.2]) == (
        "trackers of vantage eu-1 seem to be in different places: the hub answers one in 1 ms, "
        "another in 92 ms at best; give each place its own vantage"
    )


@pytest.mark.parametrize(
    ("fastest", "apart"),
    [
        ([], set()),
        ([None, None], set()),
        ([1.0, 40.0], set()),
        ([1.0, 90.0], {1}),
        ([90.0, 1.0], {1}),
        ([90.0, 1.0, None, 2.0], {0}),
        ([1.0, 90.0, 91.0, 2.0], {1, 2}),
        ([1.0, 80.0, 300.0], {1, 2}),
    ],
)
def test_the_smaller_group_is_apart_or_the_one_that_came_later(
    fastest: list[float | None], apart: set[int]
) -> None:
    assert find_apart(fastest) == apart


@given(answers)
def test_never_are_all_apart_and_each_that_is_has_somebody_far_from_it(
    fastest: list[float | None],
) -> None:
    apart = find_apart(fastest)
    known = {at: each for at, each in enumerate(fastest) if each is not None}
    staying = known.keys() - apart
    assert apart <= known.keys()
    assert bool(staying) == bool(known)
    for at in apart:
        assert any(is_far(known[at], known[other]) for other in staying)


@given(answers)
def test_nobody_is_apart_where_nothing_is_told(fastest: list[float | None]) -> None:
    assert describe_distance("eu-1", fastest) or not find_apart(fastest)


def test_steady_is_what_has_been_so_without_a_pause() -> None:
    steady = Steadiness(60.0)
    seen = [steady.observe(holds, at) for holds, at in ((True, 0.0), (True, 59.0), (False, 60.0))]
    seen += [steady.observe(True, at) for at in (61.0, 120.0, 121.0)]
    assert seen == [False, False, False, False, False, True]


def test_who_leaves_names_its_own_figure_and_the_nearest_other() -> None:
    assert describe_apart("eu-1", 92.4, [None, 1.2, 3.0]) == (
        "vantage eu-1 is used in different places: the hub answers this tracker in 92 ms, "
        "another one in 3 ms at best; give each place its own vantage"
    )
