"""At most so many clients at once: whoever asks nothing makes room for the next."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import attrs
import structlog
import trio

log = structlog.get_logger()


class Connection(Protocol):
    """A client's connection."""

    def is_idle(self) -> bool:
        """Tell whether no answer is owed on it: it rests, or its request is not whole yet."""
        ...

    async def cut(self) -> None:
        """Close it at once."""
        ...


@attrs.define(eq=False)
class ConnectionLimit:
    """``refused``: clients that found ``most`` others, each with an answer under way."""

    most: int
    refused: int = 0
    cut: int = 0
    _open: dict[Connection, None] = attrs.field(factory=dict)  # the one longest there first

    @asynccontextmanager
    async def place_for(self, connection: Connection) -> AsyncIterator[bool]:
        """Yield whether the connection may be served; it counts while the block runs."""
        if len(self._open) >= self.most:
            await self._make_room()
        if len(self._open) >= self.most:
            self.refused += 1
            await connection.cut()
            yield False
            return
        self._open[connection] = None
        try:
            yield True
        finally:
            self._open.pop(connection, None)

    async def _make_room(self) -> None:
        idle = next((each for each in self._open if each.is_idle()), None)
        if idle is None:
            return
        if not self.cut:
            log.warning("too many clients: those that ask nothing are cut off", most=self.most)
        self.cut += 1
        del self._open[idle]
        with trio.CancelScope(shield=True):  # a socket's close: local and immediate
            await idle.cut()
