"""The past as bytes, in pieces: a large answer must not hold the event loop."""

from collections.abc import Sequence
from itertools import islice

import msgspec
import trio

from api.schemas.convert import convert
from api.schemas.history import Bucket, Change, HistoryPoint
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
        return convert(Bucket, point)
    return convert(HistoryPoint, point)


def view_change(change: ChangeRecord) -> Change:
    return convert(Change, change)
