"""Hypercorn's trio connections on listeners of ours.

``hypercorn.trio.serve`` would do but for three things. It shields its writes to the socket, so a
client that stops reading would hold its connection, and our exit, forever. It does not shield
its closing, which quart-trio then cancels: ``Connection: close`` never closes. And an error in
one connection (a request that its parser trips over) ends the whole server.
"""

import errno
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import attrs
import structlog
import trio
from hypercorn.config import Config as HyperConfig
from hypercorn.events import Closed, Event, RawData
from hypercorn.logging import Logger
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

from api.serving.connection_limit import ConnectionLimit
from api.serving.descriptors import MOST
from api.serving.errors import CannotListenError
from api.serving.free_port import next_free_port

KEEP_ALIVE_SECONDS = 20.0  # also the time a client may take over a request's head
HEAD_BYTES = 16 * 1024
# For a client to take the next piece of what it asked for: 400 bytes a second will do.
SEND_SECONDS, PIECE = 10.0, 4 * 1024
CLOSE_SECONDS = 1.0
GRACE_SECONDS = 0.5  # for answers under way when the server ends
BACKLOG = 1_024
log = structlog.get_logger()

Masking = Callable[[str], str]


@asynccontextmanager
async def open_listeners(host: str, port: int) -> AsyncIterator[list[trio.SocketListener]]:
    """Raises CannotListenError. A port of 0 picks a free one, on one address only."""
    try:
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        raise CannotListenError(_why(host, port, error)) from error
    try:
        # With port 0 each address would get a port of its own.
        yield listeners[:1] if port == 0 else listeners
    finally:
        for listener in listeners:
            listener.socket.close()


def url_of(listener: trio.SocketListener) -> str:
    """Return the ``http://`` URL of a bound listener, an IPv6 host in brackets."""
    host, port, *_ = listener.socket.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        free = next_free_port(host, port)
        other = f"--port {free or 0}"
        is_free = "picks a free one" if free is None else "is free now"
        return (
            f"port {port} of {host} is in use: stop the program that has it, "
            f'or choose another: {other} {is_free} (make run ARGS="{other}")'
        )
    if error.errno == errno.EACCES:
        return f"port {port} of {host} needs more rights: choose one above 1023"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}; check the host"


@attrs.frozen(eq=False)
class Server:
    """Serves ``app`` on ``listeners``.

    root_path: a prefix that a proxy may leave on. mask: hides secrets in what is logged.
    connection: what serves one client, made as hypercorn makes its own.
    """

    app: QuartTrio
    listeners: Sequence[trio.SocketListener]
    root_path: str = ""
    mask: Masking = str
    connection: "Callable[..., HttpConnection]" = attrs.field(factory=lambda: HttpConnection)
    limit: ConnectionLimit = attrs.field(factory=lambda: ConnectionLimit(MOST))
    _ending: trio.Event = attrs.field(factory=trio.Event)
    _ended: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until ``end``; answers under way then have GRACE_SECONDS."""
        context = WorkerContext(None)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                serve = partial(trio.serve_listeners, handler_nursery=connections)
                await accepting.start(serve, self._connector(context), self.listeners)
                task_status.started()
                await self._ending.wait()
                accepting.cancel_scope.cancel()
            await context.terminated.set()
            connections.cancel_scope.deadline = trio.current_time() + GRACE_SECONDS
        self._ended.set()

    async def end(self) -> None:
        """Stop accepting, let answers finish within their time, and wait until that is done."""
        self._ending.set()
        await self._ended.wait()

    def _connector(self, context: WorkerContext) -> Callable[..., Any]:
        edge: Any = RootPathMiddleware(self.app, self.root_path)
        app = wrap_app(edge, 0, "asgi")
        make = partial(self.connection, app, _settings(self.mask), context, ConnectionState({}))

        async def serve(stream: trio.SocketStream) -> None:
            connection = make(stream)
            async with self.limit.place_for(connection) as admitted:
                if admitted:
                    await connection

        return serve


class HttpConnection(TCPServer):
    """One client. A client that takes nothing of its answer for long is cut off."""

    def is_idle(self) -> bool:
        """Return whether no request is being read or answered."""
        wrapper: Any = getattr(self, "protocol", None)
        return wrapper is None or wrapper.protocol.stream is None

    async def cut(self) -> None:
        """Close the connection at once, whatever it is sending."""
        await trio.aclose_forcefully(self.stream)

    async def run(self) -> None:
        """Serve the connection until it ends; a failure of one client is logged, never raised."""
        try:
            await super().run()
        except* Exception as group:  # noqa: BLE001 (whatever it is, only this client's)
            log.warning("connection failed", error=_first_line(group))

    def _stay_with_http_1(self) -> None:
        """Take no HTTP/2, by its preface or by ``Upgrade: h2c``.

        Nothing that limits a connection of HTTP/1.1 holds for its streams: 20 clients took 335 MiB.
        """
        wrapper: Any = self.protocol
        wrapper.protocol._check_protocol = _check_nothing  # noqa: SLF001 (hypercorn has no option)

    async def _read_data(self) -> None:
        self._stay_with_http_1()
        await super()._read_data()
        await self.idle_task.stop()  # else the socket of a client that left would wait its time out

    async def protocol_send(self, event: Event) -> None:
        """Send bytes to the client, or finish closing within the time that a close has."""
        if not isinstance(event, RawData):
            # Quart cancels the request when it hears of the close, which is told before it is done.
            patience = trio.current_time() + CLOSE_SECONDS
            with trio.CancelScope(deadline=patience, shield=True):
                await super().protocol_send(event)
            return
        async with self.send_lock:
            if left := self.written(event.data):
                await self._send(left)

    def written(self, data: bytes) -> bytes:
        """What of it the socket did not take at once, which is seldom anything.

        Only for who holds the lock, or where hypercorn is at rest: there is nobody else who
        writes. Waiting in line for the socket, as a stream does, and a time limit for what takes
        no time cost as much as all else that is done for a small answer here.
        """
        if os.name != "posix":  # elsewhere a socket is not written to as a file is
            return data
        try:
            return data[os.write(self.stream.socket.fileno(), data) :]
        except OSError:  # full, or closed: the stream tells which
            return data

    async def _send(self, data: bytes) -> None:
        """In pieces, each with the whole time: it is for standing still that a client is cut."""
        left = memoryview(data)
        try:
            while left:
                with trio.fail_after(SEND_SECONDS):
                    await self.stream.send_all(left[:PIECE])
                left = left[PIECE:]
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            await trio.aclose_forcefully(self.stream)
            await self.protocol.handle(Closed())


async def _check_nothing(_: object) -> None:
    """In the place of what would change to HTTP/2."""


class RootPathMiddleware:
    """What stands before the application: no websockets, whole paths, and the proxy's prefix.

    Some proxies cut their prefix off and some do not; a container's own health check has none.
    """

    def __init__(self, app: QuartTrio, root_path: str) -> None:
        self.app = app
        self.root_path = root_path.rstrip("/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        if not (path := scope["path"]).startswith("/"):
            scope = {**scope, "path": (path := _path_of(path))}
        if self.root_path and path.startswith(f"{self.root_path}/"):
            scope = {**scope, "root_path": self.root_path}
        await self.app(scope, receive, send)


class HypercornLogger(Logger):
    """Hypercorn's messages, through our log and its mask."""

    def __init__(self, mask: Masking, config: HyperConfig) -> None:
        super().__init__(config)
        self._mask = mask

    async def exception(self, message: str, *_: Any, **__: Any) -> None:
        """Log the present exception with its trace, secrets masked."""
        trace = structlog.processors.format_exc_info(log, "", {"exc_info": True})
        log.error("answer failed", at=message, trace=self._mask(trace.get("exception", "")))


def _path_of(target: str) -> str:
    """The path of a request line that names the whole URL; what is none is found nowhere."""
    try:
        path = urlsplit(target).path
    except ValueError:
        path = ""
    return path if path.startswith("/") else "/*"


def _settings(mask: Masking) -> HyperConfig:
    config = HyperConfig()
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.h11_max_incomplete_size = HEAD_BYTES
    config.errorlog = None
    logger: Any = partial(HypercornLogger, mask)
    config.logger_class = logger
    return config


def _first_line(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:200]
