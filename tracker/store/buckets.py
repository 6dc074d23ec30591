"""Reading buckets: from summed hours where these exist, otherwise from single checks."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import attrs
import msgspec

from tracker.core.outcomes import OutcomeKind
from tracker.store.errors import HistoryTooLarge
from tracker.store.points import Bucket, BucketLatency, moment
from tracker.store.summaries import HOUR_MS, QUARTER_MS, Cell

SOUGHT = 500  # names: up to this many are looked up per hour; with more, whole hours are read

_CHECKS = """
SELECT provider_name, checked_at_ms / :size, outcome, response_time_ms
{source}
ORDER BY checked_at_ms / 3600000, provider_name, checked_at_ms
"""
_SUMMED = """
FROM hourly_checks
WHERE hour BETWEEN :first AND :last AND model = ifnull(:model, '')
ORDER BY hour, provider_name
"""
_SOUGHT = """
FROM hourly_checks
WHERE hour IN (SELECT value FROM json_each(:hours))
    AND provider_name IN (SELECT value FROM json_each(:names)) AND model = ifnull(:model, '')
ORDER BY hour, provider_name
"""
_HOUR = """
SELECT provider_name, hour, checks, up, down, latency_ms_min, latency_ms_avg, latency_ms_p50,
    latency_ms_p95, latency_ms_max
"""
_COMPLETE = "SELECT hour FROM summed_hours WHERE complete AND hour BETWEEN ? AND ?"

# A list of hours and a list of providers make one index seek for each pair.
CHOSEN = """
FROM checks
WHERE checked_at_ms / 3600000 IN (SELECT value FROM json_each(:hours))
    AND provider_name IN (SELECT value FROM json_each(:names))
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""
ALL = """
FROM checks
WHERE checked_at_ms / 3600000 BETWEEN :first AND :last
    AND checked_at_ms BETWEEN :since AND :until
    AND model IS :model
"""


def _list_kinds(predicate: Callable[[OutcomeKind], bool]) -> str:
    return ", ".join(f"'{kind.value}'" for kind in OutcomeKind if predicate(kind))


_UP = f"outcome IN ({_list_kinds(lambda kind: kind.is_success)})"
_DOWN = f"outcome IN ({_list_kinds(lambda kind: kind.is_failure)})"
# SQLite's percentile functions interpolate; the nearest rank is ceil(q n).
_BUCKETS = f"""
WITH chosen AS (
    SELECT
        provider_name,
        checked_at_ms / :size AS bucket,
        {_UP} AS up,
        {_DOWN} AS down,
        CASE WHEN {_UP} AND response_time_ms BETWEEN 0 AND 86400000 THEN response_time_ms END AS ms
    {{source}}
), placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY provider_name, bucket ORDER BY ms NULLS LAST) AS place,
        count(ms) OVER (PARTITION BY provider_name, bucket) AS samples
    FROM chosen
)
SELECT
    provider_name, bucket, count(*), sum(up), sum(down),
    min(ms), avg(ms), max(ms) FILTER (WHERE place = (50 * samples + 99) / 100),
    max(ms) FILTER (WHERE place = (95 * samples + 99) / 100), max(ms)
FROM placed GROUP BY provider_name, bucket ORDER BY bucket
"""  # noqa: S608 (our own outcome kinds)

_decode_quarters = msgspec.msgpack.Decoder(list[Bucket]).decode
_decode_cells = msgspec.msgpack.Decoder(list[Cell]).decode


@attrs.frozen(kw_only=True)
class Selection:
    """The checks to read. names: None for every provider with checks. Both ends are included.

    model: checks of this offer; None for those of the providers themselves.
    """

    names: tuple[str, ...] | None
    since_ms: int
    until_ms: int
    model: str | None

    @property
    def first_hour(self) -> int:
        """Return the hour, counted from 1970, in which it begins."""
        return self.since_ms // HOUR_MS

    @property
    def last_hour(self) -> int:
        """Return the hour in which it ends."""
        return self.until_ms // HOUR_MS

    def statement(self, template: str) -> tuple[str, dict[str, Any]]:
        """Return a query of single checks, with ``{source}`` in it, and its bindings."""
        bindings: dict[str, Any] = {
            "since": self.since_ms,
            "until": self.until_ms,
            "model": self.model,
        }
        return self._complete(template, bindings, CHOSEN, ALL)

    def summed_statement(self, columns: str) -> tuple[str, dict[str, Any]]:
        """Return a query of summed hours, and its bindings."""
        sought = _SOUGHT if len(self.names or ()) <= SOUGHT else _SUMMED
        return self._complete(columns + "{source}", {"model": self.model}, sought, _SUMMED)

    def _complete(
        self, template: str, bindings: dict[str, Any], chosen: str, everything: str
    ) -> tuple[str, dict[str, Any]]:
        first, last = self.first_hour, self.last_hour
        if self.names is None or chosen is everything:
            return template.format(source=everything), bindings | {"first": first, "last": last}
        hours = json.dumps([*range(first, last + 1)])
        listed = {"hours": hours, "names": json.dumps(self.names)}
        return template.format(source=chosen), bindings | listed


def split_at_summed(
    connection: apsw.Connection, selection: Selection
) -> Iterator[tuple[Selection, bool]]:
    """Yield it in pieces, oldest first, each with whether it is whole hours that are summed up."""
    first, last = selection.first_hour, selection.last_hour
    if selection.model != "":  # no model has an empty name, and '' means none in the sums
        summed = {hour for (hour,) in connection.execute(_COMPLETE, (first, last))}
    else:
        summed = set()
    if selection.since_ms % HOUR_MS:
        summed.discard(first)
    if (selection.until_ms + 1) % HOUR_MS:
        summed.discard(last)
    begin = first
    for hour in range(first, last + 1):
        if hour == last or ((hour + 1) in summed) != (hour in summed):
            yield _narrow(selection, begin * HOUR_MS, (hour + 1) * HOUR_MS), hour in summed
            begin = hour + 1


def _narrow(selection: Selection, begin_ms: int, end_ms: int) -> Selection:
    """Return the part of it within these moments, the end excluded."""
    return attrs.evolve(
        selection,
        since_ms=max(selection.since_ms, begin_ms),
        until_ms=min(selection.until_ms, end_ms - 1),
    )


def count_checks(connection: apsw.Connection, selection: Selection) -> dict[str, int]:
    """Count checks of each provider; perhaps of others than the named ones as well."""
    counts: dict[str, int] = {}
    for piece, summed in split_at_summed(connection, selection):
        if summed:
            sql, bindings = piece.summed_statement("SELECT provider_name, checks")
        else:
            sql, bindings = piece.statement(
                "SELECT provider_name, count(*) {source} GROUP BY provider_name"
            )
        for name, count in connection.execute(sql, bindings):
            counts[name] = counts.get(name, 0) + count
    return counts


@attrs.define
class BucketReader:
    """Reads buckets of ``size_ms``, by provider.

    points: by provider; with ``takes_all`` also for providers that are not in it yet. most: the
    limit on points.
    """

    connection: apsw.Connection
    size_ms: int
    points: dict[str, list[Bucket]]
    takes_all: bool
    most: int
    _read: int = 0
    _cells: dict[str, dict[int, Cell]] = attrs.field(factory=dict)  # not complete yet

    def read(self, selection: Selection) -> None:
        """Read everything, oldest first. Raises HistoryTooLarge."""
        if self.size_ms % QUARTER_MS:
            self._read_in_sql(selection)
        elif self.size_ms in (QUARTER_MS, HOUR_MS):
            for piece, summed in split_at_summed(self.connection, selection):
                if summed:
                    self._read_summed(piece)
                else:
                    self._read_merged(piece)
        else:
            self._read_merged(selection)

    def _read_summed(self, piece: Selection) -> None:
        """Read buckets that stand in the sums as they are wanted."""
        if self.size_ms == QUARTER_MS:
            sql, bindings = piece.summed_statement("SELECT provider_name, quarters")
            for name, quarters in self.connection.execute(sql, bindings):
                if (kept := self._kept(name)) is not None:
                    buckets = _decode_quarters(quarters)
                    kept.extend(buckets)
                    self._count(len(buckets))
            return
        sql, bindings = piece.summed_statement(_HOUR)
        moments = {h: moment(h * HOUR_MS) for h in range(piece.first_hour, piece.last_hour + 1)}
        for name, hour, *numbers in self.connection.execute(sql, bindings):
            if (kept := self._kept(name)) is not None:
                kept.append(_bucket(moments[hour], *numbers))
                self._count(1)

    def _read_merged(self, selection: Selection) -> None:
        """Read pieces that hold whole buckets and whole hours, and merge what each bucket has."""
        for piece in pieces(selection, math.lcm(self.size_ms, HOUR_MS)):
            for part, summed in split_at_summed(self.connection, piece):
                if summed:
                    self._merge_summed(part)
                else:
                    self._merge_checks(part)
            self._summarize()

    def _merge_summed(self, part: Selection) -> None:
        sql, bindings = part.summed_statement("SELECT provider_name, latencies")
        for name, encoded in self.connection.execute(sql, bindings):
            if self._kept(name) is not None:
                for cell in _decode_cells(encoded):
                    self._cell(name, cell.number * QUARTER_MS // self.size_ms).merge(cell)

    def _merge_checks(self, part: Selection) -> None:
        sql, bindings = part.statement(_CHECKS)
        rows = self.connection.execute(sql, bindings | {"size": self.size_ms})
        for name, number, outcome, latency in rows:
            self._cell(name, number).add(outcome, latency)

    def _cell(self, name: str, number: int) -> Cell:
        cells = self._cells.get(name)
        if cells is None:
            cells = self._cells[name] = {}
        cell = cells.get(number)
        if cell is None:
            cell = cells[number] = Cell(number)
        return cell

    def _summarize(self) -> None:
        """Turn every cell into its bucket."""
        for name, cells in self._cells.items():
            if (kept := self._kept(name)) is not None:
                kept.extend(cell.summarize(self.size_ms) for cell in cells.values())
                self._count(len(cells))
        self._cells = {}

    def _read_in_sql(self, selection: Selection) -> None:
        step = self.size_ms * math.ceil(HOUR_MS / self.size_ms)
        for piece in pieces(selection, step):  # sorting one hour at a time is faster
            sql, bindings = piece.statement(_BUCKETS)
            rows = self.connection.execute(sql, bindings | {"size": self.size_ms})
            for name, bucket, *numbers in rows:
                if (kept := self._kept(name)) is not None:
                    kept.append(_bucket(moment(bucket * self.size_ms), *numbers))
                    self._count(1)

    def _kept(self, name: str) -> list[Bucket] | None:
        """Return where a provider's points belong; None for one that nobody asked for."""
        kept = self.points.get(name)
        if kept is None and self.takes_all:
            kept = self.points[name] = []
        return kept

    def _count(self, points: int) -> None:
        self._read += points
        if self._read > self.most:
            raise too_large(f"more than {self.most:,} points")


def pieces(selection: Selection, step_ms: int) -> Iterator[Selection]:
    """Yield it in pieces that end at multiples of ``step_ms``."""
    first, last = selection.since_ms // step_ms, selection.until_ms // step_ms
    for piece in range(first, last + 1):
        yield _narrow(selection, piece * step_ms, (piece + 1) * step_ms)


def too_large(points: str) -> HistoryTooLarge:
    """Return what a question is refused with."""
    return HistoryTooLarge(
        f"the answer would have {points}: "
        "ask for fewer providers, fewer hours or a coarser resolution"
    )


def _bucket(
    at: Any,
    checks: int,
    up: int,
    down: int,
    least: float | None,
    *rest: float,
) -> Bucket:
    percent = 100.0 * up / (up + down) if up + down else None
    return Bucket(at, checks, down, percent, None if least is None else BucketLatency(least, *rest))
