"""Encoded answers of a snapshot: each is encoded at most once, for any number of requests."""

import gzip
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from functools import cached_property, partial
from hashlib import blake2b
from itertools import islice

import attrs
import msgspec
import trio

from api.schemas.convert import instant, view_best, view_provider
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot

JSON = "application/json"
UNPLANNED = timedelta(seconds=60)  # until the next snapshot, when no check that helps is planned
PLAIN_BYTES = 1_024  # an answer that fits into one packet is not compressed
LARGE = 64 * 1024
COMPRESSIBLE = ("application/json", "text/", "image/svg", "application/openmetrics-text")
KEPT = 256  # answers kept per snapshot: unfiltered ones, and the filters in use
# With a thousand providers an answer has half a megabyte: many different filters must not fill the
# memory. The latest answer is kept, whatever its size.
KEPT_BYTES = 16 * 1024 * 1024
SLICE = 200  # providers encoded at once, about six milliseconds
GZIP_LEVEL = 1  # saves three quarters of what the best level does, in a fifth of the time


@attrs.frozen(kw_only=True, slots=False)  # cached_property does not work with slots
class CachedResponse:
    """A complete answer, ready to send. ``retry_at``: when another request could help.

    etag: None for an answer that must not be cached.
    """

    body: bytes = attrs.field(repr=False)
    etag: str | None
    content_type: str = JSON
    status: int = 200
    retry_at: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def may_compress(self) -> bool:
        """Return whether it is worth it; what is drawn or compressed already stays as it is."""
        return len(self.body) > PLAIN_BYTES and self.content_type.startswith(COMPRESSIBLE)

    @property
    def takes_long(self) -> bool:
        """Return whether to compress it would hold an event loop for a millisecond or more."""
        return len(self.body) > LARGE and "gzipped" not in self.__dict__

    @cached_property
    def gzipped(self) -> "CachedResponse":
        """Return it compressed, once for all who ask: another representation, with its own tag."""
        packed = gzip.compress(self.body, GZIP_LEVEL, mtime=0)
        return CachedResponse(
            body=packed,
            etag=None if self.etag is None else gzip_tag(self.etag),
            content_type=self.content_type,
            status=self.status,
            retry_at=self.retry_at,
            headers=(*self.headers, ("Content-Encoding", "gzip")),
        )


def gzip_tag(etag: str) -> str:
    """Return the tag of the same content compressed."""
    return f'{etag[:-1]}-gzip"'


def uncached_answer(body: bytes, content_type: str = JSON, *, status: int = 200) -> CachedResponse:
    """Return ``body`` as it is now, not to be cached."""
    return CachedResponse(body=body, etag=None, content_type=content_type, status=status)


def answer_of(
    body: bytes,
    content_type: str = JSON,
    *,
    status: int = 200,
    retry_at: datetime | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> CachedResponse:
    """Return ``body`` with the ETag of its content."""
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    return CachedResponse(
        body=body,
        etag=etag,
        content_type=content_type,
        status=status,
        retry_at=retry_at,
        headers=headers,
    )


@attrs.define(eq=False)
class _Making:
    """An answer that is being encoded. answer: None where that failed."""

    done: trio.Event = attrs.field(factory=trio.Event)
    answer: CachedResponse | None = None


class ResponseCache:
    """The answers from the newest snapshot.

    They depend only on the snapshot, so each key is encoded once. A provider that did not change
    since the previous snapshot keeps its bytes.
    """

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._kept: OrderedDict[Hashable, CachedResponse] = OrderedDict()
        self._size = 0
        self._pieces: dict[str, tuple[ProviderStatus, bytes]] = {}
        self._making: dict[Hashable, _Making] = {}

    def get(
        self, snapshot: Snapshot, key: Hashable, encode: Callable[[], CachedResponse]
    ) -> CachedResponse:
        """Return the answer kept under ``key``, or ``encode``'s, kept from now on."""
        if snapshot is not self._snapshot:
            self._reset_for(snapshot)
        if (found := self._kept.get(key)) is None:
            found = self._kept[key] = encode()
            self._size += len(found.body)
            self._let_go()
        else:
            self._kept.move_to_end(key)  # the least recently used goes first
        return found

    def known(self, snapshot: Snapshot, key: Hashable) -> CachedResponse | None:
        """Return the answer kept under ``key``, None where there is none yet."""
        if snapshot is not self._snapshot or key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    async def get_slowly(
        self, snapshot: Snapshot, key: Hashable, encode: Callable[[], CachedResponse]
    ) -> CachedResponse:
        """Return what ``get`` does, encoded in a thread because it takes long.

        Those who ask meanwhile wait for it.
        """
        if self._snapshot is None or snapshot.revision > self._snapshot.revision:
            self._reset_for(snapshot)  # now: what is encoded for the newest is to be kept
        if snapshot is self._snapshot and key in self._kept:
            return self.get(snapshot, key, encode)
        place = snapshot.revision, key
        while (making := self._making.get(place)) is not None:
            await making.done.wait()  # its maker may be cancelled meanwhile
            if making.answer is not None:
                return making.answer
        making = self._making[place] = _Making()
        try:
            making.answer = await trio.to_thread.run_sync(encode)
        finally:
            del self._making[place]
            making.done.set()
        encoded = making.answer
        if snapshot is not self._snapshot:
            return encoded  # a newer snapshot arrived: only its answers are kept
        return self.get(snapshot, key, lambda: encoded)

    def piece(self, provider: ProviderStatus) -> bytes:
        """Return one provider as JSON."""
        known = self._pieces.get(provider.name)
        if known is not None and known[0] is provider:
            return known[1]
        encoded = msgspec.json.encode(view_provider(provider))
        self._pieces[provider.name] = (provider, encoded)
        return encoded

    def is_quick(self, snapshot: Snapshot) -> bool:
        """Return whether few providers changed since they were encoded last."""
        if snapshot is self._snapshot and "status" in self._kept:
            return True
        changed = (p for p in snapshot.providers.values() if not self._is_encoded(p))
        return sum(1 for _ in islice(changed, SLICE + 1)) <= SLICE

    async def prepare(self, snapshot: Snapshot) -> None:
        """Encode the providers that changed in slices: a thousand would take 30 ms at once."""
        changed = [p for p in snapshot.providers.values() if not self._is_encoded(p)]
        for number, provider in enumerate(changed, 1):
            self.piece(provider)
            if number % SLICE == 0:
                await trio.lowlevel.checkpoint()

    def _is_encoded(self, provider: ProviderStatus) -> bool:
        known = self._pieces.get(provider.name)
        return known is not None and known[0] is provider

    def status(self, snapshot: Snapshot) -> CachedResponse:
        """Return the answer to ``/api/providers/status``, encoded once for each snapshot."""
        return self.get(snapshot, "status", lambda: answer_of(self.encode_status(snapshot)))

    def best(self, snapshot: Snapshot) -> CachedResponse:
        """Return the answer to a plain ``/api/providers/best``, encoded once for each snapshot."""
        return self.get(snapshot, "best", lambda: best_answer(snapshot.timestamp, snapshot.ranking))

    def is_best_quick(self, snapshot: Snapshot) -> bool:
        """Return whether a plain ``/api/providers/best`` is encoded, or is in a moment."""
        ranking = snapshot.ranking
        if len(ranking.ordered) + len(ranking.excluded) <= SLICE:
            return True
        return snapshot is self._snapshot and "best" in self._kept

    async def best_slowly(self, snapshot: Snapshot) -> CachedResponse:
        """Return what ``best`` does; thousands of lines are encoded in a thread."""
        if self.is_best_quick(snapshot):
            return self.best(snapshot)
        encode = partial(best_answer, snapshot.timestamp, snapshot.ranking)
        return await self.get_slowly(snapshot, "best", encode)

    def provider(self, snapshot: Snapshot, name: str) -> CachedResponse:
        """Return the answer about one provider of the snapshot. Raises KeyError."""
        piece = self.piece(snapshot.providers[name])
        return self.get(snapshot, ("provider", name), lambda: answer_of(piece))

    def encode_status(self, snapshot: Snapshot) -> bytes:
        """Join the providers' encoded pieces; only those that changed are encoded again."""
        pieces = {name: msgspec.Raw(self.piece(p)) for name, p in snapshot.providers.items()}
        return msgspec.json.encode({"timestamp": instant(snapshot.timestamp), "providers": pieces})

    def _let_go(self) -> None:
        """Drop what nobody has asked for the longest."""
        while len(self._kept) > KEPT or (self._size > KEPT_BYTES and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.body)

    def _reset_for(self, snapshot: Snapshot) -> None:
        self._snapshot, self._size = snapshot, 0
        self._kept.clear()
        for gone in self._pieces.keys() - snapshot.providers.keys():
            del self._pieces[gone]


def best_answer(at: datetime, ranking: Ranking) -> CachedResponse:
    """Return 200 with the best, or 503 with why there is none. at: when it was ranked."""
    body = msgspec.json.encode(view_best(at, ranking))
    if ranking.ranked:
        return answer_of(body)
    retry_at = ranking.valid_until or at + UNPLANNED
    return answer_of(body, status=503, retry_at=retry_at)
