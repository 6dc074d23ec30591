"""A listener that accepts several clients at once: trio's accepts one per step of its loop."""

import errno
import socket
from collections import deque

import trio

from api.serving.connection_limit import ConnectionLimit

# Accepting costs about 0.1 ms. At one per step, the last of a thousand would wait for a thousand
# steps.
AT_ONCE = 16


class BatchingListener(trio.abc.Listener[trio.SocketStream]):
    """``listener``, but waiting clients are accepted without a pause in between.

    limit: gives each a place, to all of them before any later client.
    """

    def __init__(self, listener: trio.SocketListener, limit: ConnectionLimit) -> None:
        self._listener, self._limit = listener, limit
        own = listener.socket
        # The same queue of clients, through a non-blocking socket.
        self._same = socket.fromfd(own.fileno(), own.family, own.type)
        self._same.setblocking(False)
        self._taken: deque[trio.SocketStream] = deque()

    async def accept(self) -> trio.SocketStream:
        """Return the next client. Raises OSError, as trio's own does."""
        if self._taken:
            return self._taken.popleft()
        await self._limit.placed()
        first = await self._listener.accept()
        self._take_more()
        self._limit.expect(1 + len(self._taken))
        return first

    def _take_more(self) -> None:
        """Take those that wait. A failure is left to the next one taken, which meets it too."""
        while len(self._taken) < AT_ONCE - 1:
            try:
                client, _ = self._same.accept()
            except OSError as error:
                if error.errno == errno.ECONNABORTED:  # the client left while it waited
                    continue
                return
            self._taken.append(trio.SocketStream(trio.socket.from_stdlib_socket(client)))

    async def aclose(self) -> None:
        """Close it, and the clients that were taken and not served."""
        self._same.close()
        for client in self._taken:
            client.socket.close()
        self._taken.clear()
        await self._listener.aclose()
