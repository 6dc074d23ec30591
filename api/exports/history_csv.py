"""History for spreadsheets and data frames: one row a check, or one a bucket."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

import trio

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
PIECE = 1_000  # rows, about five milliseconds: a large answer must not hold the event loop


async def encode_history_csv(history: History) -> bytes:
    """RFC 4180 in UTF-8, by provider, oldest first; what is not known is an empty cell."""
    raw = history.resolution_seconds is None
    rows, pieces = _rows(history), [_lines([CHECKS if raw else BUCKETS])]
    while piece := list(islice(rows, PIECE)):
        pieces.append(_lines(piece))
        await trio.lowlevel.checkpoint()
    return b"".join(pieces)


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


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
