"""Adding checks up, from rows or from cells that were added up before. Pure.

All buckets of a history are made here, so summed hours and single rows give the same numbers.
"""

import math
from collections.abc import Iterable

import msgspec

from tracker.core.outcomes import OutcomeKind
from tracker.store.points import Bucket, BucketLatency, moment

HOUR_MS = 3_600_000
QUARTER_MS = 900_000
LONGEST_MS = 86_400_000.0  # a longer latency is invalid: this program did not write it

_SUCCESS = frozenset(kind.value for kind in OutcomeKind if kind.is_success)
_FAILURE = frozenset(kind.value for kind in OutcomeKind if kind.is_failure)


class Cell(msgspec.Struct, gc=False, array_like=True):
    """The checks in one period. latencies: of successful checks, in milliseconds.

    number: periods since 1970. completions: spent by the checks.
    """

    number: int
    checks: int = 0
    up: int = 0
    down: int = 0
    latencies: list[float] = msgspec.field(default_factory=list)
    completions: int = 0

    def add(self, outcome: str, latency_ms: float | None) -> None:
        """Count one check."""
        self.checks += 1
        if outcome in _SUCCESS:
            self.up += 1
            if latency_ms is not None and 0.0 <= latency_ms <= LONGEST_MS:
                self.latencies.append(latency_ms)
        elif outcome in _FAILURE:
            self.down += 1

    def merge(self, other: "Cell") -> None:
        """Count the checks of another stretch as well."""
        self.checks += other.checks
        self.up += other.up
        self.down += other.down
        self.latencies.extend(other.latencies)
        self.completions += other.completions

    def summarize(self, size_ms: int) -> Bucket:
        """Return its bucket; ``size_ms``: how long each such stretch is."""
        counted = self.up + self.down
        return Bucket(
            moment(self.number * size_ms),
            self.checks,
            self.down,
            100.0 * self.up / counted if counted else None,
            _summarize_latencies(self.latencies),
        )


def merge_cells(cells: Iterable[Cell], number: int) -> Cell:
    """Return one cell with the checks of all."""
    merged = Cell(number)
    for cell in cells:
        merged.merge(cell)
    return merged


def _summarize_latencies(latencies: list[float]) -> BucketLatency | None:
    """Sort them in place. The sum is exact, so that its order cannot matter."""
    if not latencies:
        return None
    latencies.sort()
    count, least, most = len(latencies), latencies[0], latencies[-1]
    return BucketLatency(
        least,
        min(max(math.fsum(latencies) / count, least), most),  # because the division rounds
        latencies[-(-50 * count // 100) - 1],
        latencies[-(-95 * count // 100) - 1],
        most,
    )
