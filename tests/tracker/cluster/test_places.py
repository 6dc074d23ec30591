"""Trackers of one vantage whose hub answers at very different speeds are in different places."""

import pytest

from tracker.cluster.places import KEPT_ANSWERS, MIN_ANSWERS, RoundTrips, describe_distance


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
