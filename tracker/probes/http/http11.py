"""One HTTP/1.1 connection to a provider, on h11.

httpcore's connection takes three locks for one exchange and writes a request in pieces; each is a
step of the event loop and part of what a check costs. A check has its connection to itself, so
here an exchange waits only for its answer. Errors are httpcore's.
"""

import time
from contextlib import suppress
from typing import Any, Protocol

import attrs
import h11
import httpcore
import trio

from tracker.probes.http.headers import Headers, read_headers
from tracker.probes.http.prepared_request import PreparedRequest, to_bytes
from tracker.probes.http.whole_answers import WholeAnswer, read_whole

KEEP_ALIVE = 55.0  # seconds: below the 60 after which common servers close an idle connection
# bytes of a message head or chunk header that h11 buffers before it gives up
MOST_INCOMPLETE = 100 * 1024
SWITCHING_PROTOCOLS = 101
# How long we listen on a new connection before we send. A server that speaks first within this time
# gets no latency; one that does so later, over a longer path, never appears faster than this.
LISTEN_SECONDS = 0.005


class ByteStream(Protocol):
    """The stream a connection reads and writes; its errors are httpcore's."""

    async def read(self, max_bytes: int) -> bytes:
        """Read what is there; b"" at the end."""
        ...

    async def write(self, buffer: bytes) -> None:
        """Send all of it."""
        ...

    async def aclose(self) -> None:
        """Close both directions."""
        ...

    def get_extra_info(self, info: str) -> Any:
        """Say of an idle stream whether it ``is_readable``."""
        ...


@attrs.define(eq=False)
class DirectConnection:
    """Our own connection, directly to the provider."""

    _stream: ByteStream
    _read: int = 64 * 1024
    _state: h11.Connection = attrs.field(
        factory=lambda: h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_INCOMPLETE)
    )
    _idle: bool = False
    _fresh: bool = True
    _expires_at: float = 0.0

    async def ask(self, request: PreparedRequest) -> "DirectAnswer | PlainAnswer":
        """Send a request in one piece and read the head of its answer."""
        self._idle = False
        if self._fresh:
            await trio.sleep(LISTEN_SECONDS)
            self._fresh = False
        # A server may refuse a request before it has read all of it; its answer is already there.
        with suppress(httpcore.WriteError):
            await self._stream.write(request.wire)
        data = await self._stream.read(self._read)
        if (whole := read_whole(data)) is not None:
            return PlainAnswer(self, whole)
        to_bytes(self._state, request.events)  # h11 is told only now what was sent
        self._take(data)
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Response) or _switches(event):
                return DirectAnswer(self, event.status_code, read_headers(list(event.headers)))

    async def next_event(self) -> Any:
        """Read on until h11 has an event. Raises httpcore's errors."""
        while True:
            try:
                event = self._state.next_event()
            except h11.RemoteProtocolError as error:
                raise httpcore.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            self._take(await self._stream.read(self._read))

    def _take(self, data: bytes) -> None:
        if not data and self._state.their_state is h11.SEND_RESPONSE:
            # On a reused connection, fetch sends the request again after this error.
            raise httpcore.RemoteProtocolError("the server disconnected without an answer")
        self._state.receive_data(data)

    async def settle(self) -> None:
        """End an exchange: keep the connection where all of the answer was read, else close it.

        What came after an answer answers nothing that we asked: such a connection is closed too.
        """
        whole = self._state.our_state is h11.DONE and self._state.their_state is h11.DONE
        if not whole or self._state.trailing_data[0]:
            await self.aclose()
            return
        self._state.start_next_cycle()
        self.keep()

    def keep(self) -> None:
        """Keep the connection for another exchange."""
        self._expires_at = time.monotonic() + KEEP_ALIVE
        self._idle = True

    def is_idle(self) -> bool:
        """Return whether its last exchange is over and left it open."""
        return self._idle

    def is_reusable(self) -> bool:
        """Return whether it is idle, young enough, and nothing came over it, be it only its end."""
        if not self._idle or time.monotonic() > self._expires_at:
            return False
        return not self._stream.get_extra_info("is_readable")

    async def aclose(self) -> None:
        """Close the stream."""
        self._idle = False
        await self._stream.aclose()


def _switches(event: object) -> bool:
    """Return whether it is the answer of a server that changes protocols; nobody asked it to."""
    return isinstance(event, h11.InformationalResponse) and event.status_code == SWITCHING_PROTOCOLS


@attrs.define(eq=False)
class DirectAnswer:
    """An answer over our own connection."""

    _connection: DirectConnection
    status: int
    headers: Headers
    _over: bool = False

    async def next_piece(self) -> bytes:
        """Read the next piece of the body, b"" at its end."""
        while not self._over:
            event = await self._connection.next_event()
            if isinstance(event, h11.Data):
                if event.data:
                    return bytes(event.data)
            else:
                self._over = isinstance(event, h11.EndOfMessage) or event is h11.PAUSED
        return b""

    async def hang_up(self) -> None:
        """Close the connection: the next piece is an error."""
        await self._connection.aclose()

    async def aclose(self) -> None:
        """End the exchange."""
        await self._connection.settle()


@attrs.define(eq=False)
class PlainAnswer:
    """An answer that came whole. Its connection is kept: h11 never heard of this exchange."""

    _connection: DirectConnection
    _whole: WholeAnswer
    _read: bool = False
    _closed: bool = False

    @property
    def status(self) -> int:
        """Return its status code."""
        return self._whole.status

    @property
    def headers(self) -> Headers:
        """Return its headers, duplicates kept."""
        return self._whole.headers

    async def next_piece(self) -> bytes:
        """Return the body, then b""."""
        if self._read:
            return b""
        self._read = True
        return self._whole.body

    async def hang_up(self) -> None:
        """Close the connection."""
        self._closed = True
        await self._connection.aclose()

    async def aclose(self) -> None:
        """End the exchange: the connection is kept, for all of the answer has come."""
        if not self._closed:
            self._connection.keep()
