"""The past as bytes, in pieces: a large answer must not hold the event loop."""

from collections.abc import Iterable, Iterator

import msgspec

from api.http.large_answers import json_lists
from api.schemas.convert import convert
from api.schemas.history import Bucket, Change, HistoryPoint
from tracker.core.records import ChangeRecord
from tracker.store import Bucket as StoredBucket
from tracker.store import History, RawPoint

PIECE = 500  # points, about a millisecond


def encode_history(history: History, hours: int) -> Iterator[bytes]:
    """Yield the JSON document in pieces."""
    resolution = msgspec.json.encode(history.resolution_seconds)
    yield b'{"hours":%d,"resolution_seconds":%s,"providers":{' % (hours, resolution)
    comma = b""
    for name, points in history.providers.items():
        yield b"%s%s:[" % (comma, msgspec.json.encode(name))
        yield from json_lists(map(_view, points), PIECE)
        yield b"]"
        comma = b","
    yield b"}}"


def _view(point: RawPoint | StoredBucket) -> HistoryPoint | Bucket:
    if isinstance(point, StoredBucket):
        return convert(Bucket, point)
    return convert(HistoryPoint, point)


def encode_changes(changes: Iterable[ChangeRecord], hours: int) -> Iterator[bytes]:
    """Yield the JSON document in pieces."""
    yield b'{"hours":%d,"changes":[' % hours
    yield from json_lists((convert(Change, change) for change in changes), PIECE)
    yield b"]}"
