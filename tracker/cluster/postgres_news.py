"""What other trackers shipped to PostgreSQL, read by a cursor for each of them."""

import json
from collections.abc import Mapping
from typing import Any

from tracker.cluster.link import Connection
from tracker.cluster.parcels import News, SiblingChecks, StateRow
from tracker.cluster.postgres_checks import COLUMNS
from tracker.core.records import CheckRow

NEW_CHECKS = f"""
SELECT p.name, c.at, {COLUMNS.split("at, ", 1)[1]}
FROM checks c JOIN providers p ON p.id = c.provider
WHERE c.origin = %s AND c.seq > %s AND c.seq <= %s ORDER BY c.seq LIMIT %s
"""  # noqa: S608 (constants)
NEW_STATES = """
SELECT p.name, nullif(s.model, ''), s.seq,
    extract(epoch FROM clock_timestamp() - s.observed_at)::float8,
    extract(epoch FROM s.due_at - clock_timestamp())::float8,
    extract(epoch FROM s.fresh_until - clock_timestamp())::float8,
    s.status, s.reason, s.state, s.models, v.name
FROM states s JOIN providers p ON p.id = s.provider JOIN vantages v ON v.id = s.vantage
WHERE s.origin = %s AND s.seq > %s AND s.seq <= %s
"""
ORIGINS = (
    "SELECT o.id, o.uuid::text, o.head, v.name FROM origins o JOIN vantages v ON v.id = o.vantage"
)


def news(
    connection: Connection, vantage: str, origin: str, cursors: Mapping[str, int], most: int
) -> News:
    """Read what others shipped. An origin has one writer, so its numbers skip nothing."""
    checks, states, after = [], [], dict(cursors)
    left, more = most, False
    with connection.transaction():
        for number, uuid, head, where in connection.execute(ORIGINS).fetchall():
            before = cursors.get(uuid, 0)
            if uuid == origin or head <= before:
                continue
            last = head
            if where == vantage:
                rows = [] if left <= 0 else _new_checks(connection, number, before, head, left)
                if len(rows) >= left:  # the rest comes with the next call
                    last, more = (rows[-1].seq if rows else before), True
                left -= len(rows)
                checks.append(SiblingChecks(origin=uuid, last=last, rows=rows))
            found = connection.execute(NEW_STATES, (number, before, last)).fetchall()
            states += [_to_state(row) for row in found]
            after[uuid] = last
    return News(checks=checks, states=states, cursors=after, more=more)


def _new_checks(
    connection: Connection, number: int, after: int, until: int, most: int
) -> list[CheckRow]:
    found = connection.execute(NEW_CHECKS, (number, after, until, most)).fetchall()
    names = [name.strip() for name in COLUMNS.split(",")]
    return [CheckRow(**dict(zip(names, row, strict=True))) for row in found]


def _to_state(row: tuple[Any, ...]) -> StateRow:
    provider, model, seq, age, due_in, fresh_for, status, reason, state, models, vantage = row
    return StateRow(
        provider=provider,
        model=model,
        seq=seq,
        age=age,
        due_in=due_in,
        fresh_for=fresh_for,
        status=status,
        reason=reason,
        state=state,
        models=None if models is None else tuple(json.loads(models)),
        vantage=vantage,
    )
