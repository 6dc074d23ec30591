"""Raw points and buckets, exact whatever the clock did, bounded and cancellable."""

import math
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from tests.helpers.fair_time import fair_ms
from tests.helpers.store_records import CLOCK, NOW, check
from tests.helpers.waiting import wait_until
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store import (
    Bucket,
    BucketLatency,
    HistoryTooLarge,
    RawPoint,
    StoreUnavailable,
    history,
    open_store,
)

HOUR_AGO = NOW - timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "status.db")


async def test_raw_points_come_by_provider_and_oldest_first(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check("b", seconds=5), check("a", seconds=10, latency_ms=None)])
        failed = {"kind": OutcomeKind.DNS, "status": Status.DOWN}
        await store.write([check("a", seconds=20, **failed), check("a", seconds=10, **failed)])
        found = await store.history(since=HOUR_AGO)
    assert found.resolution_seconds is None
    assert dict(found.providers) == {
        "a": (
            RawPoint(NOW - timedelta(seconds=20), Status.DOWN, OutcomeKind.DNS, 120.0),
            RawPoint(NOW - timedelta(seconds=10), Status.HEALTHY, OutcomeKind.OK, None),
            RawPoint(NOW - timedelta(seconds=10), Status.DOWN, OutcomeKind.DNS, 120.0),
        ),
        "b": (RawPoint(NOW - timedelta(seconds=5), Status.HEALTHY, OutcomeKind.OK, 120.0),),
    }


async def test_both_ends_of_the_time_asked_for_are_included(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(seconds=s) for s in (3_600.001, 3_600, 60, 59.999)])
        found = await store.history(["a"], since=HOUR_AGO, until=NOW - timedelta(seconds=60))
        assert [point.at for point in found.providers["a"]] == [
            HOUR_AGO,
            NOW - timedelta(seconds=60),
        ]


async def test_a_provider_without_checks_has_no_points(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        assert dict((await store.history(["a"], since=HOUR_AGO)).providers) == {"a": ()}
        await store.write([check("b")])
        for resolution in (None, 60):
            found = await store.history(["a"], since=HOUR_AGO, resolution=resolution)
            assert dict(found.providers) == {"a": ()}


async def test_buckets_count_as_the_contract_does(path: str) -> None:
    start = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    failures = [kind for kind in OutcomeKind if kind.is_failure]
    records = [
        check(at=start, kind=kind, latency_ms=9.0) for kind in OutcomeKind if not kind.is_success
    ]
    slow = {"kind": OutcomeKind.SLOW, "latency_ms": 200.0}
    records += [check(at=start + timedelta(seconds=59), latency_ms=ms) for ms in (100.0, None)]
    records += [check(at=start + timedelta(seconds=30), **slow)]
    records += [check(at=start + timedelta(minutes=2), kind=OutcomeKind.AUTH)]
    records += [check(at=start + timedelta(minutes=3), kind=OutcomeKind.RATE_LIMITED)]
    async with open_store(path, clock=CLOCK) as store:
        await store.write(records)
        found = await store.history(since=HOUR_AGO, resolution=60)
    assert found.resolution_seconds == 60
    up, down = 3, len(failures)
    assert found.providers["a"] == (
        Bucket(
            start,
            len(OutcomeKind) + 1,
            down,
            100.0 * up / (up + down),
            BucketLatency(100.0, 150.0, 100.0, 200.0, 200.0),
        ),
        Bucket(start + timedelta(minutes=2), 1, 1, 0.0, None),
        Bucket(start + timedelta(minutes=3), 1, 0, None, None),
    )


@pytest.mark.parametrize("samples", [1, 2, 19, 20, 21, 40, 41, 100])
async def test_percentiles_are_by_nearest_rank(path: str, samples: int) -> None:
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(latency_ms=float(n)) for n in range(samples, 0, -1)])
        found = await store.history(["a"], since=HOUR_AGO, resolution=3600)
    (bucket,) = found.providers["a"]
    assert bucket.latency.p50 == math.ceil(0.5 * samples)
    assert bucket.latency.p95 == math.ceil(0.95 * samples)


@pytest.mark.parametrize("size", [7.5, 60, 3_600, 5_000, 86_400])
async def test_buckets_are_aligned_and_each_appears_once(path: str, size: float) -> None:
    seconds = [n * 613.0 for n in range(300)]  # two days
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(name, seconds=s) for s in seconds for name in "ab"])
        found = await store.history(since=NOW - timedelta(days=3), resolution=size)
    expected: dict[float, int] = {}
    for s in reversed(seconds):
        start = (NOW.timestamp() - s) // size * size
        expected[start] = expected.get(start, 0) + 1
    for name in "ab":
        points = found.providers[name]
        assert {point.at.timestamp(): point.checks for point in points} == expected
        assert [point.at for point in points] == sorted(point.at for point in points)


async def test_unset_is_raw_up_to_2000_points_a_provider_then_buckets(path: str) -> None:
    day = NOW - timedelta(days=1)
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(seconds=n * 40.0) for n in range(2_000)])
        assert (await store.history(since=day)).resolution_seconds is None
        await store.write([check(seconds=3.0)])
        found = await store.history(since=day)
        assert found.resolution_seconds == 60.0
        assert len(found.providers["a"]) <= history.MOST_BUCKETS
        checks: list[int] = [point.checks for point in found.providers["a"]]
        assert sum(checks) == 2_001
        assert len((await store.history(since=day, raw=True)).providers["a"]) == 2_001


async def test_an_answer_too_large_is_refused_with_advice(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_POINTS", 30)
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(seconds=n * 60.0) for n in range(31)])
        with pytest.raises(HistoryTooLarge, match="31 points, more than 30: ask for fewer"):
            await store.history(since=HOUR_AGO, raw=True)
        with pytest.raises(HistoryTooLarge):
            await store.history(since=HOUR_AGO, resolution=1)
        assert (await store.history(since=HOUR_AGO)).resolution_seconds == 300.0


@pytest.mark.parametrize("resolution", [0.0, -60.0, math.nan, math.inf, 0.5, 1e12])
async def test_an_impossible_resolution_is_refused(path: str, resolution: float) -> None:
    async with open_store(path, clock=CLOCK) as store:
        with pytest.raises(ValueError, match="resolution must be from 1 to 604800 seconds"):
            await store.history(since=HOUR_AGO, resolution=resolution)


async def test_a_clock_set_back_leaves_history_in_order(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        for seconds in (10, 5, 3_600, 3_590):
            await store.write([check(seconds=seconds)])
        points = (await store.history(since=HOUR_AGO)).providers["a"]
        columns = (await store.load(HOUR_AGO)).histories["a", None]
    ages = [3_600.0, 3_590.0, 10.0, 5.0]
    assert [(NOW - point.at).total_seconds() for point in points] == ages
    assert [NOW.timestamp() - at for at in columns.at] == ages


async def test_odd_names_are_found(path: str) -> None:
    names = ['a,b"', "line\nbreak", "=HYPERLINK(", "ünïcode", "'; DROP TABLE checks; --"]
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check(name) for name in names])
        found = await store.history(names, since=HOUR_AGO)
    assert {name: len(points) for name, points in found.providers.items()} == dict.fromkeys(
        names, 1
    )


async def test_years_without_checks_cost_nothing(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check()])
        began = time.process_time()
        found = await store.history(["a"], since=datetime(1970, 1, 1, tzinfo=UTC), resolution=1)
        assert fair_ms(time.process_time() - began) < 1_000.0
    assert len(found.providers["a"]) == 1


async def test_changes_are_the_newest_oldest_first(path: str) -> None:
    records = [
        ChangeRecord(
            kind=ChangeKind.STATUS,
            at=NOW - timedelta(seconds=seconds),
            provider=provider,
            before=None,
            after="down",
            reason="3 failures",
        )
        for seconds, provider in ((30, "a"), (20, "b"), (10, "a"), (4_000, "a"))
    ]
    async with open_store(path, clock=CLOCK) as store:
        await store.write(records)
        assert await store.changes(since=HOUR_AGO) == tuple(records[:3])
        assert await store.changes(since=HOUR_AGO, limit=2) == tuple(records[1:3])
        assert await store.changes(since=HOUR_AGO, until=records[1].at) == tuple(records[:2])
        assert await store.changes("a", since=HOUR_AGO) == (records[0], records[2])


SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


async def test_a_read_that_is_cancelled_returns_promptly_and_others_go_on(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        await store.write([check()])

        async def endless() -> None:
            await store._read(lambda connection: connection.execute(SLOW).fetchall())

        async with trio.open_nursery() as nursery:
            for _ in range(5):  # two run, three wait for their turn
                nursery.start_soon(endless)
            await wait_until(lambda: store.readers.borrowed_tokens == 2)
            await store.write([check()])  # the writer has a thread of its own
            began = time.perf_counter()
            nursery.cancel_scope.cancel()
        assert time.perf_counter() - began < 10.0  # the query itself would never end
        assert store.readers.borrowed_tokens == 0
        assert len((await store.history(since=HOUR_AGO)).providers["a"]) == 2


async def test_a_read_is_cut_off_by_a_deadline(path: str) -> None:
    async with open_store(path, clock=CLOCK) as store:
        with trio.move_on_after(0.05) as scope:
            await store._read(lambda connection: connection.execute(SLOW).fetchall())
        assert scope.cancelled_caught


async def test_history_without_a_database_is_unavailable(tmp_path: Path) -> None:
    async with open_store(str(tmp_path / "missing" / "status.db"), clock=CLOCK) as store:
        with pytest.raises(StoreUnavailable):
            await store.history(since=HOUR_AGO)
        with pytest.raises(StoreUnavailable):
            await store.changes(since=HOUR_AGO)
