"""A loopback port that can be closed and opened again, and servers in the background of a test."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import attrs
import trio

HOST = "127.0.0.1"
# Windows has only the first, which does there what both do elsewhere.
REUSE = {socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)}
Handler = Callable[[trio.SocketStream], Awaitable[object]]
T = TypeVar("T")


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        for option in REUSE:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


@attrs.define(eq=False)
class ToggleableListener:
    """A port of ours. While closed, it refuses connections and keeps its number.

    ``shut`` and ``open`` work at once; ``shut`` also closes the open connections.
    """

    # A second socket on the port that never listens: otherwise another program could take the port
    # while it is closed.
    _holder: socket.socket = attrs.field(init=False, factory=lambda: _bind(0))
    _listener: trio.SocketListener | None = attrs.field(init=False, default=None)
    _opened: trio.Event = attrs.field(init=False, factory=trio.Event)
    _serving: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)
    _standing: set[trio.SocketStream] = attrs.field(init=False, factory=set)

    @property
    def port(self) -> int:
        """Return the port number, the same whether it is open or closed."""
        return int(self._holder.getsockname()[1])

    @property
    def is_open(self) -> bool:
        """Return whether connections are accepted now."""
        return self._listener is not None

    @is_open.setter
    def is_open(self, is_open: bool) -> None:
        if is_open:
            self.open()
        else:
            self.shut()

    def open(self, backlog: int = 1024) -> None:
        """Accept connections on the port again; do nothing if it is open."""
        if self._listener is None:
            sock = _bind(self.port)
            sock.listen(backlog)
            self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
            self._opened.set()

    def shut(self) -> None:
        """Refuse new connections and close the open ones, at once."""
        if self._listener is not None:
            self._serving.cancel()
            # Close them now, not when their tasks run next: a check made meanwhile must find them
            # closed.
            self._listener.socket.close()
            for stream in self._standing:
                stream.socket.close()
            self._listener = None
            self._opened = trio.Event()

    async def serve(
        self, handler: Handler, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> NoReturn:
        """Handle connections whenever the port is open, forever. Releases the port at the end."""

        async def handle(stream: trio.SocketStream) -> None:
            self._standing.add(stream)
            try:
                await handler(stream)
            finally:
                self._standing.discard(stream)

        try:
            task_status.started()
            while True:
                while self._listener is None:
                    await self._opened.wait()
                with trio.CancelScope() as self._serving:
                    await trio.serve_listeners(handle, [self._listener])
        finally:
            self.shut()
            self._holder.close()


@asynccontextmanager
async def in_background(serve: Callable[..., Awaitable[Any]], *args: object) -> AsyncIterator[Any]:
    """Run ``serve`` while the block runs; gives what it passed to ``task_status.started``.

    The block's own exception is raised as it is, not in a group: tests compare it.
    """
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        given = await nursery.start(serve, *args)
        try:
            yield given
        except Exception as error:  # noqa: BLE001 (raised below, outside the nursery)
            failure = error
        finally:
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
