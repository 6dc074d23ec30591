"""Servers on loopback, each broken in one way: ``async with refused() as target: target.url``."""

import functools
import json
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress

import attrs
import trio

from tracker.testing import openai_answers as answers
from tracker.testing.simulated import MODELS, PATH
from tracker.testing.toggleable_listener import HOST, ToggleableListener, in_background
from tracker.testing.wire import JSON, Reply, Wire, head_of

GOOD = answers.model_list(MODELS, "broken")
MEGABYTE = 1_000_000
Talk = Callable[[Wire], Awaitable[None]]


@attrs.frozen(kw_only=True)
class Target:
    """A broken server. ``url``: its base URL; ``trust``: for TLS, a client context for its CA."""

    port: int
    scheme: str = "http"
    host: str = HOST
    trust: ssl.SSLContext | None = attrs.field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Return the server's base URL."""
        return f"{self.scheme}://{self.host}:{self.port}{PATH}"


@asynccontextmanager
async def raw_server(
    talk: Talk,
    *,
    scheme: str = "http",
    tls: ssl.SSLContext | None = None,
    trust: ssl.SSLContext | None = None,
) -> AsyncIterator[Target]:
    """Run ``talk`` on every connection, and close it afterwards. tls: the server's context."""

    async def handle(stream: trio.abc.Stream) -> None:
        if tls is not None:
            stream = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        # The client may disconnect, refuse our certificate, or send something other than HTTP.
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ValueError):
            async with stream:
                await talk(Wire(stream))

    door = ToggleableListener()
    door.open()
    async with in_background(door.serve, handle):
        yield Target(port=door.port, scheme=scheme, trust=trust)


async def say_nothing(wire: Wire) -> None:
    """Read the request and never answer; end when the client disconnects."""
    await wire.until_gone()


def replying(*pieces: bytes, every: float = 0.0) -> Talk:
    """Answer each request with the pieces, ``every`` seconds apart; keep the connection."""

    async def talk(wire: Wire) -> None:
        while await wire.receive() is not None:
            for piece in pieces:
                await wire.send(piece)
                await trio.sleep(every)

    return talk


@asynccontextmanager
async def refused() -> AsyncIterator[Target]:
    """Reserve a port on which nothing listens."""
    door = ToggleableListener()
    async with in_background(door.serve, trio.sleep_forever):
        yield Target(port=door.port)


@asynccontextmanager
async def hang_before_accept() -> AsyncIterator[Target]:
    """Fill the backlog, so that connecting hangs (Linux drops the SYN)."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(4):  # one fills the backlog; the others make sure of it
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await trio.lowlevel.checkpoint()
        yield Target(port=listener.getsockname()[1])


@asynccontextmanager
async def hang_after_accept() -> AsyncIterator[Target]:
    """Accept the request and never answer."""
    async with raw_server(say_nothing) as target:
        yield target


@asynccontextmanager
async def reset_after_request() -> AsyncIterator[Target]:
    """Serve: read the request, then send a TCP reset."""

    async def talk(wire: Wire) -> None:
        await wire.receive()
        if isinstance(wire.stream, trio.SocketStream):
            wire.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with raw_server(talk) as target:
        yield target


@asynccontextmanager
async def header_drip(every: float = 1.0) -> AsyncIterator[Target]:
    """Send headers that never end, one byte every ``every`` seconds."""

    async def talk(wire: Wire) -> None:
        await wire.receive()
        await wire.send(head_of(200, (("content-type", JSON),)) + b"x-drip: ")
        while True:
            await wire.send(b".")
            await trio.sleep(every)

    async with raw_server(talk) as target:
        yield target


@asynccontextmanager
async def body_drip(every: float = 1.0) -> AsyncIterator[Target]:
    """Send a correct model list, one byte every ``every`` seconds."""
    head, separator, body = GOOD.encode().partition(b"\r\n\r\n")
    pieces = [bytes([byte]) for byte in body]
    async with raw_server(replying(head + separator, *pieces, every=every)) as target:
        yield target


@asynccontextmanager
async def short_body() -> AsyncIterator[Target]:
    """Close before the body has the length that Content-Length states."""

    async def talk(wire: Wire) -> None:
        if await wire.receive() is not None:
            await wire.send(GOOD.encode()[:-20])

    async with raw_server(talk) as target:
        yield target


@asynccontextmanager
async def gzip_bomb(megabytes: int = 100) -> AsyncIterator[Target]:
    """Send a compressed body: about a kilobyte on the wire for each megabyte of content."""
    body = await trio.to_thread.run_sync(_bomb, megabytes)
    reply = Reply(body=body, fields=(("content-encoding", "gzip"),))
    async with raw_server(replying(reply.encode())) as target:
        yield target


@asynccontextmanager
async def endless_body() -> AsyncIterator[Target]:
    """Send a model list without an end, as fast as it is read."""

    async def talk(wire: Wire) -> None:
        await wire.receive()
        await wire.send(head_of(200, (("content-type", JSON),)) + b'\r\n{"data": [')
        while True:
            await wire.send(b'{"id": "a-model"}, ' * 4096)

    async with raw_server(talk) as target:
        yield target


@asynccontextmanager
async def answering(reply: Reply) -> AsyncIterator[Target]:
    """Answer with any reply: a redirect, a web page, nested brackets, a number of 6,000 digits."""
    async with raw_server(replying(reply.encode())) as target:
        yield target


@asynccontextmanager
async def redirect(to: str, status: int = 302) -> AsyncIterator[Target]:
    """Redirect every request to ``to``."""
    async with answering(Reply(status=status, fields=(("location", to),))) as target:
        yield target


HOSTILE_BODIES = {
    "invalid json": b'{"object": "list", "data": [',
    "nested brackets": b"[" * 200_000,
    "long number": b'{"data": [' + b"9" * 6_000 + b"]}",
    "not utf-8": b'{"data": "\xff\xfe\xfa"}',
    "five megabytes": json.dumps({"data": [{"id": "m" * 50}] * 80_000}).encode(),
}


@functools.cache
def _bomb(megabytes: int) -> bytes:
    packer, zeros = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16), bytes(MEGABYTE)
    return b"".join([packer.compress(zeros) for _ in range(megabytes)] + [packer.flush()])
