"""A limit of concurrent clients: an idle one is disconnected for the next."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import attrs
import structlog
import trio

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
    """A client's connection."""

    def has_unread(self) -> bool:
        """Tell whether the client sent something that was not read yet, or left."""
        ...

    async def cut(self) -> None:
        """Close it at once."""
        ...


@attrs.define(eq=False)
class ConnectionLimit:
    """Admits clients, and keeps a list of idle ones, the longest idle first.

    refused: clients that came when ``most`` others were being answered. cut: clients cut off for
    another.
    """

    most: int
    refused: int = 0
    cut: int = 0
    _open: set[Connection] = attrs.field(factory=set)
    # Since when (trio seconds) a client has been idle: without any request yet, or after an answer.
    _silent: dict[Connection, float] = attrs.field(factory=dict)
    _resting: dict[Connection, float] = attrs.field(factory=dict)
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
            self.refused += 1
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
        if not self.cut:
            log.warning("too many clients: idle ones are disconnected", most=self.most)
        self.cut += 1
        with trio.CancelScope(shield=True):  # a socket's close: local and immediate
            await connection.cut()

    def _leave(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._wake(connection)

    def begin(self, connection: Connection, *, is_hot: bool) -> bool:
        """Note that an answer is owed to it; return whether there is room to make one.

        Where there is none it goes on resting: it may be cut. is_hot: what is asked is answered
        in no time, and has half of what is kept free.
        """
        self._wake(connection)
        owed = len(self._open) - len(self._silent) - len(self._resting)
        kept = self.most // KEPT_FREE
        is_room = owed <= max(self.most - (kept // 2 if is_hot else kept), 1)
        if not is_room:
            self.rest(connection, trio.current_time())
        return is_room

    def rest(self, connection: Connection, at: float) -> None:
        """Note that nothing is owed to it any more, since ``at``, in trio seconds."""
        if connection in self._open:  # otherwise it was cut off
            self._wake(connection)
            self._resting[connection] = at

    def _wake(self, connection: Connection) -> None:
        self._silent.pop(connection, None)
        self._resting.pop(connection, None)


@attrs.frozen
class Place:
    """Through which a connection reports its state to the limit."""

    limit: ConnectionLimit
    connection: Connection

    def begin(self, *, is_hot: bool = False) -> bool:
        """Note that a whole head came, so an answer is owed.

        Return whether there is room to make one.
        """
        return self.limit.begin(self.connection, is_hot=is_hot)

    def rest(self, at: float) -> None:
        """Note that everything asked was answered, at ``at`` in trio seconds."""
        self.limit.rest(self.connection, at)


def _first(queue: dict[Connection, float]) -> tuple[Connection | None, float]:
    """Return the one that waits longest, and since when; for an empty queue, none and infinity."""
    return next(iter(queue.items()), (None, float("inf")))
