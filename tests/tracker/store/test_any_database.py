"""Any content of the file: the database is unavailable with the reason, or the row is left out."""

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.helpers.store_records import CLOCK, NOW, check
from tracker.store import StoreUnavailable, open_store

AT = round(NOW.timestamp() * 1000)
COLUMNS = (
    "id, provider_name, checked_at_ms, status, outcome, response_time_ms, interval_seconds, "
    "error_message, consecutive_failures, rate_limit_percent, completions"
)
GOOD = "99, 'a', {at}, 'healthy', 'ok', 5.0, 300.0, '', 0, 0.0, 0"
ROWS = {
    "no such outcome": GOOD.replace("'ok'", "'splendid'"),
    "a latency beyond every day": GOOD.replace("5.0", "1e300"),
    "fewer than no completion": GOOD.replace("0.0, 0", "0.0, -5"),
}


async def a_database(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(message="good")])


def change(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_an_impossible_row_is_left_out_and_counted(tmp_path: Path, row: str) -> None:
    path = tmp_path / "status.db"
    await a_database(path)
    change(path, f"INSERT INTO checks ({COLUMNS}) VALUES ({row.format(at=AT)})")
    async with open_store(str(path), clock=CLOCK) as store:
        found = await store.load(NOW - timedelta(hours=1))
        assert sum(map(len, found.histories.values())) == 1
        assert store.left_out == 1
        history = await store.history(since=NOW - timedelta(hours=1), raw=True)
        latencies = [p.response_time_ms for points in history.providers.values() for p in points]
        assert all(ms is None or ms < 1e9 for ms in latencies)


MESSAGES = {"a blob": "x'00ff'", "a number": "7"}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
async def test_a_message_that_is_no_text_is_read_as_none(tmp_path: Path, message: str) -> None:
    """Only a table that is not STRICT can hold one: one that somebody made again."""
    path = tmp_path / "status.db"
    await a_database(path)
    change(
        path,
        "PRAGMA writable_schema = ON; "
        "UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'checks'",
    )
    row = GOOD.replace("''", message).format(at=AT)
    change(path, f"INSERT INTO checks ({COLUMNS}) VALUES ({row})")
    async with open_store(str(path), clock=CLOCK) as store:
        await store.load(NOW - timedelta(hours=1))
        history = await store.history(since=NOW - timedelta(hours=1), raw=True)
        messages = [p.error_message for points in history.providers.values() for p in points]
        assert len(messages) == 2
        assert all(isinstance(each, str) for each in messages)


async def test_no_number_is_left_for_a_check(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    await a_database(path)
    row = GOOD.replace("99", str(2**63 - 1), 1).format(at=AT)
    change(path, f"INSERT INTO checks ({COLUMNS}) VALUES ({row})")
    async with open_store(str(path), clock=CLOCK) as store:
        with pytest.raises(StoreUnavailable, match="too large for a database"):
            await store.write([check(message="new")])
        found = await store.load(NOW - timedelta(hours=1))
        assert sum(map(len, found.histories.values())) == 2


CHANGES = {
    "a column of somebody's": "ALTER TABLE checks ADD COLUMN note TEXT",
    "a trigger that refuses": "CREATE TRIGGER no BEFORE INSERT ON checks BEGIN "
    "SELECT raise(ABORT, 'not today'); END",
    "a table that is gone": "DROP TABLE changes",
    "a view in the place of a table": "DROP TABLE overrides; "
    "CREATE VIEW overrides AS SELECT 1 AS a",
    "a column that is gone": "ALTER TABLE provider_states DROP COLUMN state",
}


@pytest.mark.parametrize("script", CHANGES.values(), ids=CHANGES)
async def test_a_file_changed_by_others_is_unavailable_or_readable(
    tmp_path: Path, script: str
) -> None:
    path = tmp_path / "status.db"
    await a_database(path)
    change(path, script)
    refused = []
    async with open_store(str(path), clock=CLOCK) as store:
        since = NOW - timedelta(hours=1)
        for use in (
            lambda: store.write([check(message="new")]),
            lambda: store.load(since),
            lambda: store.history(since=since),
            lambda: store.changes(since=since),
            lambda: store.prune(since),
            store.load_incidents,
        ):
            try:
                await use()
            except StoreUnavailable as error:
                refused.append(error.reason)
    assert any("not written by this program" in reason for reason in refused), refused


@pytest.mark.parametrize("seed", range(60))
async def test_flipped_bits_are_survived(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "status.db"
    await a_database(path)
    dice, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(dice.choice([1, 8, 64])):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)
    async with open_store(str(path), clock=CLOCK) as store:
        since = NOW - timedelta(hours=1)
        for use in (
            lambda: store.load(since),
            lambda: store.write([check(message="new")]),
            lambda: store.history(since=since),
            lambda: store.history(since=since, resolution=60.0),
            lambda: store.changes(since=since),
            lambda: store.prune(since),
            store.load_incidents,
        ):
            try:
                await use()
            except StoreUnavailable as error:
                assert error.reason
