"""A limit of concurrent clients: an idle one is disconnected for the next.

Answers in progress are limited for each address as well, so that one cannot take the place of all
others. Its idle connections are not: they are disconnected when somebody needs their place.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import attrs
import structlog
import trio

from api.connection_counts import PEER_SHARE, ConnectionCounts, Cut, Refusal

SILENT_SECONDS = 1.0  # for the first request; after this a client is the first to be cut off
LEAST_SECONDS = 0.1  # a client may always be idle this long before it is cut off for another
# This share of all places never waits for the ordinary route, so there is always a client to cut
# off for a new one, and a fast-path request is answered however many others wait.
KEPT_FREE = 8
LOOKED_AT = 32  # clients examined to find one to cut off
# If none can be cut off now, the new client waits this long, and others behind it.
RETRY_SECONDS, RETRIES = 0.02, 25
log = structlog.get_logger()


class Connection(Protocol):
    """A client's connection. peer: the name under which it is counted; empty: not limited."""

    @property
    def peer(self) -> str:
        """Return the name under which it is counted, always the same."""
        ...

    def has_unread(self) -> bool:
        """Tell whether the client sent something that was not read yet, or left."""
        ...

    async def cut(self) -> None:
        """Close it at once."""
        ...


@attrs.define(eq=False)
class ConnectionLimit:
    """Admits clients, and keeps a list of idle ones, the longest idle first.

    most: the limit of clients. counts: where it counts those that it refuses and cuts off.
    """

    most: int
    counts: ConnectionCounts = attrs.field(
        default=attrs.Factory(lambda self: ConnectionCounts(self.most), takes_self=True)
    )
    _open: set[Connection] = attrs.field(factory=set)
    # Since when (trio seconds) a client has been idle: without any request yet, or after an answer.
    _silent: dict[Connection, float] = attrs.field(factory=dict)
    _resting: dict[Connection, float] = attrs.field(factory=dict)
    # All others: an answer is owed to them.
    _owed: set[Connection] = attrs.field(factory=set)
    _owed_to: Counter[str] = attrs.field(factory=Counter)
    _coming: int = 0
    _placed: trio.Event = attrs.field(factory=trio.Event)

    def expect(self, count: int) -> None:
        """Note that so many clients were accepted; ``place_for`` follows for each."""
        self._coming += count

    async def placed(self) -> None:
        """Return once all that were expected have a place or were refused.

        So those that wait for a place are few, and the others wait where they take no descriptor.
        """
        while self._coming:
            await self._placed.wait()

    @asynccontextmanager
    async def place_for(self, connection: Connection) -> AsyncIterator["Place | None"]:
        """Yield its place while the block runs, None where there is none: it was cut then."""
        try:
            is_admitted = await self._admit(connection)
        finally:
            self._coming = max(self._coming - 1, 0)
            if not self._coming:
                self._placed.set()
                self._placed = trio.Event()
        if not is_admitted:
            self.counts.refused[Refusal.FULL] += 1
            await connection.cut()
            yield None
            return
        try:
            yield Place(self, connection)
        finally:
            self._leave(connection)

    async def _admit(self, connection: Connection) -> bool:
        for _ in range(RETRIES):
            leaving = None
            if len(self._open) >= self.most:
                if not (self._silent or self._resting):
                    return False
                leaving = self._choose()
                if leaving is None:
                    await trio.sleep(RETRY_SECONDS)
                    continue
                self._leave(leaving)
            # Take the place before waiting for anything: otherwise the next client would get it.
            self._open.add(connection)
            self.counts.open = len(self._open)
            self._silent[connection] = trio.current_time()
            if leaving is not None:
                await self._cut(leaving)
            return True
        return False

    def _choose(self) -> Connection | None:
        """Return a client that has asked nothing for LEAST_SECONDS, with nothing unread.

        Those that never asked anything for SILENT_SECONDS, and then those silent longest.
        """
        now = trio.current_time()
        for _ in range(LOOKED_AT):
            silent, resting = _first(self._silent), _first(self._resting)
            is_silent = silent[1] <= max(resting[1], now - SILENT_SECONDS)
            connection, since = silent if is_silent else resting
            if connection is None or since > now - LEAST_SECONDS:
                return None
            if not connection.has_unread():
                return connection
            queue = self._silent if is_silent else self._resting
            del queue[connection]
            queue[connection] = now
        return None

    async def _cut(self, connection: Connection) -> None:
        if not self.counts.cut[Cut.IDLE]:
            log.warning("too many clients: idle ones are disconnected", most=self.most)
        self.counts.cut[Cut.IDLE] += 1
        with trio.CancelScope(shield=True):  # a socket's close: local and immediate
            await connection.cut()

    def _leave(self, connection: Connection) -> None:
        self._open.discard(connection)
        self.counts.open = len(self._open)
        self._settle(connection)
        self._wake(connection)

    def begin(self, connection: Connection, *, is_hot: bool) -> Refusal | None:
        """Note that an answer is owed to it; return why there is no room to make one, if so.

        Where there is none it goes on resting: it may be cut. is_hot: what is asked is answered
        in no time, and has half of what is kept free.
        """
        if connection not in self._open:  # it was cut off
            return None
        self._wake(connection)
        if connection not in self._owed:
            self._owed.add(connection)
            self._owed_to[connection.peer] += 1
        refusal = self._find_refusal(connection.peer, is_hot=is_hot)
        if refusal is not None:
            self.rest(connection, trio.current_time())
        return refusal

    def _find_refusal(self, peer: str, *, is_hot: bool) -> Refusal | None:
        kept = self.most // KEPT_FREE
        if len(self._owed) > max(self.most - (kept // 2 if is_hot else kept), 1):
            return Refusal.CROWDED
        share = self.most - kept if is_hot else int(self.most * PEER_SHARE)
        if peer and self._owed_to[peer] > max(share, 1):
            return Refusal.PEER
        return None

    def rest(self, connection: Connection, at: float) -> None:
        """Note that nothing is owed to it any more, since ``at``, in trio seconds."""
        if connection in self._open:  # otherwise it was cut off
            self._settle(connection)
            self._wake(connection)
            self._resting[connection] = at

    def _settle(self, connection: Connection) -> None:
        """Note that nothing is owed to it."""
        if connection not in self._owed:
            return
        self._owed.remove(connection)
        self._owed_to[connection.peer] -= 1
        if not self._owed_to[connection.peer]:
            del self._owed_to[connection.peer]

    def _wake(self, connection: Connection) -> None:
        self._silent.pop(connection, None)
        self._resting.pop(connection, None)


@attrs.frozen
class Place:
    """Through which a connection reports its state to the limit."""

    limit: ConnectionLimit
    connection: Connection

    def begin(self, *, is_hot: bool = False) -> Refusal | None:
        """Note that a whole head came, so an answer is owed.

        Return why there is no room to make one, None where there is.
        """
        return self.limit.begin(self.connection, is_hot=is_hot)

    def rest(self, at: float) -> None:
        """Note that everything asked was answered, at ``at`` in trio seconds."""
        self.limit.rest(self.connection, at)


def _first(queue: dict[Connection, float]) -> tuple[Connection | None, float]:
    """Return the one that waits longest, and since when; for an empty queue, none and infinity."""
    return next(iter(queue.items()), (None, float("inf")))
