"""History for spreadsheets and data frames: one row per check, or per bucket."""

import csv
import io
from collections.abc import Generator, Iterable, Iterator
from itertools import islice

from api.exports.csv import escape_formula, number
from api.schemas.convert import instant
from tracker.store import Bucket, BucketLatency, History, RawPoint

CHECKS = (
    *("provider_name", "timestamp", "status", "outcome", "response_time_ms", "error_message"),
)
LATENCIES = ("min", "avg", "p50", "p95", "max")
BUCKETS = (
    *("provider_name", "timestamp", "checks", "failures", "uptime_percent"),
    *(f"latency_{name}_ms" for name in LATENCIES),
)
PIECE = 500  # rows, about two milliseconds: a large answer must not block the event loop


def encode_history_csv(history: History) -> Generator[bytes, None, None]:
    """Yield RFC 4180 in UTF-8, by provider, oldest first; what is not known is an empty cell."""
    yield encode_lines([CHECKS if history.resolution_seconds is None else BUCKETS])
    rows = _rows(history)
    while piece := list(islice(rows, PIECE)):
        yield encode_lines(piece)


def _rows(history: History) -> Iterator[tuple[str, ...]]:
    for name, points in history.providers.items():
        shown = escape_formula(name)
        for point in points:
            yield (shown, *(_bucket(point) if isinstance(point, Bucket) else _check(point)))


def _check(point: RawPoint) -> Iterable[str]:
    yield instant(point.at)
    yield point.status.value
    yield point.kind.value
    yield number(point.response_time_ms, 1)
    yield escape_formula(point.error_message)


def _bucket(bucket: Bucket) -> Iterable[str]:
    yield instant(bucket.at)
    yield str(bucket.checks)
    yield str(bucket.failures)
    yield number(bucket.uptime_percent, 2)
    yield from _latencies(bucket.latency)


def _latencies(latency: BucketLatency | None) -> Iterator[str]:
    for name in LATENCIES:
        yield "" if latency is None else number(getattr(latency, name), 1)


def encode_lines(rows: Iterable[Iterable[str]]) -> bytes:
    """Encode whole rows as RFC 4180 has them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
