"""A vantage's name that is used in two places: the tracker in the other place goes on alone."""

import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.helpers.cluster_rig import NAMES, Cluster, Member
from tracker.cluster.places import APART_BEATS, MIN_ANSWERS, RoundTrips

BEAT = 2.0
ALONE_SECONDS = BEAT * (APART_BEATS + MIN_ANSWERS) + 20.0


class FarAway(RoundTrips):
    """The hub of a tracker on another continent."""

    @property
    def fastest(self) -> float:
        return 90.0


async def start_apart(cluster: Cluster, near: int) -> list[Member]:
    """Start so many trackers near the hub, and a last one far from it, which joins last."""
    members: list[Member] = []
    for _ in range(near + 1):
        members.append(await cluster.start())
        await cluster.until(members[-1].task.keeper.origin.known.is_set)
    await cluster.until(lambda: sum(each.report.leases for each in members) == len(NAMES))
    members[-1].task.keeper._round_trips = FarAway()
    return members


@pytest.mark.parametrize("near", [1, 2])
async def test_a_tracker_in_another_place_goes_on_alone_and_says_why(
    cluster: Cluster, mock_clock: MockClock, near: int
) -> None:
    with capture_logs() as logs:
        *others, far = await start_apart(cluster, near)
        await cluster.until(lambda: bool(others[0].report.problems))
        assert "vantage eu-1 seem to be in different places" in others[0].report.problems[0]
        assert far.report.hub_up, "it may be a bad minute"
        await cluster.until(lambda: not far.report.hub_up, seconds=ALONE_SECONDS)
        await cluster.passes(5.0)
    assert far.report.reason == (
        "vantage eu-1 is used in different places: the hub answers this tracker in 90 ms, "
        "another one in 0 ms at best; give each place its own vantage"
    )
    assert far.report.problems == (
        f"the cluster's hub cannot be used: {far.report.reason}; this tracker works alone",
    )
    assert far.report.reason in [line.get("reason") for line in logs]
    assert sum(each.report.leases for each in others) == len(NAMES)
    assert {each.report.problems for each in others} == {()}
    before = [sum(each.begun for each in others), far.begun]
    kept = sum(len(each.rows) for each in cluster.server.tables.origins.values())
    await cluster.passes(120.0)
    made = [sum(each.begun for each in others) - before[0], far.begun - before[1]]
    assert min(made) >= 3 * len(NAMES), "each place makes all checks"
    shipped = sum(len(each.rows) for each in cluster.server.tables.origins.values()) - kept
    waiting = far.report.lag
    assert waiting is not None
    assert made[1] - len(NAMES) <= waiting <= made[1] + len(NAMES), "they wait until it is near"
    assert shipped <= made[0] + len(NAMES), "and no place takes those of the other for its own"


async def test_a_tracker_whose_route_was_slow_for_a_while_rejoins(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await start_apart(cluster, 1)
    await cluster.until(lambda: not two.report.hub_up, seconds=ALONE_SECONDS)
    two.task.keeper._round_trips = RoundTrips()
    await cluster.until(lambda: two.report.hub_up, seconds=ALONE_SECONDS + 60.0)
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    await cluster.until(lambda: two.report.lag == 0)


async def test_a_tracker_stays_apart_while_no_other_of_its_vantage_is_there(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await start_apart(cluster, 1)
    await cluster.until(lambda: not two.report.hub_up, seconds=ALONE_SECONDS)
    one.tracker.stop()
    await cluster.until(one.ended.is_set, seconds=10.0)
    await cluster.passes(2.0 * ALONE_SECONDS)
    assert not two.report.hub_up
