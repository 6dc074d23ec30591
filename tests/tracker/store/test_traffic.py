"""Counts of calls are added up by the minute, read in buckets, and removed when old."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.store_records import CLOCK, NOW, ask, counted
from tracker.core.traffic import TrafficBatch, TrafficRecord
from tracker.store import open_store
from tracker.store.traffic import TrafficBucket


async def read(
    path: Path, records: Iterable[TrafficRecord], resolution: int = 60
) -> tuple[TrafficBucket, ...]:
    async with open_store(str(path), clock=CLOCK) as store:
        for record in records:
            await store.write([TrafficBatch(at=NOW, counts=(record,))])
        since = NOW - timedelta(hours=1)
        return (await store.traffic(["groq"], since=since, resolution=resolution))["groq"]


async def test_a_minute_has_one_row_however_often_it_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    (bucket,) = await read(path, [counted(2), counted(3, latency_ms=300.0)])
    assert ask(path, "SELECT calls, latency_samples FROM traffic") == [(5, 5)]
    assert (bucket.calls, bucket.counted, bucket.failures) == (5, 5, 0)
    assert bucket.latency_p50_ms == pytest.approx(300.0, rel=0.02)


async def test_failures_count_and_neutral_calls_do_not(tmp_path: Path) -> None:
    records = [counted(6), counted(2, outcome="server"), counted(4, outcome="cancelled")]
    (bucket,) = await read(tmp_path / "t.db", records)
    assert (bucket.calls, bucket.counted, bucket.failures) == (12, 8, 2)
    assert bucket.failure_percent == 25.0
    assert bucket.latency.samples == 6  # of good calls only


async def test_buckets_hold_whole_minutes(tmp_path: Path) -> None:
    records = [counted(minute=NOW - timedelta(minutes=n)) for n in (1, 2, 11)]
    buckets = await read(tmp_path / "t.db", records, resolution=600)
    assert [bucket.calls for bucket in buckets] == [1, 2]


async def test_what_is_older_than_the_retention_goes(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    async with open_store(str(path), clock=CLOCK) as store:
        old = counted(minute=NOW - timedelta(days=8))
        await store.write([TrafficBatch(at=NOW, counts=(counted(), old))])
        assert await store.prune(NOW - timedelta(days=7)) == 1
    assert ask(path, "SELECT count(*) FROM traffic") == [(1,)]


async def test_a_sketch_damaged_by_hand_leaves_the_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    await read(path, [counted(2)])
    ask(path, "UPDATE traffic SET latency_sketch = x'ff'")
    (bucket,) = await read(path, [counted(1)])
    assert (bucket.calls, bucket.latency.samples) == (3, 1)


@given(st.floats(0.0, 1e6), st.integers(0, 1000), st.integers(0, 1000))
def test_a_share_is_a_percentage_or_unknown(output_ms: float, failures: int, good: int) -> None:
    bucket = TrafficBucket(at=NOW, counted=failures + good, failures=failures, output_ms=output_ms)
    percent = bucket.failure_percent
    assert percent is None if failures + good == 0 else 0.0 <= (percent or 0.0) <= 100.0
