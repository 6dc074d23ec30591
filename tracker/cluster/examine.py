"""Tries a hub out, as ``doctor`` does: reach, TLS, schema, rights, notifications and clock."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Literal

import attrs
import psycopg

from tracker.cluster.hub import HubAway
from tracker.cluster.link import Connection, check_schema, connect, explain
from tracker.cluster.places import MIN_ANSWERS, RoundTrips, describe_distance
from tracker.core.redaction import Secret

NEEDED = {
    "checks": "INSERT",
    "states": "UPDATE",
    "members": "UPDATE",
    "leases": "UPDATE",
    "incidents": "UPDATE",
}
FUNCTIONS = (
    "remove_member(uuid, bigint)",
    "keep_partitions(integer)",
    "make_partitions(date[])",
)
HEAR_SECONDS = 3.0
SKEW_SECONDS = 2.0
STATEMENTS_OF_A_BEAT = 2  # what a tracker measures
ROLE = "use a role that is a member of provider_status_tracker and of no other role"


@attrs.frozen
class Finding:
    """level: ok, note or problem; hint: what to do."""

    level: Literal["ok", "note", "problem"]
    found: str
    hint: str = ""


def examine(url: Secret, schema: int, vantage: str, origin: str = "") -> Iterator[Finding]:
    """Yield what is found, in this order; stops where nothing more can be asked.

    origin: the name of this machine's database file in the cluster, where it has one.
    """
    try:
        with closing(connect(url)) as connection:
            yield from _examine(connection, schema, vantage, origin)
    except HubAway as error:
        yield Finding("problem", f"the hub cannot be used: {error.reason}", "correct the URL")
    except psycopg.Error as error:
        reason = explain(error, url)
        hint = "until it works, trackers work alone"
        yield Finding("problem", f"the hub cannot be used: {reason}", hint)


def _examine(connection: Connection, schema: int, vantage: str, origin: str) -> Iterator[Finding]:
    version = connection.info.server_version // 10_000
    encrypted = "over TLS" if connection.pgconn.ssl_in_use else "without TLS"
    yield Finding("ok", f"PostgreSQL {version} answers {encrypted}")
    try:
        check_schema(connection, schema)
    except HubAway as error:
        yield Finding("problem", error.reason)
        return
    yield Finding("ok", f"the hub's schema fits version {schema}")
    yield from _rights(connection)
    yield from _kept_to(connection, vantage)
    yield _notifications(connection)
    yield _clock(connection)
    yield from _places(connection, vantage)
    yield from _file(connection, vantage, origin)


def _rights(connection: Connection) -> Iterator[Finding]:
    lacking = [
        f"{right} on {table}"
        for table, right in NEEDED.items()
        if not _has(connection, "table", f"provider_status.{table}", right)
    ]
    lacking += [
        f"EXECUTE on {function}"
        for function in FUNCTIONS
        if not _has(connection, "function", f"provider_status.{function}", "EXECUTE")
    ]
    if lacking:
        yield Finding("problem", f"the role lacks privileges: {', '.join(lacking)}", ROLE)
    elif _has(connection, "table", "provider_status.checks", "DELETE"):
        yield Finding("problem", "the role may delete data of other trackers", ROLE)
    else:
        yield Finding("ok", "the role has exactly the privileges a tracker needs")


def _kept_to(connection: Connection, vantage: str) -> Iterator[Finding]:
    """Check whose rows the role may see and write; nothing where none are kept apart."""
    row = connection.execute(
        "SELECT row_security_active('provider_status.checks'), provider_status.own_vantage_name()"
    ).fetchone()
    apart, place = (False, None) if row is None else row
    if apart and place == vantage:
        yield Finding("ok", f"the role is kept to vantage {vantage}")
    elif apart:
        where = f"to vantage {place}" if place else "to no vantage"
        hint = f"as the owner: SELECT provider_status.keep_role_to('ROLE', '{vantage}')"
        yield Finding("problem", f"the role is kept {where}, not to {vantage}", hint)


def _places(connection: Connection, vantage: str) -> Iterator[Finding]:
    """Check whether this machine and the running trackers of this vantage seem to be in one place.

    A tracker that left the others for that reason is no member any more.
    """
    trips = RoundTrips()
    for _ in range(MIN_ANSWERS):
        began = time.monotonic()
        for _ in range(STATEMENTS_OF_A_BEAT):
            connection.execute("SELECT 1")
        trips.add((time.monotonic() - began) * 1000.0)
    rows = connection.execute(
        "SELECT m.round_trip_ms FROM provider_status.members m "
        "JOIN provider_status.vantages v ON v.id = m.vantage WHERE v.name = %s",
        (vantage,),
    )
    known = [fastest for (fastest,) in rows]
    if found := describe_distance(vantage, [*known, trips.fastest]):
        hint = "set another [cluster] vantage in one of the places"
        yield Finding("problem", found, hint)


def _file(connection: Connection, vantage: str, origin: str) -> Iterator[Finding]:
    """Check whether the hub knows this database file by another vantage."""
    row = connection.execute(
        "SELECT v.name FROM provider_status.origins o "
        "JOIN provider_status.vantages v ON v.id = o.vantage WHERE o.uuid::text = %s",
        (origin,),
    ).fetchone()
    if row is not None and row[0] != vantage:
        found = f"this database file belongs to vantage {row[0]}, not to {vantage} as configured"
        hint = "the tracker goes on as a new member; its checks so far stay with the old name"
        yield Finding("note", found, hint)


def _has(connection: Connection, kind: str, name: str, right: str) -> bool:
    row = connection.execute(f"SELECT has_{kind}_privilege(%s, %s)", (name, right)).fetchone()
    return row is not None and bool(row[0])


def _notifications(connection: Connection) -> Finding:
    """Check notifications: a pooler in transaction mode does not deliver them."""
    channel = "provider_status_doctor"
    connection.execute(f"LISTEN {channel}")
    connection.execute("SELECT pg_notify(%s, 'doctor')", (channel,))
    heard = any(True for _ in connection.notifies(timeout=HEAR_SECONDS, stop_after=1))
    if heard:
        return Finding("ok", "notifications arrive")
    hint = "changes arrive by polling, within seconds; connect without a pooler in transaction mode"
    return Finding("problem", "notifications do not arrive", hint)


def _clock(connection: Connection) -> Finding:
    began = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    ours = (began + time.time()) / 2.0
    skew = 0.0 if row is None else row[0] - ours
    if abs(skew) <= SKEW_SECONDS:
        return Finding("ok", f"the hub's clock equals ours within {abs(skew):.2f} s")
    where = "behind" if skew > 0 else "ahead of"
    hint = "correct the wrong one: history is misplaced by as much"
    return Finding("problem", f"our clock is {abs(skew):.0f} s {where} the hub's", hint)
