"""What a tracker stores about reports besides counts: ids, skipped checks, the last day."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import apsw

from tracker.core.outcomes import OutcomeKind
from tracker.core.traffic import HourCount, SkippedCheck, StoredTraffic, TrafficBatch
from tracker.store.connection import epoch_ms
from tracker.store.traffic import add_traffic

HOUR_MS = 3_600_000
DAY_HOURS = 25  # a whole day, whatever part of the current hour has passed

_IDS = "INSERT INTO report_ids VALUES (?, ?)"
_SKIPPED = "INSERT INTO skipped_checks VALUES (?, ?, ?, ?)"
_PRUNE_IDS = """
DELETE FROM report_ids WHERE rowid IN (
    SELECT rowid FROM report_ids WHERE taken_hour < :hour LIMIT :rows)
"""
_PRUNE_SKIPPED = """
DELETE FROM skipped_checks WHERE rowid IN (
    SELECT rowid FROM skipped_checks WHERE skipped_at_ms < :before LIMIT :rows)
"""
_LOAD_IDS = "SELECT taken_hour, marks FROM report_ids WHERE taken_hour >= ?"
_LOAD_SKIPPED = """
SELECT skipped_at_ms, provider_name, model, completions FROM skipped_checks
WHERE skipped_at_ms >= ? ORDER BY skipped_at_ms
"""
_LOAD_HOURS = """
SELECT provider_name, model, minute_at_ms / 3600000, sum(calls),
    sum(iif(outcome IN (SELECT value FROM json_each(:failures)), calls, 0))
FROM traffic WHERE minute_at_ms >= :since
GROUP BY provider_name, model, minute_at_ms / 3600000 ORDER BY minute_at_ms / 3600000
"""
_FAILURES = "[" + ",".join(f'"{kind.value}"' for kind in OutcomeKind if kind.is_failure) + "]"


def add_batches(connection: apsw.Connection, batches: Iterable[TrafficBatch]) -> None:
    """Store counts, the ids behind them, and skipped checks; within the caller's transaction."""
    for batch in batches:
        add_traffic(connection, batch.counts)
        if batch.marks:
            connection.execute(_IDS, (epoch_ms(batch.at.timestamp()) // HOUR_MS, batch.marks))
        connection.executemany(_SKIPPED, map(_row, batch.skipped))


def prune_report_memory(connection: apsw.Connection, now_ms: int, before_ms: int, rows: int) -> int:
    """Remove ids of yesterday and skipped checks that are too old; returns how many rows went."""
    oldest = now_ms // HOUR_MS - DAY_HOURS + 1
    connection.execute(_PRUNE_IDS, {"hour": oldest, "rows": rows})
    pruned = connection.changes()
    connection.execute(_PRUNE_SKIPPED, {"before": before_ms, "rows": rows})
    return pruned + connection.changes()


def load_traffic(connection: apsw.Connection, now: datetime) -> StoredTraffic:
    """Return what counting carries on from: the last day."""
    now_ms = epoch_ms(now.timestamp())
    oldest = now_ms // HOUR_MS - DAY_HOURS + 1
    since = epoch_ms((now - timedelta(days=1)).timestamp())
    bounds = {"failures": _FAILURES, "since": oldest * HOUR_MS}
    return StoredTraffic(
        marks=tuple(connection.execute(_LOAD_IDS, (oldest,))),
        skipped=tuple(
            SkippedCheck(
                at=datetime.fromtimestamp(at_ms / 1000.0, UTC),
                provider=provider,
                model=model,
                completions=completions,
            )
            for at_ms, provider, model, completions in connection.execute(_LOAD_SKIPPED, (since,))
        ),
        hours=tuple(HourCount(*row) for row in connection.execute(_LOAD_HOURS, bounds)),
    )


def _row(skipped: SkippedCheck) -> tuple[int, str, str | None, int]:
    at_ms = epoch_ms(skipped.at.timestamp())
    return (at_ms, skipped.provider, skipped.model, skipped.completions)
