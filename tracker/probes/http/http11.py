"""One HTTP/1.1 connection to a provider, on h11.

httpcore's connection takes three locks for one exchange and writes a request in pieces; each is a
step of the event loop and part of what a check costs. A check has its connection to itself, so
here an exchange waits only for its answer. Errors are httpcore's.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Protocol

import attrs
import h11
import httpcore
import trio

from tracker.probes.http.whole_answers import Headers, WholeAnswer, read_whole

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


@attrs.frozen(eq=False)
class PreparedRequest:
    """A request as sent over the wire, built once for all checks that send the same.

    url: its origin and target. headers: raw pairs. wire: its bytes.
    """

    method: bytes
    url: httpcore.URL
    headers: list[tuple[bytes, bytes]] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    wire: bytes = attrs.field(repr=False)
    origin: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "origin", str(self.url.origin))

    @classmethod
    def of(
        cls, method: bytes, url: httpcore.URL, headers: list[tuple[bytes, bytes]], content: bytes
    ) -> "PreparedRequest":
        """Build a request on h11.

        Raises httpcore.LocalProtocolError where no header can hold what is to be sent.
        """
        try:
            events = _events(method, url, headers, content)
            wire = to_bytes(h11.Connection(h11.CLIENT), events)
        except h11.LocalProtocolError as error:
            raise httpcore.LocalProtocolError(str(error)) from error
        return cls(method, url, headers, content, wire)

    @cached_property
    def events(self) -> tuple[h11.Event, ...]:
        """Return it as h11 events, for an answer that h11 has to read."""
        return _events(self.method, self.url, self.headers, self.content)


def _events(
    method: bytes, url: httpcore.URL, headers: list[tuple[bytes, bytes]], content: bytes
) -> tuple[h11.Event, ...]:
    head = h11.Request(method=method, target=url.target, headers=headers)
    return (head, *((h11.Data(data=content),) if content else ()), h11.EndOfMessage())


def to_bytes(state: h11.Connection, events: Sequence[h11.Event]) -> bytes:
    """Return a request's bytes, sent by this state. Raises h11.LocalProtocolError."""
    return b"".join(state.send(event) or b"" for event in events)


class Answer(Protocol):
    """The head of an answer, and its body as it arrives. headers: names in lower case."""

    @property
    def status(self) -> int:
        """Return its status code."""
        ...

    @property
    def headers(self) -> Headers:
        """Return its headers, duplicates kept."""
        ...

    async def next_piece(self) -> bytes:
        """Read the next piece of the body, b"" at its end. Raises httpcore's errors."""
        ...

    async def hang_up(self) -> None:
        """Close the connection under it: nothing that follows is read."""
        ...

    async def aclose(self) -> None:
        """End the exchange; its connection is kept where the whole answer was read."""
        ...


class Connection(Protocol):
    """A connection to one origin. One exchange at a time."""

    async def ask(self, request: PreparedRequest) -> Answer:
        """Send a request and read the head of its answer. Raises httpcore's errors."""
        ...

    def is_idle(self) -> bool:
        """Return whether its last exchange is over and left it open."""
        ...

    def is_reusable(self) -> bool:
        """Return whether another request may be sent over it now."""
        ...

    async def aclose(self) -> None:
        """Close the connection now."""
        ...


def read_headers(pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return headers as text: UTF-8 where they are, else each byte a character."""
    try:
        return tuple([(name.decode().lower(), value.decode()) for name, value in pairs])
    except UnicodeDecodeError:
        both = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]
        return tuple((name.lower(), value) for name, value in both)


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


@attrs.define(eq=False)
class ProxiedConnection:
    """A connection of httpcore, which supports proxies."""

    _inner: httpcore.AsyncConnectionInterface

    async def ask(self, request: PreparedRequest) -> "ProxiedAnswer":
        """Send a request through the proxy and read the head of its answer."""
        response = await self._inner.handle_async_request(
            httpcore.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=OnePiece(request.content),
            )
        )
        return ProxiedAnswer(response)

    def is_idle(self) -> bool:
        """Return whether its last exchange is over and left it open."""
        return self._inner.is_idle()

    def is_reusable(self) -> bool:
        """Return whether another request may be sent over it now."""
        return self._inner.is_available() and not self._inner.has_expired()

    async def aclose(self) -> None:
        """Close the connection now."""
        await self._inner.aclose()


@attrs.define(eq=False)
class ProxiedAnswer:
    """An answer over a connection of httpcore."""

    _response: httpcore.Response
    _pieces: Any = attrs.field(init=False)
    headers: Headers = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        stream: Any = self._response.stream
        self._pieces = stream.__aiter__()
        self.headers = read_headers(self._response.headers)

    @property
    def status(self) -> int:
        """Return its status code."""
        return self._response.status

    async def next_piece(self) -> bytes:
        """Read the next piece of the body, b"" at its end."""
        async for piece in self._pieces:
            if piece:
                return bytes(piece)
        return b""

    async def hang_up(self) -> None:
        """Close the stream under the generators of httpcore, so that they end by an error.

        Breaking off would leave them to the garbage collector.
        """
        await self._response.extensions["network_stream"].aclose()

    async def aclose(self) -> None:
        """End the exchange."""
        await self._response.aclose()


class OnePiece:
    """The request body, in one piece. A generator would be left to the garbage collector by a write
    that is cancelled.
    """

    def __init__(self, content: bytes) -> None:
        self._pieces = iter((content,) if content else ())

    def __aiter__(self) -> "OnePiece":
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration
