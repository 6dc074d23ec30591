"""One connection to a provider through a proxy, by httpcore, which supports them."""

from typing import Any

import attrs
import httpcore

from tracker.probes.http.headers import Headers, read_headers
from tracker.probes.http.prepared_request import PreparedRequest


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
