"""The clock record in the file, so that the next tracker on it knows what passed before."""

import json
import math
from collections.abc import Iterator
from typing import Any

import apsw
import attrs

from tracker.store.clock_trust import (
    ClockComparison,
    ClockRecord,
    Leap,
    ToldAnchor,
    unobserved_hours,
)
from tracker.store.connection import epoch_ms, transaction, value
from tracker.store.summaries import HOUR_MS

FURTHEST = 1e12  # seconds: some 30,000 years

_READ = "SELECT boot, wall, steady, certain, base, leaps, leapt, told FROM clock"
_WRITE = """
INSERT OR REPLACE INTO clock (id, boot, wall, steady, certain, base, leaps, leapt, told)
VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEWEST_HOUR = """
SELECT checked_at_ms / 3600000 FROM checks
WHERE checked_at_ms / 3600000 >= 0 AND checked_at_ms / 3600000 < ?
ORDER BY checked_at_ms / 3600000 DESC LIMIT 1
"""
_OLDEST_HOUR = """
SELECT checked_at_ms / 3600000 FROM checks
WHERE checked_at_ms / 3600000 >= ? AND checked_at_ms / 3600000 < ?
ORDER BY checked_at_ms / 3600000 LIMIT 1
"""
_NEWEST_OF_HOUR = """
SELECT max(checked_at_ms) FROM checks
WHERE checked_at_ms / 3600000 = ? AND checked_at_ms <= ?
"""


@attrs.frozen
class ClockFinding:
    """What a comparison found, in seconds.

    before: since 1970; what shows an older time is too old to be kept. kept: for how much longer
    rows are kept than by the wall clock alone. leap: how far the clock went faster than
    the steady one since the last comparison; 0 where nobody knows.
    """

    before: float
    kept: float
    leap: float


def compare_clocks(
    connection: apsw.Connection, now: ClockComparison, retention: float
) -> ClockFinding:
    """Compare the clocks with those of the last time, and store them. retention: seconds."""
    with transaction(connection):
        last = _read(connection)
        leap = last.leap(now) if last is not None and last.is_same_boot(now) else 0.0
        if last is None:
            last = ClockRecord.begin(now, unobserved(connection, now.wall, retention))
        record = last.compare(now, retention)
        _write(connection, record)
    kept = record.kept(retention)
    return ClockFinding(before=max(now.wall - retention - kept, 0.0), kept=kept, leap=leap)


def unobserved(connection: apsw.Connection, wall: float, retention: float) -> float:
    """Return how many of the last seconds nobody knows to have passed, of a file without a record.

    Those since the newest check, and those of ``unobserved_hours`` before it, read a day at a time
    from the index.
    """
    now_ms = epoch_ms(wall)
    hour: int | None = value(connection, _NEWEST_HOUR, (now_ms // HOUR_MS + 1,))
    if hour is None:
        return 0.0
    newest: int | None = value(connection, _NEWEST_OF_HOUR, (hour, now_ms))
    newest_ms = hour * HOUR_MS if newest is None else newest  # of this hour, and yet to come
    hours = unobserved_hours(
        newest_ms // HOUR_MS + 1,
        retention / 3_600.0,
        lambda first, last: value(connection, _OLDEST_HOUR, (first, last)),
        lambda hour: value(connection, _NEWEST_HOUR, (hour,)),
    )
    return (max(now_ms - newest_ms, 0) + hours * HOUR_MS) / 1000.0


def _read(connection: apsw.Connection) -> ClockRecord | None:
    """Return the record; None for a file without one, or whose record is none."""
    row = connection.execute(_READ).fetchone()
    if row is None:
        return None
    boot, wall, steady, certain, base, leaps, leapt, told = row
    try:
        anchor = json.loads(told)
        return ClockRecord(
            boot=str(boot),
            wall=_seconds(wall),
            steady=_seconds(steady),
            certain=_seconds(certain),
            base=_seconds(base),
            leaps=tuple(_leaps(json.loads(leaps))),
            leapt=int(leapt),
            told=None if anchor is None else _anchor(*anchor),
        )
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None


def _leaps(found: Any) -> Iterator[Leap]:
    for offset, until in found:
        yield Leap(_seconds(offset), _seconds(until))


def _anchor(told: Any, certain: Any, wall: Any, leapt: Any) -> ToldAnchor:
    return ToldAnchor(_seconds(told), _seconds(certain), _seconds(wall), int(leapt))


def _seconds(found: Any) -> float:
    number = float(found)
    if not math.isfinite(number) or abs(number) > FURTHEST:
        raise ValueError(f"no time: {number}")
    return number


def _write(connection: apsw.Connection, record: ClockRecord) -> None:
    told = record.told
    connection.execute(
        _WRITE,
        (
            record.boot,
            record.wall,
            record.steady,
            record.certain,
            record.base,
            json.dumps([(leap.offset, leap.until) for leap in record.leaps]),
            record.leapt,
            json.dumps(told and (told.told, told.certain, told.wall, told.leapt)),
        ),
    )
