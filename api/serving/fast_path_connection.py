"""The fast path: frequent requests answered in hypercorn's connection, before HTTP is parsed.

The ordinary route needs about 0.4 ms of CPU for a request, whatever the answer: h11, hypercorn,
Quart and the tasks between them. Here the answer is looked up and written. The fast path is used
only while the ordinary route is idle, and passes on every request that is not certainly simple.
docs/performance.md has the measurements and the risks.
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
from api.serving.http_connection import HttpConnection
from tracker.core.settings import ServerSettings

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

# This uses private parts of hypercorn: with any other version the fast path is off.
HYPERCORN = "0.18."
RECEIVED = 2**16
END = b"\r\n\r\n"
RESTING = {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
NOTHING = (b"", False)
GONE = (trio.ClosedResourceError, trio.BrokenResourceError)
log = structlog.get_logger()


def connections(tracker: "Tracker", answers: ResponseCache) -> Callable[..., HttpConnection]:
    """Return what serves each client: with the fast path where it is available."""
    reason = disabled_reason(tracker.config.server)
    log.info("fast path", active=reason is None, **({"reason": reason} if reason else {}))
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
        return "this platform cannot write to a socket like to a file"
    if not (installed := version("hypercorn")).startswith(HYPERCORN):
        return f"hypercorn {installed} is installed, and it was built for {HYPERCORN}x"
    return None


class FastPathConnection(HttpConnection):
    """One client, whose frequent requests are answered here."""

    def __init__(self, hot: FastPathResponses, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._hot = hot
        self._answered = -float("inf")  # trio seconds
        self._untouched = True  # hypercorn has received nothing yet

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
        async with self.send_lock:  # one of our answers is being sent
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
