"""Checks and states in PostgreSQL, shipped in one transaction a parcel."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import attrs
import psycopg

from tracker.cluster.hub import HubAway
from tracker.cluster.link import Connection
from tracker.cluster.parcels import Parcel, Shipment, StateRow
from tracker.core.records import CheckRow

COLUMNS = (
    "provider, at, seq, model, status, outcome, response_time_ms, ttft_ms, interval_seconds, "
    "http_status, error_message, consecutive_failures, rate_limit_percent, completions"
)
# The short way: half the work of the way through a table of its own. It knows no ON CONFLICT, and
# PostgreSQL refuses it where rows are kept apart by vantage (row level security).
COPY = f"COPY checks (vantage, origin, {COLUMNS}) FROM STDIN (FORMAT BINARY)"
# Named columns, and a table of its own: one made LIKE checks would copy NOT NULL without defaults,
# and a column that a later version adds would stop this one.
INCOMING = """
CREATE TEMP TABLE incoming (
    provider int, at timestamptz, seq bigint, model text, status text, outcome text,
    response_time_ms float8, ttft_ms float8, interval_seconds float8, http_status int,
    error_message text, consecutive_failures int, rate_limit_percent float8, completions int
) ON COMMIT DROP
"""
TYPES = (
    *("int4", "timestamptz", "int8", "text", "text", "text"),
    *("float8", "float8", "float8", "int4", "text", "int4", "float8", "int4"),
)
STORE = (
    f"INSERT INTO checks (vantage, origin, {COLUMNS}) "  # noqa: S608 (constants)
    f"SELECT %s, %s, {COLUMNS} FROM incoming ON CONFLICT DO NOTHING"
)
PLACE = """
SELECT id, vantage, head, row_security_active('provider_status.checks') FROM origins
WHERE uuid = %s FOR UPDATE
"""
# The latest sight is right, whichever of its vantage's trackers had it.
STATES = """
INSERT INTO states (vantage, provider, model, origin, seq, observed_at, due_at, fresh_until,
    status, reason, state, models)
SELECT %(vantage)s, provider, model, %(origin)s, seq,
    clock_timestamp() - make_interval(secs => age),
    clock_timestamp() + make_interval(secs => due_in),
    clock_timestamp() + make_interval(secs => fresh_for), status, reason, state, models
FROM unnest(%(providers)s::int[], %(model)s::text[], %(seq)s::bigint[], %(age)s::float8[],
    %(due_in)s::float8[], %(fresh_for)s::float8[], %(status)s::text[], %(reason)s::text[],
    %(state)s::text[], %(models)s::text[])
    AS t (provider, model, seq, age, due_in, fresh_for, status, reason, state, models)
ON CONFLICT (vantage, provider, model) DO UPDATE SET origin = excluded.origin, seq = excluded.seq,
    observed_at = excluded.observed_at, due_at = excluded.due_at,
    fresh_until = excluded.fresh_until, status = excluded.status, reason = excluded.reason,
    state = excluded.state, models = coalesce(excluded.models, states.models)
WHERE excluded.observed_at > states.observed_at OR excluded.origin = states.origin
"""
# The days that have a partition, as text: checks_20261127.
DAYS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'provider_status.checks'::regclass
"""


class _DaysMissingError(Exception):
    """Some rows are of days that have no partition."""

    def __init__(self, days: Sequence[date]) -> None:
        super().__init__()
        self.days = days


def ship(connection: Connection, parcel: Parcel, ids: dict[str, int]) -> Shipment:
    """Store a parcel that begins where the hub stands. ids: of the providers looked up before."""
    try:
        return _ship(connection, parcel, ids, last_try=False)
    except _DaysMissingError as missing:
        # In a transaction of its own: it locks the table for everybody, for a moment.
        connection.execute("SELECT make_partitions(%s)", (missing.days,))
    return _ship(connection, parcel, ids, last_try=True)


def _ship(
    connection: Connection, parcel: Parcel, ids: dict[str, int], *, last_try: bool
) -> Shipment:
    """Ship; on the last try rows of days without a partition are left out."""
    names = {*(row.provider for row in parcel.rows), *(s.provider for s in parcel.states)}
    learn_providers(connection, names, ids)
    with connection.transaction():
        row = connection.execute(PLACE, (parcel.origin,)).fetchone()
        if row is None:
            raise HubAway("the hub no longer knows this tracker; it joins again")
        origin, vantage, head, apart = row
        if head != parcel.head:
            return Shipment(head=head, accepted=False)
        # A server that crashes forgets checks together with the head, and is filled again.
        connection.execute("SET LOCAL synchronous_commit = off")
        store = _Rows(connection, ids, vantage, origin, last_try)
        skipped = store.insert(parcel.rows) if apart else store.copy(parcel.rows)
        _store_states(connection, parcel.states, ids, vantage, origin)
        connection.execute("UPDATE origins SET head = %s WHERE id = %s", (parcel.last, origin))
        connection.execute("SELECT pg_notify('provider_status', %s)", (parcel.origin,))
    return Shipment(head=parcel.last, accepted=True, skipped=skipped)


def learn_providers(connection: Connection, names: Iterable[str], ids: dict[str, int]) -> None:
    """Look up the numbers of providers, and give numbers to new ones."""
    unknown = sorted({clean(name) for name in names} - ids.keys())
    if not unknown:
        return
    connection.execute(
        "INSERT INTO providers (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (unknown,)
    )
    found = connection.execute("SELECT name, id FROM providers WHERE name = ANY(%s)", (unknown,))
    ids.update(found.fetchall())


@attrs.frozen
class _Rows:
    """Stores checks of one origin; the functions return how many were left out.

    All refused is no row's fault: it raises.
    """

    connection: Connection
    ids: Mapping[str, int]
    vantage: int
    origin: int
    last_try: bool

    def copy(self, rows: Sequence[CheckRow]) -> int:
        """Store them by the short way, or by the other where one of them is refused."""
        if not rows:
            return 0
        # By provider, as the primary key: its pages are then written one after the other. One
        # number to sort by: comparing times too held up the event loop for 5 ms.
        ordered = sorted(rows, key=lambda row: self.ids[clean(row.provider)])
        try:
            with (
                self.connection.transaction(),  # a savepoint
                self.connection.cursor() as cursor,
                cursor.copy(COPY) as copy,
            ):
                copy.set_types(("int2", "int4", *TYPES))
                for row in ordered:
                    copy.write_row((self.vantage, self.origin, *_columns(row, self.ids)))
        except (psycopg.DataError, psycopg.IntegrityError):
            return self.insert(rows)
        return 0

    def insert(self, rows: Sequence[CheckRow]) -> int:
        """Store them through a table of their own, but for those that are there already."""
        if not rows:
            return 0
        self.connection.execute(INCOMING)
        try:
            self._insert(rows)
        except (psycopg.DataError, psycopg.IntegrityError):
            days = _days(self.connection)
            kept = [row for row in rows if _day(row) in days]
            if len(kept) < len(rows) and not self.last_try:
                raise _DaysMissingError(sorted({_day(row) for row in rows} - days)) from None
            skipped = len(rows) - len(kept) + self._insert_halves(kept)
            if skipped == len(rows) and len(rows) > 1 and kept:
                raise
            return skipped
        return 0

    def _insert_halves(self, rows: Sequence[CheckRow]) -> int:
        if not rows:
            return 0
        self.connection.execute("TRUNCATE incoming")
        try:
            self._insert(rows)
        except (psycopg.DataError, psycopg.IntegrityError):
            if len(rows) == 1:
                return 1
            half = len(rows) // 2
            return self._insert_halves(rows[:half]) + self._insert_halves(rows[half:])
        return 0

    def _insert(self, rows: Sequence[CheckRow]) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:  # a savepoint
            with cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(TYPES)
                for row in rows:
                    copy.write_row(_columns(row, self.ids))
            cursor.execute(STORE, (self.vantage, self.origin))


def _columns(row: CheckRow, ids: Mapping[str, int]) -> tuple[Any, ...]:
    return (
        ids[clean(row.provider)],
        row.at,
        row.seq,
        None if row.model is None else clean(row.model),
        row.status,
        row.outcome,
        row.response_time_ms,
        row.ttft_ms,
        row.interval_seconds,
        row.http_status,
        clean(row.error_message),
        row.consecutive_failures,
        row.rate_limit_percent,
        row.completions,
    )


def clean(text: str) -> str:
    """Remove NUL, which PostgreSQL keeps in no text."""
    return text.replace("\0", "\ufffd")


def _days(connection: Connection) -> set[date]:
    """Return the days that have a partition."""
    names = [str(name) for (name,) in connection.execute(DAYS)]
    return {datetime.strptime(name, "checks_%Y%m%d").replace(tzinfo=UTC).date() for name in names}


def _day(row: CheckRow) -> date:
    return row.at.astimezone(UTC).date()


def _store_states(
    connection: Connection,
    states: Sequence[StateRow],
    ids: Mapping[str, int],
    vantage: int,
    origin: int,
) -> None:
    if not states:
        return
    values: dict[str, Any] = {
        name: [getattr(state, name) for state in states]
        for name in ("seq", "age", "due_in", "fresh_for", "status")
    }
    values |= {
        "vantage": vantage,
        "origin": origin,
        "providers": [ids[clean(state.provider)] for state in states],
        "model": [clean(state.model or "") for state in states],
        "reason": [clean(state.reason) for state in states],
        "state": [clean(state.state) for state in states],
        "models": [None if s.models is None else clean(json.dumps(s.models)) for s in states],
    }
    connection.execute(STATES, values)
