"""Storing records and removing old ones, each in one transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import apsw

from tracker.core.records import ChangeRecord, CheckRecord, CorrectionRecord, OverrideRecord, Record
from tracker.core.traffic import TrafficBatch
from tracker.store.connection import epoch_ms, transaction, value
from tracker.store.hours import prune_hours
from tracker.store.incidents import prune_incidents, store_incidents
from tracker.store.report_memory import add_batches, prune_report_memory
from tracker.store.summaries import HOUR_MS
from tracker.store.traffic import prune_traffic

# With more rows, a transaction would make new results wait too long.
PRUNE_ROWS = 5_000

_CHECK = "INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# Numbers are never reused: the cluster uses them to know which checks it has.
_HIGHEST = "SELECT max(highest_id, coalesce((SELECT max(id) FROM checks), 0)) FROM cluster_identity"
_NOTE_HIGHEST = f"UPDATE cluster_identity SET highest_id = ({_HIGHEST})"  # noqa: S608 (a constant)
_CURSOR = """
INSERT INTO cluster_cursors VALUES (?, ?)
ON CONFLICT DO UPDATE SET origin_id = max(origin_id, excluded.origin_id)
"""
_STATE = """
INSERT INTO provider_states VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    last_check_id = excluded.last_check_id,
    response_time_ms = coalesce(excluded.response_time_ms, response_time_ms),
    state = excluded.state
"""
# An offer's check that counts against the provider must not replace the provider's last check.
_BLAMED_STATE = """
INSERT INTO provider_states VALUES (?, ?, NULL, ?)
ON CONFLICT DO UPDATE SET state = excluded.state
"""
_CORRECTION = """
UPDATE checks SET outcome = 'internal', status = 'unknown', error_message = ?
WHERE checked_at_ms / 3600000 = ? AND provider_name = ? AND checked_at_ms = ?
"""
_OFFER_STATE = """
INSERT INTO offer_states VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET last_check_id = excluded.last_check_id, state = excluded.state
"""
_CHANGE = """
INSERT INTO changes (changed_at_ms, kind, provider_name, value_before, value_after, reason)
VALUES (?, ?, ?, ?, ?, ?)
"""
_OVERRIDE = """
INSERT INTO overrides VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET interval_seconds = excluded.interval_seconds, enabled = excluded.enabled
"""
_PRUNE_CHECKS = """
DELETE FROM checks WHERE id IN (
    SELECT id FROM checks
    WHERE checked_at_ms / 3600000 <= :hour AND checked_at_ms < :before LIMIT :rows)
"""
# A state is a result too and is deleted with its check. The id may have been reused by another
# provider's check. A few thousand rows at most.
_PRUNE_STATES = """
DELETE FROM provider_states WHERE NOT EXISTS (
    SELECT 1 FROM checks
    WHERE checks.id = last_check_id AND checks.provider_name = provider_states.provider_name)
"""
_PRUNE_OFFER_STATES = """
DELETE FROM offer_states WHERE NOT EXISTS (
    SELECT 1 FROM checks
    WHERE checks.id = last_check_id AND checks.provider_name = offer_states.provider_name)
"""
_PRUNE_CHANGES = """
DELETE FROM changes WHERE id IN (
    SELECT id FROM changes
    WHERE changed_at_ms < :before
        AND id IS NOT (SELECT max(id) FROM changes WHERE kind = 'best')
    LIMIT :rows)
"""


def store(connection: apsw.Connection, records: Sequence[Record]) -> None:
    """Store all records or none, each table's in the order given."""
    with transaction(connection):
        _store_checks(connection, [r for r in records if isinstance(r, CheckRecord)])
        corrections = (r for r in records if isinstance(r, CorrectionRecord))
        connection.executemany(_CORRECTION, map(_correction, corrections))
        changes = (r for r in records if isinstance(r, ChangeRecord))
        connection.executemany(_CHANGE, map(_change, changes))
        overrides = (r for r in records if isinstance(r, OverrideRecord))
        connection.executemany(_OVERRIDE, map(_override, overrides))
        store_incidents(connection, records)
        add_batches(connection, (r for r in records if isinstance(r, TrafficBatch)))


def prune(connection: apsw.Connection, before: datetime, now: datetime) -> int:
    """Remove at most PRUNE_ROWS of each table, and states whose check is gone.

    Returns how many checks, changes and counts of calls went.
    """
    before_ms = epoch_ms(before.timestamp())
    bounds = {"hour": before_ms // HOUR_MS, "before": before_ms, "rows": PRUNE_ROWS}
    with transaction(connection):
        connection.execute(_NOTE_HIGHEST)
        connection.execute(_PRUNE_CHECKS, bounds)
        pruned = connection.changes()
        connection.execute(_PRUNE_STATES)
        prune_incidents(connection, before_ms)
        connection.execute(_PRUNE_OFFER_STATES)
        connection.execute(_PRUNE_CHANGES, bounds)
        pruned += connection.changes()
        pruned += prune_hours(connection, before_ms, PRUNE_ROWS)
        now_ms = epoch_ms(now.timestamp())
        pruned += prune_report_memory(connection, now_ms, before_ms, PRUNE_ROWS)
        return pruned + prune_traffic(connection, before_ms, PRUNE_ROWS)


def _store_checks(connection: apsw.Connection, checks: Sequence[CheckRecord]) -> None:
    first = 1 + value(connection, _HIGHEST)
    connection.executemany(_CHECK, map(_check, range(first, first + len(checks)), checks))
    connection.executemany(_STATE, _states(checks, first))
    connection.executemany(_BLAMED_STATE, _blamed_states(checks, first))
    connection.executemany(_OFFER_STATE, _offer_states(checks, first))
    cursors = {r.origin: r.origin_id for r in checks if r.origin is not None}
    connection.executemany(_CURSOR, cursors.items())


def _states(checks: Iterable[CheckRecord], first: int) -> Iterable[tuple[Any, ...]]:
    """Return one row a provider: its newest check and state, its last successful latency."""
    rows: dict[str, tuple[Any, ...]] = {}
    for number, record in enumerate(checks, first):
        result = record.result
        if result.model is not None or not record.state:
            continue
        latency = result.latency_ms if result.kind.is_success else None
        if latency is None and result.provider in rows:
            latency = rows[result.provider][2]
        rows[result.provider] = (result.provider, number, latency, record.state)
    return rows.values()


def _blamed_states(checks: Iterable[CheckRecord], first: int) -> Iterable[tuple[Any, ...]]:
    """Yield one row a provider that offers were held against after its last check of its own."""
    rows: dict[str, tuple[Any, ...]] = {}
    for number, record in enumerate(checks, first):
        provider = record.result.provider
        if record.provider_state:
            rows[provider] = (provider, number, record.provider_state)
        elif record.result.model is None and record.state:
            rows.pop(provider, None)  # its state includes what counted against it before
    return rows.values()


def _offer_states(checks: Iterable[CheckRecord], first: int) -> Iterable[tuple[Any, ...]]:
    """Yield one row an offer: its newest check and state."""
    rows = {
        (record.result.provider, model): (record.result.provider, model, number, record.state)
        for number, record in enumerate(checks, first)
        if (model := record.result.model) is not None and record.state
    }
    return rows.values()


def _check(number: int, record: CheckRecord) -> tuple[Any, ...]:
    result = record.result
    return (
        number,
        result.provider,
        epoch_ms(result.at.timestamp()),
        record.status.value,
        result.kind.value,
        result.latency_ms,
        result.ttft_ms,
        record.interval_seconds,
        result.http_status,
        encodable(result.message),
        record.consecutive_failures,
        record.rate_limit_percent,
        result.completions,
        None if result.model is None else encodable(result.model),
        record.origin,
        record.origin_id,
    )


def _correction(record: CorrectionRecord) -> tuple[Any, ...]:
    at_ms = epoch_ms(record.at.timestamp())
    return (encodable(record.message), at_ms // HOUR_MS, record.provider, at_ms)


def _change(record: ChangeRecord) -> tuple[Any, ...]:
    texts = (record.provider, record.before, record.after, record.reason)
    return (
        epoch_ms(record.at.timestamp()),
        record.kind.value,
        *(None if text is None else encodable(text) for text in texts),
    )


def _override(record: OverrideRecord) -> tuple[Any, ...]:
    enabled = None if record.enabled is None else int(record.enabled)
    return (record.provider, record.interval_seconds, enabled)


def encodable(text: str) -> str:
    """Replace lone surrogates, which a provider's JSON may hold and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
