"""One client's connection: Hypercorn's, with limits of ours on what a client may do to it.

Hypercorn's own shields its writes to the socket, so a client that stops reading would block its
connection, and our exit, forever. It does not shield closing, which quart-trio then cancels:
``Connection: close`` never closes. And an error in one connection (a request that its parser cannot
handle) ends the whole server.
"""

import os
import socket
import struct
from functools import cached_property
from time import time
from typing import Any, NoReturn

import h11
import structlog
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import TCPServer

from api.connection_counts import Cut, Refusal, peer_of
from api.serving.connection_limit import Place
from api.serving.refusals import ambiguous_answer, no_room_answer
from api.serving.strict_heads import find_ambiguity
from tracker.core.turns import Turns

# Time limit for a client to read the next piece of an answer: 400 bytes a second are enough.
SEND_SECONDS, PIECE = 10.0, 4 * 1024
RESET = struct.pack("ii", 1, 0)  # closing discards unsent data
CLOSE_SECONDS = 1.0
# Requests of proxies before each call, and of service managers: they never wait behind others.
HOT = (b"/livez", b"/readyz", b"/api/providers/best", b"/api/providers/status")
log = structlog.get_logger()


class RefusedError(Exception):
    """A client was refused with an answer: its connection ends."""


class HttpConnection(TCPServer):
    """One client. A client that does not read its answer for long is disconnected.

    place: reports the client's state to the limit; None without a limit. turns: the queue of
    requests for the ordinary route; None without one. hot: prefixes of paths that do not queue.
    """

    place: Place | None = None
    turns: Turns | None = None
    hot: tuple[bytes, ...] = HOT

    @cached_property
    def peer(self) -> str:
        """Return the name under which the client is counted: its address or network."""
        client: Any = self.stream
        try:
            return peer_of(client.socket.getpeername())
        except OSError:  # it left already
            return ""

    def has_unread(self) -> bool:
        """Return whether the client sent something that was not read yet, or left."""
        client: Any = self.stream  # created by this class, never TLS
        return bool(client.socket.fileno() >= 0 and client.socket.is_readable())

    async def cut(self) -> None:
        """Close the connection at once, whatever it is sending."""
        await trio.aclose_forcefully(self.stream)

    async def run(self) -> None:
        """Serve the connection until it ends; a failure of one client is logged, never raised."""
        try:
            await super().run()
        except* RefusedError:
            pass
        except* Exception as group:  # noqa: BLE001 (whatever it is, only this client's)
            log.warning("connection failed", error=_first_line(group))
        finally:
            # These know it: a cycle of forty objects for each client would stay until the garbage
            # collector comes, and it looks seldom at what has lived long.
            for name in ("protocol", "place"):
                vars(self).pop(name, None)

    def _stay_with_http_1(self) -> None:
        """Take no HTTP/2, by its preface or by ``Upgrade: h2c``.

        Nothing that limits a connection of HTTP/1.1 holds for its streams: 20 clients took 335 MiB.
        """
        self._http._check_protocol = self._begin_request  # noqa: SLF001 (hypercorn has no option)

    async def _begin_request(self, request: h11.Request) -> None:
        """Begin a request whose head was read here, before it could change to HTTP/2."""
        if what := find_ambiguity(request.method, list(request.headers)):
            await self._refuse(Refusal.AMBIGUOUS, ambiguous_answer(what, self.config))
        is_hot = request.target.startswith(self.hot)
        if self.place is not None and (refusal := self.place.begin(is_hot=is_hot)):
            await self._refuse(refusal, no_room_answer(refusal, self.config, int(time())))
        if self.turns is not None and not is_hot:
            await self.turns.wait()

    async def _refuse(self, refusal: Refusal, answer: bytes) -> NoReturn:
        """Answer and hang up, whatever follows: it is not clear where the next request begins."""
        if self.place is not None:
            self.place.limit.counts.refused[refusal] += 1
        await self.protocol_send(RawData(answer))
        raise RefusedError

    @property
    def _http(self) -> Any:
        """Return Hypercorn's protocol, which is of HTTP/1.1 always."""
        wrapper: Any = self.protocol
        return wrapper.protocol

    async def _read_data(self) -> None:
        self._stay_with_http_1()
        await super()._read_data()
        await (
            self.idle_task.stop()
        )  # otherwise the socket of a client that left would stay until its time-out

    async def protocol_send(self, event: Event) -> None:
        """Send bytes to the client, or finish closing within the time that a close has."""
        if not isinstance(event, RawData):
            if isinstance(event, Updated) and event.idle and self.place is not None:
                self.place.rest(trio.current_time())
            # Quart cancels the request when told about the close, which is before closing is done.
            patience = trio.current_time() + CLOSE_SECONDS
            with trio.CancelScope(deadline=patience, shield=True):
                await super().protocol_send(event)
            return
        async with self.send_lock:
            if left := self.written(event.data):
                await self._send(left)

    def written(self, data: bytes) -> bytes:
        """Return what the socket did not take at once, which is seldom anything.

        Only for who holds the lock, or where hypercorn is at rest: there is nobody else who
        writes. Waiting in line for the socket, as a stream does, and a time limit for what takes
        no time cost as much as all else that is done for a small answer here.
        """
        if os.name != "posix":  # other platforms cannot write to a socket like to a file
            return data
        try:
            return data[os.write(self.stream.socket.fileno(), data) :]
        except OSError:  # full, or closed: the stream shows which
            return data

    async def _send(self, data: bytes) -> None:
        """Send in pieces, each with the whole time: only a client that stands still is cut."""
        left = memoryview(data)
        try:
            while left:
                with trio.fail_after(SEND_SECONDS):
                    await self.stream.send_all(left[:PIECE])
                left = left[PIECE:]
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            if isinstance(error, trio.TooSlowError):
                client: Any = self.stream
                if self.place is not None:
                    self.place.limit.counts.cut[Cut.NOT_READING] += 1
                # Otherwise the system would keep the data for a client that does not read.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            await trio.aclose_forcefully(self.stream)
            await self.protocol.handle(Closed())


def _first_line(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:200]
