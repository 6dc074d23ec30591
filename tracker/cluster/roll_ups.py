"""What the hub counted by the hour and the day: read there, and made into buckets of a history."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tracker.cluster.hub import RollUp
from tracker.cluster.link import Connection
from tracker.store import Bucket, BucketLatency

GROWTH = 1.05  # of the buckets of latency: what is read from them is at most 5 % too high
_READ = """
SELECT p.name, r.{unit}, r.checks, r.up, r.down, r.sum_ms, r.latency
FROM {table} r JOIN vantages v ON v.id = r.vantage JOIN providers p ON p.id = r.provider
WHERE v.name = %s AND p.name = ANY(%s) AND r.{unit} >= %s ORDER BY 1, 2
"""


def load_roll_ups(
    connection: Connection, vantage: str, names: Collection[str], since: datetime, *, daily: bool
) -> list[RollUp]:
    """Read a vantage's roll-ups from ``since`` on, oldest first."""
    unit, table = ("day", "days") if daily else ("hour", "hours")
    question = _READ.format(unit=unit, table=table).encode()
    return [
        RollUp(
            provider=name,
            at=at,
            checks=checks,
            up=up,
            down=down,
            sum_ms=sum_ms,
            latency={int(bucket): number for bucket, number in latency.items()},
        )
        for name, at, checks, up, down, sum_ms, latency in connection.execute(
            question, (vantage, list(names), since)
        )
    ]


def bucket_of(latency_ms: float) -> int:
    """Return the bucket that a latency is counted in; bucket n ends at 1.05 ** n ms."""
    return math.ceil(math.log(max(latency_ms, 1.0)) / math.log(GROWTH))


def to_buckets(rows: Iterable[RollUp], seconds: int) -> Mapping[str, tuple[Bucket, ...]]:
    """Add roll-ups up to buckets of so many seconds, a multiple of theirs, by provider."""
    found: dict[str, dict[int, list[RollUp]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.provider][int(row.at.timestamp()) // seconds].append(row)
    return {
        name: tuple(_add_up(number * seconds, numbers[number]) for number in sorted(numbers))
        for name, numbers in found.items()
    }


def _add_up(at: int, rows: Sequence[RollUp]) -> Bucket:
    up, down = (sum(getattr(row, which) for row in rows) for which in ("up", "down"))
    return Bucket(
        at=datetime.fromtimestamp(at, UTC),
        checks=sum(row.checks for row in rows),
        failures=down,
        uptime_percent=100.0 * up / (up + down) if up + down else None,
        latency=_add_latencies(rows, up),
    )


def _add_latencies(rows: Sequence[RollUp], up: int) -> BucketLatency | None:
    counts: dict[int, int] = defaultdict(int)
    for row in rows:
        for bucket, number in row.latency.items():
            counts[bucket] += number
    if not counts or not up:
        return None
    average = sum(row.sum_ms for row in rows) / up
    return BucketLatency(
        min=GROWTH ** min(counts),
        avg=average,
        p50=_quantile(counts, 0.5),
        p95=_quantile(counts, 0.95),
        max=GROWTH ** max(counts),
    )


def _quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the quantile by nearest rank: the end of the bucket that holds it."""
    rank = math.ceil(share * sum(counts.values()))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return GROWTH**bucket
    raise AssertionError("the shares of a distribution reach 1")
