"""The fast lane: hot requests answered in hypercorn's connection, before HTTP is parsed.

A request for the best provider takes the ordinary route some 0.4 ms of CPU, whatever is served:
h11, hypercorn, Quart and the tasks between them. Here it is looked up and written. The lane steps
in only where the ordinary route is at rest, and hands it everything that is not surely hot.
docs/performance.md has the figures and the cautions.
"""

import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import h11
import structlog
import trio
from hypercorn.events import Closed, RawData
from hypercorn.protocol.h11 import H11Protocol

from api.http.response_cache import ResponseCache
from api.serving.fast_path_responses import FastPathResponses
from api.serving.listeners import HttpConnection
from tracker.core.settings import ServerSettings

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

# What we build on is private to hypercorn: in any other version the lane stays closed.
HYPERCORN = "0.18."
RECEIVED = 2**16
END = b"\r\n\r\n"
RESTING = {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
NOTHING = (b"", False)
GONE = (trio.ClosedResourceError, trio.BrokenResourceError)
log = structlog.get_logger()


def connections(tracker: "Tracker", answers: ResponseCache) -> Callable[..., HttpConnection]:
    """Return what serves each client: with the lane where it can be had."""
    reason = disabled_reason(tracker.config.server)
    log.info("fast lane", open=reason is None, **({"reason": reason} if reason else {}))
    return (
        HttpConnection
        if reason
        else partial(FastPathConnection, FastPathResponses(tracker, answers))
    )


def disabled_reason(settings: ServerSettings) -> str | None:
    """Return why the fast path cannot be used here, None where it can."""
    if not settings.fast_lane:
        return "switched off: fast_lane = false in [server]"
    if os.name != "posix":
        return "here a socket is not written to as a file is"
    if not (installed := version("hypercorn")).startswith(HYPERCORN):
        return f"hypercorn {installed} is not {HYPERCORN}x, which it was built for"
    return None


class FastPathConnection(HttpConnection):
    """One client, whose hot requests are answered here."""

    def __init__(self, hot: FastPathResponses, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._hot = hot
        self._answered = -float("inf")  # trio seconds
        self._untouched = True  # hypercorn was handed nothing yet

    async def _read_data(self) -> None:
        self._stay_with_http_1()
        while True:
            try:
                data = bytes(await self.stream.receive_some(RECEIVED))
            except GONE:
                break
            rest = await self._answer(data)
            if rest or not data:
                self._untouched = False
                await self.protocol.handle(RawData(rest))
            if not data:
                break
        await self.protocol.handle(Closed())
        await self.idle_task.stop()

    async def _answer(self, data: bytes) -> bytes:
        """Answer the hot requests that ``data`` begins with; what is left of it."""
        while data and self._at_rest():
            head, end, rest = data.partition(END)
            answer = self._hot.answer(head + end, self.config) if end else None
            if answer is None:
                break
            self.protocol.protocol.keep_alive_requests += 1
            if left := self.written(answer):
                await self._send_rest(left)
            self._answered = trio.current_time()
            if self.place is not None:
                self.place.rest(self._answered)
            data = rest
        return data

    async def _send_rest(self, left: bytes) -> None:
        """Send what the socket did not take at once. In a crowd, one that reads slowly is cut."""
        self._answered = trio.current_time()
        if self.place is not None:
            self.place.begin()
        await self.protocol_send(RawData(left))

    def _at_rest(self) -> bool:
        """Return whether hypercorn waits for a request, and would keep the connection after it."""
        protocol: Any = self.protocol.protocol
        return (
            (self._untouched or is_at_rest(protocol))
            and protocol.keep_alive_requests + 1 < self.config.keep_alive_max_requests
            and not self.context.terminated.is_set()
        )

    async def _idle_timeout(self) -> None:
        """Return hypercorn's idle time-out, begun again by an answer of ours."""
        self._answered = trio.current_time()
        ended = self.context.terminated
        while not ended.is_set() and (left := self._time_left()) > 0.0:
            with trio.move_on_after(left):
                await ended.wait()
        async with self.send_lock:  # an answer of ours under way
            pass
        with trio.CancelScope(shield=True):
            await self._initiate_server_close()

    def _time_left(self) -> float:
        return self._answered + self.config.keep_alive_timeout - trio.current_time()


def is_at_rest(protocol: Any) -> bool:
    """Return whether a connection is between two requests, with nothing read in advance."""
    return (
        isinstance(protocol, H11Protocol)
        and protocol.stream is None
        and isinstance(protocol.connection, h11.Connection)
        and protocol.connection.states == RESTING
        and protocol.connection.trailing_data == NOTHING
    )
