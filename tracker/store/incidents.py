"""Incidents, messages and mutes: stored by id, read when a tracker starts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import apsw
import attrs
import structlog

from tracker.core.incidents import Cause, Delivery, Incident, MessageKind, Stage
from tracker.core.records import MuteRecord, Record
from tracker.store.connection import epoch_ms

log = structlog.get_logger()
T = TypeVar("T")

_INCIDENT = "INSERT OR REPLACE INTO incidents VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_DELIVERY = "INSERT OR REPLACE INTO alerts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_MUTE = "INSERT OR REPLACE INTO mutes VALUES (?, ?)"
_UNMUTE = "DELETE FROM mutes WHERE provider_name = ?"
_PRUNE = (
    "DELETE FROM incidents WHERE closed_at_ms < :before",
    "DELETE FROM alerts WHERE created_at_ms < :before",
    "DELETE FROM mutes WHERE muted_until_ms < :before",
)
# What the API shows, and some more: newest first, so that a bad month does not fill the memory. An
# incident that is open, or whose end is not announced yet, is read in any case: nobody would ever
# close it.
_INCIDENTS = """
SELECT * FROM incidents
ORDER BY closed_at_ms IS NULL OR stage <> 'done' DESC, closed_at_ms DESC
LIMIT :rows + (
    SELECT min(count(*), :live) FROM incidents WHERE closed_at_ms IS NULL OR stage <> 'done')
"""
_DELIVERIES = "SELECT * FROM alerts ORDER BY created_at_ms DESC LIMIT ?"
MOST_ROWS = 5_000
MOST_LIVE = 100_000  # ten thousand providers with as many causes as there are


@attrs.frozen(kw_only=True)
class StoredIncidents:
    """deliveries: oldest first."""

    incidents: tuple[Incident, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    mutes: Mapping[str, datetime] = attrs.field(factory=dict)


def store_incidents(connection: apsw.Connection, records: Sequence[Record]) -> None:
    """Store those of the records that are kept here, in the transaction of the caller."""
    connection.executemany(_INCIDENT, [_incident(r) for r in records if isinstance(r, Incident)])
    connection.executemany(_DELIVERY, [_delivery(r) for r in records if isinstance(r, Delivery)])
    for mute in (record for record in records if isinstance(record, MuteRecord)):
        if mute.until is None:
            connection.execute(_UNMUTE, (mute.provider,))
        else:
            connection.execute(_MUTE, (mute.provider, _ms(mute.until)))


def prune_incidents(connection: apsw.Connection, before_ms: int) -> None:
    """Remove what ended before, in the transaction of the caller."""
    for statement in _PRUNE:
        connection.execute(statement, {"before": before_ms})


def load_incidents(connection: apsw.Connection) -> StoredIncidents:
    """Load incidents, deliveries (oldest first) and mutes, without unreadable rows."""
    incidents = connection.execute(_INCIDENTS, {"rows": MOST_ROWS, "live": MOST_LIVE})
    deliveries = connection.execute(_DELIVERIES, (MOST_ROWS,))
    mutes = connection.execute("SELECT provider_name, muted_until_ms FROM mutes")
    return StoredIncidents(
        incidents=tuple(_readable(incidents, _to_incident)),
        deliveries=tuple(reversed(_readable(deliveries, _to_delivery))),
        mutes=dict(_readable(mutes, _to_mute)),
    )


def _readable(rows: Iterable[Any], build: Callable[[Any], T]) -> list[T]:
    """Leave out what another version or another hand wrote."""
    found, unknown = [], 0
    for row in rows:
        try:
            found.append(build(row))
        except (ValueError, TypeError, OverflowError, RecursionError):
            unknown += 1
    if unknown:
        log.warning("skipped incidents, messages or mutes that cannot be read", rows=unknown)
    return found


def _to_mute(row: Sequence[Any]) -> tuple[str, datetime]:
    return row[0], _moment(row[1])


def _incident(incident: Incident) -> tuple[Any, ...]:
    return (
        incident.id,
        incident.cause.value,
        _text(incident.subject),
        None if incident.provider is None else _text(incident.provider),
        _ms(incident.opened_at),
        _ms(incident.noticed_at),
        _optional_ms(incident.closed_at),
        _text(incident.summary),
        incident.stage.value,
        _optional_ms(incident.told_at),
        incident.reminders,
        None if incident.acknowledged_by is None else _text(incident.acknowledged_by),
        int(incident.flapping),
        _optional_ms(incident.absent_since),
        json.dumps([_ms(at) for at in incident.changes]),
    )


def _to_incident(row: Sequence[Any]) -> Incident:
    return Incident(
        id=row[0],
        cause=Cause(row[1]),
        subject=row[2],
        provider=row[3],
        opened_at=_moment(row[4]),
        noticed_at=_moment(row[5]),
        closed_at=_optional_moment(row[6]),
        summary=row[7],
        stage=Stage(row[8]),
        told_at=_optional_moment(row[9]),
        reminders=row[10],
        acknowledged_by=row[11],
        flapping=bool(row[12]),
        absent_since=_optional_moment(row[13]),
        changes=tuple(_moment(ms) for ms in json.loads(row[14])),
    )


def _delivery(delivery: Delivery) -> tuple[Any, ...]:
    return (
        delivery.key,
        delivery.target,
        delivery.kind.value,
        json.dumps(delivery.incidents),
        _ms(delivery.created_at),
        _text(delivery.title),
        _text(delivery.body),
        delivery.data,
        delivery.attempts,
        _optional_ms(delivery.tried_at),
        _optional_ms(delivery.delivered_at),
        _text(delivery.error),
        int(delivery.given_up),
    )


def _to_delivery(row: Sequence[Any]) -> Delivery:
    return Delivery(
        key=row[0],
        target=row[1],
        kind=MessageKind(row[2]),
        incidents=tuple(json.loads(row[3])),
        created_at=_moment(row[4]),
        title=row[5],
        body=row[6],
        data=row[7],
        attempts=row[8],
        tried_at=_optional_moment(row[9]),
        delivered_at=_optional_moment(row[10]),
        error=row[11],
        given_up=bool(row[12]),
    )


def _ms(at: datetime) -> int:
    return epoch_ms(at.timestamp())


def _optional_ms(at: datetime | None) -> int | None:
    return None if at is None else _ms(at)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000.0, UTC)


def _optional_moment(ms: int | None) -> datetime | None:
    return None if ms is None else _moment(ms)


def _text(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
