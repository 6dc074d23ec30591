"""Hypercorn's HTTP on our own listeners: connections of ours, its settings, its log in our log."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import structlog
import trio
from hypercorn.config import Config as HyperConfig
from hypercorn.logging import Logger
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

from api.serving.batching_listener import BatchingListener
from api.serving.connection_limit import ConnectionLimit
from api.serving.descriptors import MOST
from api.serving.edge import RootPathMiddleware
from api.serving.http_connection import HOT, HttpConnection
from tracker.core.turns import Turns

KEEP_ALIVE_SECONDS = 20.0  # also the time limit for sending a request's head
HEAD_BYTES = 16 * 1024
GRACE_SECONDS = 0.5  # for answers in progress when the server stops
log = structlog.get_logger()

Masking = Callable[[str], str]


@attrs.frozen(eq=False)
class Server:
    """Serves ``app`` on ``listeners``.

    root_path: a prefix that a proxy may leave in the path. mask: masks secrets in logs.
    connection: serves one client, created like hypercorn's own.
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
        """Serve until ``end``; answers in progress then have GRACE_SECONDS."""
        context = WorkerContext(None)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                serve = partial(trio.serve_listeners, handler_nursery=connections)
                listeners = [BatchingListener(each, self.limit) for each in self.listeners]
                await accepting.start(serve, self._connector(context), listeners)
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
        turns, root = Turns(), self.root_path.rstrip("/").encode()
        hot = (*HOT, *(root + path for path in HOT))

        async def serve(stream: trio.SocketStream) -> None:
            connection = make(stream)
            async with self.limit.place_for(connection) as place:
                if place is not None:
                    connection.place, connection.turns, connection.hot = place, turns, hot
                    await connection

        return serve


class HypercornLogger(Logger):
    """Hypercorn's messages in our log, masked."""

    def __init__(self, mask: Masking, config: HyperConfig) -> None:
        super().__init__(config)
        self._mask = mask

    async def exception(self, message: str, *_: Any, **__: Any) -> None:
        """Log the present exception with its trace, secrets masked."""
        trace = structlog.processors.format_exc_info(log, "", {"exc_info": True})
        log.error("answer failed", at=message, trace=self._mask(trace.get("exception", "")))


def _settings(mask: Masking) -> HyperConfig:
    config = HyperConfig()
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.h11_max_incomplete_size = HEAD_BYTES
    config.errorlog = None
    logger: Any = partial(HypercornLogger, mask)
    config.logger_class = logger
    return config
