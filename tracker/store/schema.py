"""The numbered migrations that bring a database up to date."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import apsw
import structlog

from tracker.store.backup import back_up, keep_backup
from tracker.store.connection import transaction, value
from tracker.store.errors import StoreUnavailable
from tracker.store.takeover import is_original, take_over

log = structlog.get_logger()

APPLICATION = 0x50535431  # "PST1", in the header of each of our databases


def _scripts() -> tuple[str, ...]:
    found = (files(__package__) / "migrations").iterdir()
    scripts = sorted((each for each in found if each.name.endswith(".sql")), key=lambda s: s.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


MIGRATIONS = _scripts()  # the first leads to PRAGMA user_version 1, and so on


def version_of(connection: apsw.Connection) -> int:
    """Return the schema's version, 0 for a file without one."""
    return int(value(connection, "PRAGMA user_version"))


def upgrade(
    connection: apsw.Connection,
    path: Path,
    now: datetime,
    migrations: Sequence[str] = MIGRATIONS,
) -> None:
    """Bring the schema up to date, all or nothing, after a backup copy beside the file."""
    version = version_of(connection)
    if version >= len(migrations):
        keep_backup(path, now)  # from an upgrade that was killed right after it finished
        return
    backup = back_up(connection, path) if tables(connection) else None
    try:
        with transaction(connection):
            _migrate(connection, migrations)
    except BaseException:
        if backup is not None:
            backup.unlink()  # nothing changed; the next attempt makes a new one
        raise
    if backup is not None:
        kept = keep_backup(path, now)
        log.info("database upgraded", before=version, after=len(migrations), backup=str(kept))


def _migrate(connection: apsw.Connection, migrations: Sequence[str]) -> None:
    version = version_of(connection)  # another process may have done it first
    taking_over = is_original(connection)
    try:
        for script in migrations[version:]:
            connection.execute(script)
    except apsw.SQLError as error:
        raise StoreUnavailable(
            f"its tables do not match schema {version} ({error}); choose another file"
        ) from error
    if taking_over:
        take_over(connection)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")


def tables(connection: apsw.Connection) -> set[str]:
    """Return the names of all tables."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {str(name) for (name,) in names}
