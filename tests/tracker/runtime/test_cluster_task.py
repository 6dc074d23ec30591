"""Whole trackers of one cluster on virtual time, at a hub in memory that can go away."""

from datetime import timedelta

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.helpers.cluster_rig import NAMES, Cluster, leases
from tracker.core.clock import Clock
from tracker.core.cluster import ClusterAwayError
from tracker.core.outcomes import Status
from tracker.runtime import cluster_task
from tracker.testing.provider_behavior import ProviderBehavior


async def test_a_provider_found_down_by_one_tracker_is_down_at_the_other(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one, two = await cluster.start(), await cluster.start()
    await cluster.until(lambda: leases(one, two) == len(NAMES))
    for member in (one, two):
        member.checks["a"].mood = ProviderBehavior.REFUSE
    await cluster.until(lambda: Status.DOWN in (one.status_of("a"), two.status_of("a")))
    await cluster.passes(2.0)  # news comes at once; a check of its own would take longer
    assert (one.status_of("a"), two.status_of("a")) == (Status.DOWN, Status.DOWN)


async def test_without_the_hub_each_tracker_continues_alone_and_ships_later(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start()
    await cluster.until(lambda: one.report.leases == len(NAMES))
    cluster.server.away = "it was switched off"
    await cluster.until(lambda: one.report.alone)
    before = one.begun
    await cluster.passes(120.0)
    assert one.begun - before >= 3 * len(NAMES)
    assert not one.report.hub_up
    assert one.report.reason == "it was switched off"
    assert one.report.problems == (
        "the cluster's hub cannot be used: it was switched off; this tracker works alone",
    )
    assert one.report.solo_checks > 0
    with pytest.raises(ClusterAwayError, match="switched off"):
        await one.tracker.ranking_of("us-1")
    long = await one.tracker.records.long_history(NAMES, since=cluster.clock.now(), seconds=3600)
    assert long is not None
    assert long.away == "it was switched off"
    cluster.server.away = ""
    await cluster.until(lambda: one.report.hub_up and one.report.lag == 0)
    kept = next(iter(cluster.server.tables.origins.values()))
    ends = [check.ended for check in one.checks.values()]
    assert sum(ends) - len(kept.rows) <= len(NAMES)  # the last are on their way


async def test_what_waits_for_the_hub_is_counted_while_it_is_away(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    cluster.server.away = "it was switched off"
    one = await cluster.start()
    await cluster.passes(60.0)
    assert one.begun > len(NAMES)
    assert one.report.lag is None, "what the hub has was never heard"
    assert one.tracker.health().hub_lag_rows is None
    cluster.server.away = ""
    await cluster.until(lambda: one.report.lag == 0)
    (kept,) = cluster.server.tables.origins.values()
    cluster.server.away = "it was switched off"
    await cluster.passes(120.0)
    waiting = one.report.lag
    assert waiting is not None
    assert waiting >= 3 * len(NAMES)
    made = sum(check.ended for check in one.checks.values())
    assert made - len(kept.rows) - len(NAMES) <= waiting <= made - len(kept.rows)
    assert one.tracker.health().hub_lag_rows == waiting


@pytest.mark.parametrize("refused", ["ship", "news", "beat"])
async def test_log_and_health_agree_whatever_part_of_the_hub_fails(
    cluster: Cluster, mock_clock: MockClock, refused: str
) -> None:
    one = await cluster.start()
    await cluster.until(lambda: one.report.leases == len(NAMES))
    with capture_logs() as logs:
        one.hub.refused = frozenset({refused})
        await cluster.until(lambda: bool(one.report.problems))
        reason = one.report.reason
        await cluster.passes(cluster_task.LOG_SECONDS)
        one.hub.refused = frozenset()
        await cluster.until(lambda: not one.report.problems)
        await cluster.passes(cluster_task.LOG_SECONDS)
    told = [line for line in logs if line["log_level"] in ("error", "info")]
    assert [line for line in told if "hub" in line["event"]] == [
        {"event": "the cluster's hub cannot be used", "log_level": "error", "reason": reason},
        {"event": "the cluster's hub can be used again", "log_level": "info"},
    ]


async def test_each_vantage_checks_everything_and_shows_the_others_ranking(
    cluster: Cluster,
    mock_clock: MockClock,
) -> None:
    one, two = await cluster.start(), await cluster.start(vantage="us-1")
    await cluster.until(lambda: leases(one, two) == 2 * len(NAMES))
    two.checks["a"].mood = ProviderBehavior.REFUSE
    await cluster.until(lambda: two.status_of("a") is Status.DOWN)
    await cluster.passes(10.0)
    assert one.tracker.snapshot.providers["a"].usable
    theirs = await one.tracker.ranking_of("us-1")
    assert theirs is not None
    assert "a" not in [line.provider for line in theirs.ranking.ranked]
    ours = await one.tracker.ranking_of("eu-1")
    assert ours is not None
    assert ours.ranking is one.tracker.snapshot.ranking
    assert await one.tracker.ranking_of("moon-1") is None


async def test_a_database_file_belongs_to_one_tracker(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start(file="same.db")
    await cluster.until(lambda: one.report.leases == len(NAMES))
    two = await cluster.start(file="same.db")
    await cluster.passes(5.0)
    assert "another tracker on this machine" in two.report.reason
    assert two.report.leases == 0
    assert two.report.lag is None, "the other one sends its checks"
    await cluster.passes(60.0)
    assert two.begun >= 2 * len(NAMES), "it goes on alone"
    one.tracker.stop()
    await cluster.until(lambda: two.report.leases == len(NAMES))


async def test_a_wrong_clock_is_reported(cluster: Cluster, mock_clock: MockClock) -> None:
    clock = cluster.clock
    late = timedelta(seconds=30.0)
    cluster.server.clock = Clock(now=lambda: clock.now() - late, steady=clock.steady)
    with capture_logs() as logs:
        one = await cluster.start()
        await cluster.until(lambda: bool(one.report.problems) and one.report.hub_up)
        await cluster.passes(30.0)
    told = "our clock is 30 s ahead of the hub's: set one of them right"
    assert one.report.problems == (told,)
    assert [line["problem"] for line in logs if "problem" in line] == [told], "once"


async def test_a_hub_that_forgot_gets_every_check_again(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start()
    await cluster.until(lambda: one.report.leases == len(NAMES))
    early = cluster.server.remember()
    await cluster.passes(90.0)
    cluster.server.forget(early)
    await cluster.passes(60.0)
    await cluster.until(lambda: one.report.hub_up and one.report.lag == 0)
    (kept,) = cluster.server.tables.origins.values()
    made = sum(check.ended for check in one.checks.values())
    assert made - len(NAMES) <= len(kept.rows) <= made
    assert sorted(kept.rows) == list(range(1, len(kept.rows) + 1))


async def test_a_restored_file_gets_a_name_of_its_own(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start(file="a.db")
    await cluster.until(lambda: one.report.leases == len(NAMES))
    copy = (cluster.folder / "a.db").read_bytes()
    await cluster.passes(90.0)
    one.tracker.stop()
    await cluster.until(one.ended.is_set, seconds=10.0)
    (first,) = cluster.server.tables.origins
    (cluster.folder / "a.db").write_bytes(copy)
    two = await cluster.start(file="a.db")
    await cluster.until(lambda: two.report.leases == len(NAMES))
    assert two.task.keeper.origin.id != first
    assert set(cluster.server.tables.origins) == {first, two.task.keeper.origin.id}


async def test_a_vantage_moved_to_another_file_name_keeps_the_others_checks(
    cluster: Cluster,
    mock_clock: MockClock,
) -> None:
    one = await cluster.start(file="a.db")
    await cluster.until(lambda: one.report.leases == len(NAMES))
    one.tracker.stop()
    await cluster.until(one.ended.is_set, seconds=10.0)
    two = await cluster.start(file="a.db", vantage="us-1")
    await cluster.until(lambda: two.report.leases == len(NAMES))
    vantages = {each.vantage for each in cluster.server.tables.origins.values()}
    assert vantages == {"eu-1", "us-1"}


async def test_the_hub_counts_what_a_page_of_long_history_shows(
    cluster: Cluster, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_task, "HOUSE_SECONDS", 30.0)  # an hour is much virtual time
    one = await cluster.start()
    since = cluster.clock.now()
    with pytest.raises(ClusterAwayError, match="the hub has not been reached yet"):
        await one.task.buckets(NAMES, since, 3600)
    await cluster.until(lambda: one.report.herald)
    await cluster.passes(120.0)
    shipped = sum(len(each.rows) for each in cluster.server.tables.origins.values())
    long = await one.tracker.records.long_history(NAMES, since=since, seconds=3600)
    assert long is not None
    assert long.away == ""
    counted = await one.task.buckets(NAMES, since - timedelta(hours=1.0), 3600)
    assert set(counted) == set(NAMES)
    assert 0 < sum(b.checks for name in NAMES for b in counted[name]) <= shipped


async def test_a_slow_hub_is_reported_within_seconds(
    cluster: Cluster, mock_clock: MockClock
) -> None:
    one = await cluster.start()
    await cluster.until(lambda: one.report.hub_up)
    async with one.task._reading_history, trio.open_nursery() as nursery:  # another page asks
        refused = trio.Event()

        async def ask() -> None:
            with pytest.raises(ClusterAwayError, match="no answer within 5 s"):
                await one.task.buckets(NAMES, cluster.clock.now(), 86_400)
            refused.set()

        nursery.start_soon(ask)
        await cluster.until(refused.is_set, seconds=10.0)
