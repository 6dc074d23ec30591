"""Creating and upgrading the hub's tables, with the owner's URL. Trackers create nothing."""

from importlib.resources import files

import attrs
import psycopg

from tracker.cluster.hub import HubAway
from tracker.cluster.link import Connection, connect, explain
from tracker.core.redaction import Secret

ROLES = ("provider_status_tracker", "provider_status_reader")
OLDEST_SERVER = 140_000  # PostgreSQL 14
LOCK = 0x50535431  # one migration at a time


@attrs.frozen(kw_only=True)
class Migrated:
    """From which schema to which. missing_roles: roles that must be created by hand."""

    before: int
    after: int
    missing_roles: tuple[str, ...] = ()


def migrate(url: Secret, retention_days: int = 7) -> Migrated:
    """Bring the schema up to date, all or nothing. Raises HubAway."""
    try:
        with connect(url) as connection:
            connection.autocommit = True
            return _migrate(connection, retention_days)
    except psycopg.errors.InsufficientPrivilege as error:
        told = str(error).splitlines()[0]
        raise HubAway(f"the role may not create tables: use the owner's URL ({told})") from None
    except psycopg.Error as error:
        raise HubAway(explain(error, url)) from None


def scripts() -> list[str]:
    """Return the migrations in order; the first leads to schema 1."""
    found = (files(__package__) / "sql").iterdir()
    names = sorted((f for f in found if f.name[:4].isdigit()), key=lambda f: f.name)
    return [each.read_text(encoding="utf-8") for each in names]


def _migrate(connection: Connection, retention_days: int) -> Migrated:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise HubAway(f"PostgreSQL 14 or newer is needed, this is {version // 10_000}")
    steps = scripts()
    missing = [role for role in ROLES if not _make_role(connection, role)]
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        before = _version(connection)
        if before > len(steps):
            raise HubAway(
                f"the hub's schema {before} is newer than {len(steps)}, which this version knows"
            )
        for number, script in enumerate(steps[before:], before + 1):
            connection.execute(script.encode())
            connection.execute("UPDATE provider_status.meta SET schema_version = %s", (number,))
        if not missing:
            connection.execute((files(__package__) / "sql" / "roles.sql").read_bytes())
        connection.execute("SELECT provider_status.keep_partitions(%s)", (retention_days,))
    return Migrated(before=before, after=len(steps), missing_roles=tuple(missing))


def _version(connection: Connection) -> int:
    there = connection.execute("SELECT to_regclass('provider_status.meta') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return 0
    row = connection.execute("SELECT schema_version FROM provider_status.meta").fetchone()
    return 0 if row is None else int(row[0])


def _make_role(connection: Connection, role: str) -> bool:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if known is not None:
        return True
    try:
        connection.execute(f"CREATE ROLE {role} NOLOGIN")
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.errors.DuplicateObject:
        return True
    return True
