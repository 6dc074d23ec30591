"""Older databases are brought up to date, after a copy of them was made."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from tests.helpers.store_records import CLOCK, NOW, ask, beside, check, opened, stored
from tracker.core.outcomes import OutcomeKind
from tracker.store import StoreUnavailable, open_store
from tracker.store.backup import UNFINISHED, back_up
from tracker.store.schema import APPLICATION, MIGRATIONS, upgrade

ROW = """
INSERT INTO checks (
    id, provider_name, checked_at_ms, status, outcome, response_time_ms, interval_seconds,
    http_status, error_message, consecutive_failures, rate_limit_percent, completions
) VALUES (1, 'a', ?, 'healthy', 'ok', 5.0, 300.0, 200, 'kept', 0, 0.0, 0)
"""


def older(path: Path, version: int) -> None:
    """A database as the first ``version`` migrations left it, with one check."""
    with opened(path) as connection:
        for script in MIGRATIONS[:version]:
            connection.execute(script)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(ROW, (round(NOW.timestamp() * 1000),))


def schema(path: Path) -> set[tuple[object, ...]]:
    return set(ask(path, "SELECT type, name, sql FROM sqlite_schema"))


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_an_older_database_is_migrated_after_a_backup(tmp_path: Path, version: int) -> None:
    path, fresh = tmp_path / "status.db", tmp_path / "fresh.db"
    older(path, version)
    before = schema(path)
    async with open_store(str(path), clock=CLOCK) as store:
        assert store.state.ok
        await store.write([check(message="new")])
        assert len((await store.load(NOW - timedelta(hours=1))).histories["a", None]) == 2
    async with open_store(str(fresh), clock=CLOCK):
        pass
    assert stored(path) == ["kept", "new"]
    assert schema(path) == schema(fresh)
    assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    (backup,) = beside(path, "backup")
    assert backup.name == "status.db.backup-20261123T120000Z"
    assert backup.stat().st_mode & 0o777 == 0o600
    assert stored(backup) == ["kept"]
    assert schema(backup) == before
    assert ask(backup, "PRAGMA user_version") == [(version,)]


async def test_an_up_to_date_or_new_database_is_not_backed_up(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    for _ in range(2):
        async with open_store(str(path), clock=CLOCK):
            pass
    assert [each.name for each in tmp_path.iterdir()] == ["status.db"]


async def test_an_upgrade_that_is_killed_again_and_again_leaves_one_copy(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    older(path, 1)
    for _ in range(3):
        with opened(path) as connection:
            back_up(connection, path)  # and nothing more: it was killed
        assert len(beside(path, "backup")) == 1
    async with open_store(str(path), clock=CLOCK) as store:
        assert store.state.ok
    (backup,) = beside(path, "backup")
    assert stored(backup) == ["kept"]
    assert backup.name == "status.db.backup-20261123T120000Z"


async def test_a_copy_of_an_upgrade_that_was_killed_at_its_end_gets_its_name(
    tmp_path: Path,
) -> None:
    path = tmp_path / "status.db"
    async with open_store(str(path), clock=CLOCK):
        pass
    (tmp_path / f"status.db{UNFINISHED}").touch()
    async with open_store(str(path), clock=CLOCK):
        pass
    assert [each.name for each in beside(path, "backup")] == ["status.db.backup-20261123T120000Z"]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_a_file_restored_from_a_dump_is_ours(tmp_path: Path, version: int) -> None:
    path, restored = tmp_path / "dumped.db", tmp_path / "status.db"
    older(path, version)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(restored)) as target:
        target.executescript("\n".join(source.iterdump()))
    async with open_store(str(restored), clock=CLOCK) as store:
        assert store.state.ok, store.state
    assert stored(restored) == ["kept"]
    assert ask(restored, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_migration_that_fails_changes_nothing_and_leaves_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    older(path, len(MIGRATIONS))
    before = schema(path)
    broken = (*MIGRATIONS, "CREATE TABLE half (done); CREATE TABLE checks (again)")
    with opened(path) as connection:
        with pytest.raises(StoreUnavailable, match="table checks already exists"):
            upgrade(connection, path, NOW, broken)
        assert not connection.in_transaction
    assert schema(path) == before
    assert beside(path, "backup") == []


def test_a_lock_while_migrating_leaves_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    older(path, 1)
    with opened(path) as connection, opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            upgrade(connection, path, NOW)
    assert beside(path, "backup") == []
    assert ask(path, "PRAGMA user_version") == [(1,)]


async def test_a_lowered_version_number_is_reported_and_history_stays_in_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "status.db"
    older(path, len(MIGRATIONS))
    with opened(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    async with open_store(str(path), clock=CLOCK) as store:
        assert "its tables do not match schema 1" in store.state.reason
    assert stored(path) == ["kept"]


def test_views_count_outcomes_as_the_tracker_does(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    older(path, len(MIGRATIONS))
    counted = {}
    with opened(path) as connection:
        connection.execute("INSERT INTO provider_states VALUES ('a', 1, NULL, NULL)")
        for kind in OutcomeKind:
            connection.execute("UPDATE checks SET outcome = ?", (kind.value,))
            connection.execute("UPDATE checks SET checked_at_ms = unixepoch() * 1000")
            ((counted[kind],),) = connection.execute("SELECT uptime_percent FROM current_status")
    assert counted == {
        kind: 100.0 if kind.is_success else 0.0 if kind.is_failure else None for kind in OutcomeKind
    }


def test_readable_checks_show_rfc_3339_times(tmp_path: Path) -> None:
    path = tmp_path / "status.db"
    older(path, len(MIGRATIONS))
    assert ask(path, "SELECT checked_at FROM readable_checks") == [("2026-11-23T12:00:00.000Z",)]
