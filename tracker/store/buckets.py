"""Reading buckets: from summed hours where these exist, otherwise from single checks."""

import math
from collections.abc import Callable
from typing import Any

import apsw
import attrs
import msgspec

from tracker.core.outcomes import OutcomeKind
from tracker.store.errors import HistoryTooLarge
from tracker.store.points import Bucket, BucketLatency, moment
from tracker.store.selection import Selection, pieces, split_at_summed
from tracker.store.summaries import HOUR_MS, QUARTER_MS, Cell

_CHECKS = """
SELECT provider_name, checked_at_ms / :size, outcome, response_time_ms
{source}
ORDER BY checked_at_ms / 3600000, provider_name, checked_at_ms
"""
_HOUR = """
SELECT provider_name, hour, checks, up, down, latency_ms_min, latency_ms_avg, latency_ms_p50,
    latency_ms_p95, latency_ms_max
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
