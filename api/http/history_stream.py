"""The past as bytes, in pieces: a large answer must not hold the event loop."""

from collections.abc import Sequence
from itertools import islice

import msgspec
import trio

from api.schemas.convert import instant, rounded
from api.schemas.history import Bucket, BucketLatency, Change, HistoryPoint
from tracker.core.records import ChangeRecord
from tracker.store import Bucket as StoredBucket
from tracker.store import History, RawPoint

PIECE = 1_000  # points, about two milliseconds


async def encode_history(history: History, hours: int) -> bytes:
    """The JSON document."""
    providers = {
        name: msgspec.Raw(await _encode(points)) for name, points in history.providers.items()
    }
    return msgspec.json.encode(
        {
            "hours": hours,
            "resolution_seconds": history.resolution_seconds,
            "providers": providers,
        }
    )


async def _encode(points: Sequence[RawPoint | StoredBucket]) -> bytes:
    remaining, pieces = iter(points), []
    while piece := list(islice(remaining, PIECE)):
        pieces.append(msgspec.json.encode([_view(point) for point in piece])[1:-1])
        await trio.lowlevel.checkpoint()
    return b"[%s]" % b",".join(pieces)


def _view(point: RawPoint | StoredBucket) -> HistoryPoint | Bucket:
    if isinstance(point, StoredBucket):
        return _view_bucket(point)
    return HistoryPoint(
        timestamp=instant(point.at),
        status=point.status.value,
        outcome=point.kind.value,
        response_time_ms=rounded(point.response_time_ms, 1),
    )


def _view_bucket(bucket: StoredBucket) -> Bucket:
    latency = bucket.latency
    return Bucket(
        timestamp=instant(bucket.at),
        checks=bucket.checks,
        failures=bucket.failures,
        uptime_percent=rounded(bucket.uptime_percent, 2),
        latency_ms=BucketLatency()
        if latency is None
        else BucketLatency(
            min=round(latency.min, 1),
            avg=round(latency.avg, 1),
            p50=round(latency.p50, 1),
            p95=round(latency.p95, 1),
            max=round(latency.max, 1),
        ),
    )


def view_change(change: ChangeRecord) -> Change:
    return Change(
        timestamp=instant(change.at),
        kind=change.kind.value,
        provider_name=change.provider,
        before=change.before,
        after=change.after,
        reason=change.reason,
    )
