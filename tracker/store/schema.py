"""Recognising our databases, and the numbered migrations that upgrade an older one."""

import os
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import apsw
import structlog

from tracker.store.connection import transaction, value
from tracker.store.errors import StoreUnavailable
from tracker.store.files import PRIVATE, unique_sibling
from tracker.store.takeover import ORIGINAL, is_original, take_over

log = structlog.get_logger()

Layout = dict[str, frozenset[str]]
UNFINISHED = ".backup-unfinished"
APPLICATION = 0x50535431  # "PST1", in the header of each of our databases


def _scripts() -> tuple[str, ...]:
    found = (files(__package__) / "migrations").iterdir()
    scripts = sorted((each for each in found if each.name.endswith(".sql")), key=lambda s: s.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


MIGRATIONS = _scripts()  # the first results in PRAGMA user_version 1, and so on


def version_of(connection: apsw.Connection) -> int:
    """Return the schema's version, 0 for a file without one."""
    return int(value(connection, "PRAGMA user_version"))


@cache
def _layouts() -> tuple[Layout, ...]:
    """Return each version's views, and tables with their columns, the first version's first."""
    connection = apsw.Connection(":memory:")
    layouts = []
    for script in MIGRATIONS:
        connection.execute(script)
        layouts.append(_layout(connection))
    connection.close()
    return tuple(layouts)


def _layout(connection: apsw.Connection) -> Layout:
    columns = """
        SELECT tables.name, columns.name
        FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'"""
    views = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")
    found: dict[str, frozenset[str]] = {str(name): frozenset() for (name,) in views}
    for table, column in connection.execute(columns):
        found[table] = found.get(table, frozenset()) | {column}
    found.pop(ORIGINAL, None)  # a table that was taken over stays next to ours
    return found


def adopt_restored(connection: apsw.Connection) -> None:
    """Know a database of ours again that went through ``sqlite3 .dump``, which keeps no number."""
    if version_of(connection) or value(connection, "PRAGMA application_id"):
        return
    layout = _layout(connection)
    if not layout or layout not in _layouts():
        return
    version = len(MIGRATIONS) - _layouts()[::-1].index(layout)
    with transaction(connection):
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    log.info("database recognised, restored from a dump", version=version)


def check_owner(connection: apsw.Connection, known: int = len(MIGRATIONS)) -> None:
    """Raise StoreUnavailable for a database from the future or of another program."""
    version = version_of(connection)
    if version > known:
        raise StoreUnavailable(
            f"a newer version of this program wrote it (schema {version}, this one knows {known}); "
            "it is left untouched: upgrade this program, or choose another file"
        )
    ours = value(connection, "PRAGMA application_id") == APPLICATION
    tables = _tables(connection)
    if tables and not ours and (version or ORIGINAL not in tables):
        raise StoreUnavailable("it belongs to another program; choose another file")


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
    backup = back_up(connection, path) if _tables(connection) else None
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


def back_up(connection: apsw.Connection, path: Path) -> Path:
    """Back up into one compact file. Raises AWAY, and then leaves no half copy.

    It gets its name once the upgrade is done: one that is killed half way leaves a single copy,
    however often it begins again.
    """
    target = path.with_name(path.name + UNFINISHED)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except BaseException:
        target.unlink()
        raise
    return target


def keep_backup(path: Path, now: datetime) -> Path | None:
    """Give the copy its name, ``FILENAME.backup-TIMESTAMP``; None where there is none."""
    unfinished = path.with_name(path.name + UNFINISHED)
    if not unfinished.exists():
        return None
    kept = unique_sibling(path, "backup", now)
    unfinished.rename(kept)
    return kept


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


def _tables(connection: apsw.Connection) -> set[str]:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {str(name) for (name,) in names}
