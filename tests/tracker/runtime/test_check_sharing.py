"""Which of several trackers makes a check, on virtual time, at a hub in memory."""

import pytest
from trio.testing import MockClock

from tests.helpers.cluster_rig import NAMES, TIMING, Cluster
from tracker.core.outcomes import Status
from tracker.core.settings import Timing


async def test_two_trackers_share_the_checks_and_both_know_everything(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    before = one.begun + two.begun
    await cluster.passes(120.0)
    made = one.begun + two.begun - before
    assert made <= len(NAMES) * (120.0 / TIMING.interval_seconds + 1.0)
    for member in (one, two):
        shown = member.tracker.snapshot.providers
        assert {p.status for p in shown.values()} == {Status.HEALTHY}
        assert not any(p.stale for p in shown.values())
        assert [each.ourselves for each in member.report.members].count(True) == 1
        assert len(member.report.members) == 2
        assert member.report.problems == ()
    assert [one.report.herald, two.report.herald].count(True) == 1


async def test_a_member_that_ends_releases_its_leases_at_once(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    one.tracker.stop()
    await cluster.until(one.ended.is_set, seconds=10.0)
    await cluster.until(lambda: two.report.leases == len(NAMES), seconds=10.0)
    assert two.report.herald


async def test_a_member_that_ends_after_a_failed_turn_releases_its_leases_too(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    one.hub.refused = frozenset({"beat"})
    await cluster.until(lambda: not one.task.keeper.hub_up)
    one.hub.refused = frozenset()
    one.tracker.stop()
    await cluster.until(one.ended.is_set, seconds=10.0)
    await cluster.until(lambda: two.report.leases == len(NAMES), seconds=4.0)


async def test_after_a_restart_of_the_hub_two_do_not_make_the_same_checks(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    """All leases end with it, and none is given for a while: longer than these intervals."""
    often = Timing(interval_seconds=4.0, timeout_seconds=2.0, recheck_seconds=(2.0,))
    one, two = [await cluster.start(timing=often) for _ in range(2)]
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    before = one.begun + two.begun
    cluster.server.restart()
    await cluster.passes(40.0)
    assert one.begun + two.begun - before <= len(NAMES) * (40.0 / 4.0 + 1.0)
    assert one.report.leases == two.report.leases == 2


async def test_a_restarted_replica_knows_the_states_of_the_other_once_informed(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start()
    await cluster.until(lambda: one.report.leases == len(NAMES) and one.report.lag == 0)
    two = await cluster.start()
    known: list[Status] = []

    async def learn() -> None:
        await two.tracker.informed()
        known.extend(two.status_of(name) for name in NAMES)

    cluster.nursery.start_soon(learn)
    await cluster.until(lambda: bool(known), seconds=10.0)
    assert known == [Status.HEALTHY] * len(NAMES)
    assert two.begun == 0


async def test_a_member_that_is_cut_off_is_removed_and_rejoins(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    one.hub.unreachable = True
    await cluster.until(lambda: two.report.leases == len(NAMES), seconds=30.0)
    assert two.report.takeovers == 1
    assert one.report.alone
    one.hub.unreachable = False
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    assert not one.report.alone


@pytest.mark.parametrize("ahead", [7_200.0, -7_200.0])
async def test_a_wrong_clock_makes_no_check_twice(
    cluster: Cluster, mock_clock: MockClock, ahead: float
) -> None:
    one, two = await cluster.start(), await cluster.start(ahead=ahead)
    await cluster.until(lambda: one.report.leases == two.report.leases == 2)
    before = one.begun + two.begun
    for _ in range(24):
        await cluster.passes(10.0)
        for member in (one, two):  # what the other checked is as fresh here
            shown = member.tracker.snapshot.providers.values()
            assert {(p.status, p.stale) for p in shown} == {(Status.HEALTHY, False)}
    assert one.begun + two.begun - before <= len(NAMES) * (240.0 / TIMING.interval_seconds + 1.0)
