"""Counts of real calls in the database: adding, reading in buckets, removing old ones."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import apsw
import msgspec

from tracker.core.latency_sketch import LatencySketch
from tracker.core.outcomes import OutcomeKind
from tracker.core.slices import forgotten_on_failure
from tracker.core.traffic import TrafficRecord, tokens_per_second
from tracker.store.connection import epoch_ms
from tracker.store.errors import HistoryTooLarge

MOST_ROWS = 500_000  # rows read for one answer: a few seconds in the reader's thread
SHORTEST_SECONDS = 60  # counts are kept by the minute

_FIND = """
SELECT latency_sketch FROM traffic
WHERE minute_at_ms = ? AND provider_name = ? AND model = ? AND key_number = ? AND reporter = ?
    AND outcome = ?
"""
_ADD = """
INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls,
    latency_samples = latency_samples + excluded.latency_samples,
    latency_ms_sum = latency_ms_sum + excluded.latency_ms_sum,
    ttft_samples = ttft_samples + excluded.ttft_samples,
    ttft_ms_sum = ttft_ms_sum + excluded.ttft_ms_sum,
    output_tokens = output_tokens + excluded.output_tokens,
    output_ms = output_ms + excluded.output_ms,
    latency_sketch = excluded.latency_sketch
"""
_PRUNE = """
DELETE FROM traffic WHERE (minute_at_ms, provider_name, model, key_number, reporter, outcome) IN (
    SELECT minute_at_ms, provider_name, model, key_number, reporter, outcome FROM traffic
    WHERE minute_at_ms < :before LIMIT :rows)
"""
_CHOSEN = """
FROM traffic
WHERE minute_at_ms BETWEEN :since AND :until
    AND provider_name IN (SELECT value FROM json_each(:names))
"""
_COUNT = f"SELECT count(*) {_CHOSEN}"
_READ = f"""
SELECT provider_name, minute_at_ms / :size, outcome, calls, ttft_samples, ttft_ms_sum,
    output_tokens, output_ms, latency_sketch
{_CHOSEN} ORDER BY minute_at_ms
"""

_GOOD = frozenset(kind.value for kind in OutcomeKind if kind.is_success)
_BAD = frozenset(kind.value for kind in OutcomeKind if kind.is_failure)


class TrafficBucket(msgspec.Struct, kw_only=True, gc=False):
    """Calls in the period from ``at``; latencies of successful ones, in ms.

    counted: those that count for health.
    """

    at: datetime
    calls: int = 0
    counted: int = 0
    failures: int = 0
    ttft_samples: int = 0
    ttft_ms_sum: float = 0.0
    output_tokens: int = 0
    output_ms: float = 0.0
    latency: LatencySketch = msgspec.field(default_factory=LatencySketch)

    @property
    def failure_percent(self) -> float | None:
        """Return failures of the counted calls, 0..100, None without any."""
        return 100.0 * self.failures / self.counted if self.counted else None

    @property
    def latency_p50_ms(self) -> float | None:
        """Return the median latency of the successes, None without one."""
        return self.latency.quantile(0.5)

    @property
    def latency_p95_ms(self) -> float | None:
        """Return the 95th percentile of the successes' latency, None without one."""
        return self.latency.quantile(0.95)

    @property
    def ttft_ms(self) -> float | None:
        """Return the mean time to the first token, None where no call told it."""
        return self.ttft_ms_sum / self.ttft_samples if self.ttft_samples else None

    @property
    def tokens_per_second(self) -> float | None:
        """Return output tokens a second of output, None where no call told them."""
        return tokens_per_second(self.output_tokens, self.output_ms)


def add_traffic(connection: apsw.Connection, records: Iterable[TrafficRecord]) -> None:
    """Add counts to those stored; within the caller's transaction."""
    for record in records:
        place = (
            epoch_ms(record.minute.timestamp()),
            *(record.provider, record.model, record.key, record.reporter, record.outcome),
        )
        found = connection.execute(_FIND, place).fetchone()
        sketch = record.latency_sketch if found is None else _merge(found[0], record.latency_sketch)
        connection.execute(
            _ADD,
            (
                *place,
                record.calls,
                *(record.latency_samples, record.latency_ms_sum),
                *(record.ttft_samples, record.ttft_ms_sum),
                *(record.output_tokens, record.output_ms),
                sketch,
            ),
        )


def prune_traffic(connection: apsw.Connection, before_ms: int, rows: int) -> int:
    """Remove at most ``rows`` old counts; returns how many went."""
    connection.execute(_PRUNE, {"before": before_ms, "rows": rows})
    return connection.changes()


def read_traffic(
    connection: apsw.Connection,
    names: Sequence[str],
    since: datetime,
    until: datetime,
    resolution: int,
) -> dict[str, tuple[TrafficBucket, ...]]:
    """Return the buckets of each named provider, oldest first. Raises HistoryTooLarge."""
    size = max(resolution, SHORTEST_SECONDS) * 1000
    bounds = {
        "since": epoch_ms(since.timestamp()) // size * size,
        "until": epoch_ms(until.timestamp()),
        "names": json.dumps(list(names)),
    }
    ((rows,),) = connection.execute(_COUNT, bounds)
    if rows > MOST_ROWS:
        raise HistoryTooLarge(
            f"{rows:,} counts of calls would have to be read, more than {MOST_ROWS:,}: "
            "ask for fewer providers or fewer hours"
        )
    found: dict[str, dict[int, TrafficBucket]] = {name: {} for name in names}
    with forgotten_on_failure(found):
        for name, number, outcome, *counts in connection.execute(_READ, bounds | {"size": size}):
            bucket = found[name].get(number)
            if bucket is None:
                at = datetime.fromtimestamp(number * size / 1000.0, UTC)
                bucket = found[name][number] = TrafficBucket(at=at)
            _add_row(bucket, outcome, counts)
    return {name: tuple(buckets.values()) for name, buckets in found.items()}


def _add_row(bucket: TrafficBucket, outcome: str, counts: Sequence[Any]) -> None:
    calls, ttft_samples, ttft_ms_sum, output_tokens, output_ms, sketch = counts
    bucket.calls += calls
    if outcome in _BAD:
        bucket.counted += calls
        bucket.failures += calls
    if outcome in _GOOD:
        bucket.counted += calls
        bucket.ttft_samples += ttft_samples
        bucket.ttft_ms_sum += ttft_ms_sum
        bucket.output_tokens += output_tokens
        bucket.output_ms += output_ms
        bucket.latency.merge(_decode(sketch))


def _merge(stored: bytes, added: bytes) -> bytes:
    sketch = _decode(stored)
    sketch.merge(_decode(added))
    return sketch.encode()


def _decode(stored: bytes) -> LatencySketch:
    """Decode counts; damaged ones are empty: the calls are still known."""
    try:
        return LatencySketch.decode(stored)
    except msgspec.MsgspecError:
        return LatencySketch()
