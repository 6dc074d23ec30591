"""What one vantage alone sees worse is said once it cannot be that vantage's own fault."""

import pytest

from tracker.cluster.doubts import ALL_CHECKED_INTERVALS, ALL_JUDGED_INTERVALS, Doubts
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus, VantageView

UP, SLOW, DOWN, UNKNOWN = Status.HEALTHY, Status.DEGRADED, Status.DOWN, Status.UNKNOWN
INTERVAL = 60.0


def provider(name: str, *seen: Status, suspect: int = -1) -> ProviderStatus:
    """What vantages v0, v1 … see; suspect: the number of one that has no vote."""
    return ProviderStatus(
        name=name,
        status=seen[0],
        reason="",
        usable=True,
        interval_seconds=INTERVAL,
        timeout_seconds=10.0,
        vantages=tuple(
            VantageView(name=f"v{n}", status=each, reason="", age_seconds=1.0, suspect=n == suspect)
            for n, each in enumerate(seen)
        ),
    )


def cluster(*rows: tuple[Status, ...]) -> dict[str, ProviderStatus]:
    return {f"p{n}": provider(f"p{n}", *row) for n, row in enumerate(rows)}


def test_a_single_fault_from_one_vantage_is_said_after_an_interval() -> None:
    doubts, seen = Doubts(), cluster((DOWN, UP, UP), *[(UP, UP, UP)] * 4)
    assert doubts.look(seen, 0.0) == {"p0"}
    assert doubts.look(seen, INTERVAL * ALL_CHECKED_INTERVALS - 1.0) == {"p0"}
    assert doubts.look(seen, INTERVAL * ALL_CHECKED_INTERVALS) == set()


@pytest.mark.parametrize("bad", [SLOW, DOWN])
def test_a_vantage_that_sees_most_worse_is_given_time_to_become_suspect(bad: Status) -> None:
    doubts, seen = Doubts(), cluster(*[(bad, UP, UP)] * 4)
    for at in (0.0, INTERVAL * ALL_JUDGED_INTERVALS - 1.0):
        assert doubts.look(seen, at) == set(seen)
    assert doubts.look(seen, INTERVAL * ALL_JUDGED_INTERVALS) == set(), "slow for good: it is said"


@pytest.mark.parametrize(
    "row", [(DOWN, DOWN, UP), (DOWN, DOWN, DOWN), (UP, UP, UP), (DOWN,), (DOWN, UNKNOWN, UNKNOWN)]
)
def test_what_several_see_or_nobody_contradicts_is_said_at_once(row: tuple[Status, ...]) -> None:
    assert Doubts().look(cluster(row), 0.0) == set()


def test_a_doubt_that_ended_begins_anew() -> None:
    doubts, bad, good = Doubts(), cluster((DOWN, UP)), cluster((UP, UP))
    doubts.look(bad, 0.0)
    doubts.look(good, 50.0)
    assert doubts.look(bad, INTERVAL + 1.0) == {"p0"}


def test_a_vantage_that_has_its_vote_back_is_given_time_to_see_the_rest_well_again() -> None:
    doubts, patience = Doubts(), INTERVAL * ALL_JUDGED_INTERVALS
    suspect = {f"p{n}": provider(f"p{n}", DOWN, UP, UP, suspect=0) for n in range(4)}
    assert doubts.look(suspect, 0.0) == set()
    trusted = cluster(*[(DOWN, UP, UP)] * 2, *[(UP, UP, UP)] * 2)
    assert doubts.look(trusted, 1_000.0) == {"p0", "p1"}
    assert doubts.look(trusted, 1_000.0 + patience - 1.0) == {"p0", "p1"}
    assert doubts.look(trusted, 1_000.0 + patience) == set(), "down for good: it is said"
    another = cluster(*[(UP, UP, UP)] * 3, (DOWN, UP, UP))
    assert doubts.look(another, 2_000.0) == {"p3"}
    assert doubts.look(another, 2_000.0 + INTERVAL * ALL_CHECKED_INTERVALS) == set(), "as any other"


def test_a_suspect_vantage_leaves_no_doubt() -> None:
    view = provider("p0", DOWN, UP, UP, suspect=0)
    assert Doubts().look({"p0": view}, 0.0) == set()
