"""Making, hashing and sending answers of many megabytes in pieces that do not block the loop.

In one piece, an answer of 70 MB would block all other requests for half a second while it is
joined, hashed and copied.
"""

import heapq
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

import attrs
import msgspec
import trio
from quart import Response, request

from api.http.etags import matches, takes_gzip
from api.http.response_cache import GZIP_LEVEL, JSON, PLAIN_BYTES, gzip_tag
from tracker.core.slices import Turn
from tracker.core.snapshot import Snapshot

SORTED = 5_000  # names, about two milliseconds
SENT = 256 * 1024  # bytes written to the socket at once, a quarter of a millisecond
NO_HEADERS: Mapping[str, str] = {}
T = TypeVar("T")


@attrs.frozen
class LargeAnswer:
    """A whole answer in pieces."""

    pieces: tuple[bytes, ...] = attrs.field(repr=False)
    etag: str

    @property
    def size(self) -> int:
        """Return the bytes of all pieces together, the body's Content-Length."""
        return sum(map(len, self.pieces))


@attrs.define
class _Gathering:
    """Joins small pieces to pieces of SENT bytes; a larger piece stays as it is."""

    pieces: list[bytes] = attrs.field(factory=list)
    digest: blake2b = attrs.field(factory=lambda: blake2b(digest_size=12))
    _small: list[bytes] = attrs.field(factory=list)
    _size: int = 0

    def take(self, piece: bytes) -> None:
        self.digest.update(piece)
        if self._size + len(piece) > SENT:
            self._join()
        self._small.append(piece)
        self._size += len(piece)

    def done(self) -> LargeAnswer:
        self._join()
        return LargeAnswer(tuple(self.pieces), f'"{self.digest.hexdigest()}"')

    def _join(self) -> None:
        if self._small:
            self.pieces.append(b"".join(self._small))
            self._small, self._size = [], 0


def gather_in_thread(pieces: Iterable[bytes]) -> LargeAnswer:
    """Make the pieces one after the other: each lets go of the interpreter before the next."""
    gathering = _Gathering()
    for piece in pieces:
        gathering.take(piece)
    return gathering.done()


async def gather(pieces: Generator[bytes, None, None]) -> LargeAnswer:
    """Make the pieces on the event loop; others have their turn after a few or a long one.

    However it ends, nothing that the pieces are made of is held any more.
    """
    gathering, turn = _Gathering(), Turn()
    with closing(pieces):
        for piece in pieces:
            gathering.take(piece)
            await turn.end_if_long()
    return gathering.done()


def respond_in_pieces(
    answer: LargeAnswer, content_type: str = JSON, more: Mapping[str, str] = NO_HEADERS
) -> Response:
    """Return the response to the present request: 304 without a body where the answer is known."""
    packed = answer.size > PLAIN_BYTES and takes_gzip()
    etag = gzip_tag(answer.etag) if packed else answer.etag
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding", **more}
    tags = request.headers.getlist("If-None-Match")
    if matches(",".join(tags) if tags else None, etag):
        return Response(b"", 304, headers)
    pieces = _sent(answer.pieces)
    if packed:
        pieces, headers["Content-Encoding"] = _packed(answer.pieces), "gzip"
    else:
        headers["Content-Length"] = str(answer.size)
    response = Response(pieces, 200, headers, content_type=content_type)
    response.timeout = (
        None  # a slow reader may take its time; the server cuts off one that stops reading
    )
    return response


@attrs.define(eq=False)
class LargeAnswers:
    """The last large answer for each key, which depends only on the snapshot.

    A second request waits for the first: making the answer twice would take twice as long.
    """

    _kept: dict[str, tuple[Snapshot, LargeAnswer]] = attrs.field(factory=dict)
    _making: trio.Lock = attrs.field(factory=trio.Lock)

    async def get(
        self, snapshot: Snapshot, key: str, make: Callable[[], Iterable[bytes]]
    ) -> LargeAnswer:
        """Return the answer kept under ``key``, or a new one; ``make`` runs in a thread."""
        async with self._making:
            kept = self._kept.get(key)
            if kept is None or kept[0].revision < snapshot.revision:
                made = await trio.to_thread.run_sync(lambda: gather_in_thread(make()))
                kept = self._kept[key] = snapshot, made
            return kept[1]


def sort_slowly(names: Iterable[str]) -> Iterator[str]:
    """Sort in pieces: sorting a quarter of a million holds the interpreter for 0.2 s."""
    rest, sorted_pieces = iter(names), []
    while some := list(islice(rest, SORTED)):
        sorted_pieces.append(sorted(some))
    return heapq.merge(*sorted_pieces)


def json_lists(items: Iterable[T], count: int) -> Iterator[bytes]:
    """Yield the items' JSON in pieces of ``count``, with commas between and no brackets around."""
    rest, comma = iter(items), b""
    while some := list(islice(rest, count)):
        yield comma + msgspec.json.encode(some)[1:-1]
        comma = b","


async def _sent(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _packed(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Compress in a thread: a piece would hold the loop for milliseconds."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)  # 16: as a gzip file
    for piece in pieces:
        if packed := await trio.to_thread.run_sync(packer.compress, piece):
            yield packed
    yield packer.flush()
