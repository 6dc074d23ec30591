"""Recognising a database: ours, another program's, or from a newer version of ours."""

from functools import cache

import apsw
import structlog

from tracker.store.connection import transaction, value
from tracker.store.errors import StoreUnavailable
from tracker.store.schema import APPLICATION, MIGRATIONS, tables, version_of
from tracker.store.takeover import ORIGINAL

log = structlog.get_logger()

Layout = dict[str, frozenset[str]]


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
    """Recognise our database after ``sqlite3 .dump``, which drops the application id."""
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
            f"a newer version of this program wrote it (schema {version}; this one knows up to"
            f" {known}); "
            "it is left untouched: upgrade this program, or choose another file"
        )
    ours = value(connection, "PRAGMA application_id") == APPLICATION
    present = tables(connection)
    if present and not ours and (version or ORIGINAL not in present):
        raise StoreUnavailable("it belongs to another program; choose another file")
