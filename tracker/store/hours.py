"""Summing up whole hours of checks in the background, and removing old sums.

Old databases, late rows, corrections and rows taken over are all handled alike: triggers remove an
hour from ``summed_hours`` when one of its checks changes, and then it is summed up again here.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import apsw
import msgspec

from tracker.store.connection import epoch_ms, transaction, value
from tracker.store.summaries import HOUR_MS, QUARTER_MS, Cell, merge_cells

ROWS = 6_000  # checks counted in one transaction: results wait for its 25 ms
GRACE_MS = 60_000  # an hour's last checks may arrive so long after its end

_NEWEST = """
SELECT checked_at_ms / 3600000 FROM checks WHERE checked_at_ms / 3600000 <= ?
ORDER BY checked_at_ms / 3600000 DESC LIMIT 1
"""
_CHECKS = """
SELECT provider_name, model, checked_at_ms / 900000, outcome, response_time_ms,
    max(0, min(completions, 255))
FROM checks
WHERE checked_at_ms / 3600000 = :hour AND {after}
ORDER BY provider_name, checked_at_ms
"""
_FROM_THE_FIRST = _CHECKS.format(after="model IS NOT ''")
_AFTER = _CHECKS.format(after="provider_name > :last AND model IS NOT ''")
_ADD = "INSERT INTO hourly_checks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NOTE = """
INSERT INTO summed_hours VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET last_provider = excluded.last_provider, complete = excluded.complete
"""
_COMPLETIONS = """
SELECT ifnull(sum(completions), 0) FROM hourly_checks
WHERE hour IN (SELECT hour FROM summed_hours WHERE complete AND hour BETWEEN :first AND :last)
"""
_UNSUMMED = """
SELECT ifnull(sum(max(0, min(completions, 255))), 0) FROM checks
WHERE checked_at_ms / 3600000 BETWEEN :first AND :last
    AND checked_at_ms < :before_ms
    AND checked_at_ms / 3600000 NOT IN (SELECT hour FROM summed_hours WHERE complete)
"""

_encode = msgspec.msgpack.Encoder().encode


def sum_up(connection: apsw.Connection, now: datetime, oldest: datetime) -> bool:
    """Sum up the newest hour that is over and not summed up yet, or some of its providers.

    oldest: no hour that began earlier. Returns whether there was anything to do.
    """
    last = (epoch_ms(now.timestamp()) - GRACE_MS) // HOUR_MS - 1
    first = -(-epoch_ms(oldest.timestamp()) // HOUR_MS)
    with transaction(connection):
        hour = _next(connection, first, last)
        if hour is None:
            return False
        _sum_up_some(connection, hour)
    return True


def count_completions(connection: apsw.Connection, day: int, before_ms: int) -> int:
    """Return how many completions were spent on a UTC day, counted from 1970, before a moment.

    before_ms: when the tracker started; what it spends itself it counts itself. An hour in which
    it stored a check is not summed up before its history is loaded.
    """
    bounds = {"first": day * 24, "last": day * 24 + 23, "before_ms": before_ms}
    return int(value(connection, _COMPLETIONS, bounds)) + int(value(connection, _UNSUMMED, bounds))


def prune_hours(connection: apsw.Connection, before_ms: int, rows: int) -> int:
    """Remove whole hours in which a check is too old, until so many rows went; return how many."""
    pruned = 0
    while pruned < rows:
        hour = value(connection, "SELECT min(hour) FROM hourly_checks")
        if hour is None or hour > before_ms // HOUR_MS:
            break
        connection.execute("DELETE FROM summed_hours WHERE hour <= ?", (hour,))
        connection.execute("DELETE FROM hourly_checks WHERE hour = ?", (hour,))
        pruned += connection.changes()
    return pruned


def _next(connection: apsw.Connection, first: int, last: int) -> int | None:
    """Return the newest hour with checks that is to be summed up."""
    complete = "SELECT hour FROM summed_hours WHERE complete AND hour BETWEEN ? AND ?"
    done = {hour for (hour,) in connection.execute(complete, (first, last))}
    hour = value(connection, _NEWEST, (last,))
    while hour is not None and hour >= first:
        if hour not in done:
            return int(hour)
        hour = value(connection, _NEWEST, (hour - 1,))
    return None


def _sum_up_some(connection: apsw.Connection, hour: int) -> None:
    begun = connection.execute("SELECT last_provider FROM summed_hours WHERE hour = ?", (hour,))
    row = begun.fetchone()
    if row is None:
        connection.execute("DELETE FROM hourly_checks WHERE hour = ?", (hour,))
    names, complete = _count_some(connection, hour, None if row is None else row[0])
    connection.executemany(_ADD, _rows(hour, names))
    connection.execute(_NOTE, (hour, max(names, default=None), int(complete)))


Counted = dict[str, dict[str, dict[int, Cell]]]
"""Cells of a quarter of an hour, by provider, model (empty for the provider) and number."""


def _count_some(connection: apsw.Connection, hour: int, last: str | None) -> tuple[Counted, bool]:
    """Count whole providers after ``last`` until ROWS checks are reached; whether all are done."""
    sql = _FROM_THE_FIRST if last is None else _AFTER
    rows = connection.execute(sql, {"hour": hour, "last": last})
    found: Counted = {}
    left = ROWS
    for name, checks in groupby(rows, itemgetter(0)):
        if left <= 0:
            rows.close()
            return found, False
        found[name], counted = _count(checks)
        left -= counted
    return found, True


def _count(checks: Iterable[tuple[Any, ...]]) -> tuple[dict[str, dict[int, Cell]], int]:
    found: dict[str, dict[int, Cell]] = {}
    counted = 0
    for _, model, number, outcome, latency, completions in checks:
        cells = found.setdefault(model or "", {})
        cell = cells.get(number)
        if cell is None:
            cell = cells[number] = Cell(number)
        cell.add(outcome, latency)
        cell.completions += completions
        counted += 1
    return found, counted


def _rows(hour: int, counted: Counted) -> Iterator[tuple[Any, ...]]:
    for name, models in counted.items():
        for model, cells in models.items():
            quarters = [cell.summarize(QUARTER_MS) for cell in cells.values()]
            whole = merge_cells(cells.values(), hour)
            latency = whole.summarize(HOUR_MS).latency
            five = (None,) * 5 if latency is None else msgspec.structs.astuple(latency)
            counts = (whole.checks, whole.up, whole.down)
            blobs = (_encode(quarters), _encode([*cells.values()]))
            yield (hour, name, model, *counts, *five, whole.completions, *blobs)
