"""A backup is complete or absent, and gets its name once the upgrade is done."""

from pathlib import Path

import apsw
import pytest

from tests.helpers.store_records import NOW, ask, beside
from tracker.store.backup import UNFINISHED, back_up, keep_backup


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@pytest.fixture
def connection(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE notes (text); INSERT INTO notes VALUES ('kept')")
    return connection


def test_the_copy_has_everything_and_only_its_owner_reads_it(
    path: Path, connection: apsw.Connection
) -> None:
    copy = back_up(connection, path)
    assert ask(copy, "SELECT text FROM notes") == [("kept",)]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_copy_that_was_cut_short_is_made_again(path: Path, connection: apsw.Connection) -> None:
    half = path.with_name(path.name + UNFINISHED)
    half.write_bytes(b"SQLite format 3 and no more")
    assert ask(back_up(connection, path), "SELECT text FROM notes") == [("kept",)]


def test_a_copy_that_fails_leaves_nothing(path: Path, connection: apsw.Connection) -> None:
    connection.execute("BEGIN")  # nobody can copy within a transaction
    with pytest.raises(apsw.Error):
        back_up(connection, path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_each_copy_keeps_a_name_of_its_own(path: Path, connection: apsw.Connection) -> None:
    assert keep_backup(path, NOW) is None
    kept = []
    for _ in range(2):
        back_up(connection, path)
        kept.append(keep_backup(path, NOW))
    assert keep_backup(path, NOW) is None
    assert sorted(map(str, kept)) == sorted(map(str, beside(path, "backup")))
    assert len(set(kept)) == 2
