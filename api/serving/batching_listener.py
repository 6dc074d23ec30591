"""A listener that takes several clients at once: trio's own takes one in a pass of its loop."""

import errno
import socket
from collections import deque

import trio

from api.serving.connection_limit import ConnectionLimit

# Each costs some 0.1 ms to begin with. At one a pass, the last of a thousand would wait for a
# thousand passes.
AT_ONCE = 16


class BatchingListener(trio.abc.Listener[trio.SocketStream]):
    """``listener``, whose clients that wait already come without a pause between them.

    limit: where each of them gets its place, all of them before any other is taken.
    """

    def __init__(self, listener: trio.SocketListener, limit: ConnectionLimit) -> None:
        self._listener, self._limit = listener, limit
        own = listener.socket
        # The same queue of clients, through a socket that never waits.
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
                if error.errno == errno.ECONNABORTED:  # left while it waited
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
