"""Only a database of ours is written to, and ours is known again."""

import apsw
import pytest

from tracker.store.errors import StoreUnavailable
from tracker.store.ownership import adopt_restored, check_owner
from tracker.store.schema import APPLICATION, MIGRATIONS, version_of
from tracker.store.takeover import ORIGINAL


def database(*scripts: str, version: int = 0, application: int = 0) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for script in scripts:
        connection.execute(script)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(f"PRAGMA application_id = {application}")
    return connection


@pytest.mark.parametrize(
    "connection",
    [
        database(),
        database(*MIGRATIONS, version=len(MIGRATIONS), application=APPLICATION),
        database(f"CREATE TABLE {ORIGINAL} (id)"),
    ],
    ids=["empty", "ours", "the original's"],
)
def test_an_empty_file_our_own_and_the_originals_are_accepted(connection: apsw.Connection) -> None:
    schema = list(connection.execute("SELECT sql FROM sqlite_schema"))
    check_owner(connection)  # raises nothing
    assert list(connection.execute("SELECT sql FROM sqlite_schema")) == schema


@pytest.mark.parametrize(
    "connection",
    [
        database("CREATE TABLE notes (text)"),
        database("CREATE TABLE notes (text)", version=3),
        database("CREATE TABLE notes (text)", application=APPLICATION + 1),
        database(f"CREATE TABLE {ORIGINAL} (id)", version=1),
    ],
)
def test_another_programs_database_is_refused(connection: apsw.Connection) -> None:
    with pytest.raises(StoreUnavailable, match="another program"):
        check_owner(connection)


def test_a_newer_version_of_ours_is_refused_with_both_numbers() -> None:
    newer = database(*MIGRATIONS, version=len(MIGRATIONS) + 1, application=APPLICATION)
    with pytest.raises(
        StoreUnavailable, match=f"schema {len(MIGRATIONS) + 1}.* up to {len(MIGRATIONS)}"
    ):
        check_owner(newer)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_dump_of_any_version_is_known_by_its_tables(version: int) -> None:
    dumped = database(*MIGRATIONS[:version])
    adopt_restored(dumped)
    # Some migrations change no table: the newest version with the same tables is as good.
    assert version <= version_of(dumped) <= len(MIGRATIONS)
    check_owner(dumped)


@pytest.mark.parametrize(
    "connection",
    [database(), database("CREATE TABLE notes (text)"), database(*MIGRATIONS, version=4)],
)
def test_no_other_file_is_given_a_version(connection: apsw.Connection) -> None:
    before = version_of(connection)
    adopt_restored(connection)
    assert version_of(connection) == before
