"""Ids, skipped checks and the hours of a day are loaded again, and go when they are old."""

from datetime import timedelta
from pathlib import Path

from tests.helpers.store_records import CLOCK, NOW, ask, counted
from tracker.core.traffic import HourCount, SkippedCheck, StoredTraffic, TrafficBatch
from tracker.store import open_store

HOUR = int(NOW.timestamp() // 3600)


def skipped(days: float = 0.0, model: str | None = None) -> SkippedCheck:
    at = NOW - timedelta(days=days)
    return SkippedCheck(at=at, provider="groq", model=model, completions=1)


async def load(path: Path, *batches: TrafficBatch) -> StoredTraffic:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write(batches)
        return (await store.load(NOW - timedelta(days=7))).traffic


async def test_the_last_day_is_loaded(tmp_path: Path) -> None:
    new = TrafficBatch(
        at=NOW,
        counts=(counted(2), counted(1, outcome="server"), counted(4, outcome="cancelled")),
        marks=b"12345678",
        skipped=(skipped(0.5, "m"), skipped(2.0)),
    )
    old = TrafficBatch(
        at=NOW - timedelta(hours=30),
        counts=(counted(9, minute=NOW - timedelta(hours=30)),),
        marks=b"87654321",
    )
    found = await load(tmp_path / "t.db", old, new)
    assert found.marks == ((HOUR, b"12345678"),)
    assert found.skipped == (skipped(0.5, "m"),)
    minute_hour = int((NOW - timedelta(minutes=5)).timestamp() // 3600)
    assert found.hours == (HourCount("groq", "m", minute_hour, 7, 1),)


async def test_ids_go_after_a_day_and_skipped_checks_with_the_results(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    yesterday = TrafficBatch(at=NOW - timedelta(hours=26), counts=(), marks=b"87654321")
    today = TrafficBatch(at=NOW, counts=(), marks=b"12345678", skipped=(skipped(1.0), skipped(8.0)))
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([yesterday, today])
        await store.prune(NOW - timedelta(days=7))
    assert ask(path, "SELECT marks FROM report_ids") == [(b"12345678",)]
    assert ask(path, "SELECT count(*) FROM skipped_checks") == [(1,)]
