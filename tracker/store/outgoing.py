"""Our own checks on their way to the hub, and the identity of our file there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import apsw
import attrs

from tracker.core.records import CheckRow
from tracker.store.connection import transaction, value

_IDENTITY = """
SELECT origin, max(highest_id, coalesce((SELECT max(id) FROM checks), 0)) FROM cluster_identity
"""
_CHECKS = """
SELECT id, provider_name, model, checked_at_ms, status, outcome, response_time_ms, ttft_ms,
    interval_seconds, http_status, error_message, consecutive_failures, rate_limit_percent,
    completions
FROM checks WHERE id > :after AND id <= :last AND origin IS NULL ORDER BY id
"""
_WAITING = "SELECT count(*) FROM checks WHERE id > ? AND origin IS NULL"
_LAST = "SELECT max(id) FROM (SELECT id FROM checks WHERE id > ? ORDER BY id LIMIT ?)"
_STATES = """
SELECT s.provider_name, NULL, s.last_check_id, s.state
FROM provider_states s JOIN checks c ON c.id = s.last_check_id
WHERE c.id > :after AND c.id <= :last AND c.origin IS NULL AND s.state IS NOT NULL
UNION ALL
SELECT s.provider_name, s.model, s.last_check_id, s.state
FROM offer_states s JOIN checks c ON c.id = s.last_check_id
WHERE c.id > :after AND c.id <= :last AND c.origin IS NULL
"""


@attrs.frozen(kw_only=True)
class FileIdentity:
    """origin: the file's name in the cluster. last: the highest check number it ever had."""

    origin: str
    last: int
    cursors: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class OutgoingState:
    """The provider's state after the check ``number``, as JSON."""

    provider: str
    model: str | None
    number: int
    state: str


@attrs.frozen(kw_only=True)
class Outgoing:
    """Our own checks with numbers above the requested one, up to ``last``."""

    last: int
    checks: Sequence[CheckRow] = ()
    states: Sequence[OutgoingState] = ()


_NAMES = [field.name for field in attrs.fields(CheckRow)]  # in the order of _CHECKS


def load_identity(connection: apsw.Connection) -> FileIdentity:
    """Load the file's name in a cluster, its last check, and how far it read the others."""
    origin, last = next(iter(connection.execute(_IDENTITY)))
    rows = connection.execute("SELECT origin, origin_id FROM cluster_cursors")
    cursors = {str(name): int(number) for name, number in rows}
    return FileIdentity(origin=origin, last=last, cursors=cursors)


def change_identity(connection: apsw.Connection, origin: str) -> None:
    """Go on under another name: this file is a copy, or it moved to another vantage."""
    with transaction(connection):
        connection.execute("UPDATE cluster_identity SET origin = ?", (origin,))


def count_waiting(connection: apsw.Connection, after: int) -> int:
    """Count our own checks with numbers above ``after``."""
    return int(value(connection, _WAITING, (after,)))


def load_outgoing(connection: apsw.Connection, after: int, most: int) -> Outgoing:
    """Load at most ``most`` checks; those that others made are passed over."""
    last = value(connection, _LAST, (after, most))
    if last is None:
        return Outgoing(last=after)
    bounds = {"after": after, "last": last}
    return Outgoing(
        last=last,
        checks=[_check(row) for row in connection.execute(_CHECKS, bounds)],
        states=[
            OutgoingState(provider=provider, model=model, number=number, state=state)
            for provider, model, number, state in connection.execute(_STATES, bounds)
        ],
    )


def _check(row: Sequence[Any]) -> CheckRow:
    found = dict(zip(_NAMES, row, strict=True))
    found["at"] = datetime.fromtimestamp(row[3] / 1000.0, UTC)
    return CheckRow(**found)
