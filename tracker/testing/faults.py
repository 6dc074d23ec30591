"""The fault server: a TCP proxy that makes a connection worse, with Toxiproxy's vocabulary."""

import math
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import attrs
import trio

from tracker.testing.simulated import simulated_provider
from tracker.testing.toggleable_listener import HOST, ToggleableListener, in_background
from tracker.testing.toxics import (
    ConnectionClosed,
    Direction,
    Link,
    Onward,
    ResetPeer,
    Timeout,
    Toxic,
)

CHUNK = 16 * 1024
QUEUE = 64  # chunks in transit in one direction: a delay must not slow down reading
Chunk = tuple[float, bytes]  # when it was read, and what
GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


@attrs.define(eq=False)
class FaultProxy:
    """Stands before ``upstream`` (a URL); toxics may be added and removed at any time.

    A chunk in transit keeps the toxics it met. ``connections``: how many are open now.
    """

    upstream: str
    seed: int = 0
    connections: int = attrs.field(default=0, init=False)
    # with the time at which each was added
    _toxics: dict[Toxic, float] = attrs.field(factory=dict, init=False)
    changed: trio.Event = attrs.field(factory=trio.Event, init=False)  # set when toxics change
    _door: ToggleableListener = attrs.field(factory=ToggleableListener, init=False)
    _dice: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 (repeatable)

    @property
    def port(self) -> int:
        """Return the port that clients connect to."""
        return self._door.port

    @property
    def base_url(self) -> str:
        """Return the upstream's URL with our host and port."""
        return urlsplit(self.upstream)._replace(netloc=f"{HOST}:{self.port}").geturl()

    @property
    def enabled(self) -> bool:
        """Return whether it accepts connections; set it to False to refuse and close them."""
        return self._door.is_open

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        """Switch it on or off; off, it refuses new connections and closes open ones."""
        self._door.is_open = enabled

    @property
    def toxics(self) -> tuple[Toxic, ...]:
        """Return the faults in force, in the order they were added."""
        return tuple(self._toxics)

    def add(self, toxic: Toxic) -> Toxic:
        """Put a fault in force at once; return it."""
        self._toxics[toxic] = trio.current_time()
        self._tell()
        return toxic

    def remove(self, toxic: Toxic) -> None:
        """Remove a fault. Raises KeyError if it is not in force."""
        del self._toxics[toxic]
        self._tell()

    def reset(self) -> None:
        """Remove every toxic and accept connections."""
        self._toxics.clear()
        self._tell()
        self.enabled = True

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        self._door.open()
        await self._door.serve(self._accept, task_status=task_status)

    async def _accept(self, client: trio.SocketStream) -> None:
        address = urlsplit(self.upstream)
        self.connections += 1
        try:
            async with client:
                with suppress(OSError, *GONE):
                    server = await trio.open_tcp_stream(str(address.hostname), address.port or 80)
                    async with server:
                        await Tunnel(proxy=self, client=client, server=server).run()
        finally:
            self.connections -= 1

    def link(self, direction: Direction) -> Link:
        """Return a new link for one direction of a connection."""
        dice = random.Random(self._dice.random())  # noqa: S311 (repeatable)
        return Link(direction=direction, dice=dice)

    def toxics_on(self, direction: Direction) -> tuple[Toxic, ...]:
        """Return the faults in force in one direction."""
        return tuple(toxic for toxic in self._toxics if toxic.direction is direction)

    def next_end(self, began: float) -> tuple[float, Timeout] | None:
        """Return when a toxic will end a connection that began then, and which does it first."""
        ends = [
            (max(began, added) + after, toxic)
            for toxic, added in self._toxics.items()
            if isinstance(toxic, Timeout) and (after := toxic.ends_after) is not None
        ]
        return min(ends, key=lambda end: end[0], default=None)

    @property
    def swallowing(self) -> set[Toxic]:
        """Return the faults that hold data back permanently."""
        return {toxic for toxic in self._toxics if type(toxic) is Timeout}

    def _tell(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


@attrs.define(kw_only=True, eq=False)
class Tunnel:
    """One connection through a proxy: two pumps, and a watch for toxics that end it."""

    proxy: FaultProxy
    client: trio.SocketStream
    server: trio.SocketStream
    _whole: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    async def run(self) -> None:
        """Run until both directions have ended or a toxic closes the connection.

        The caller closes the streams.
        """
        with self._whole:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, trio.current_time())
                async with trio.open_nursery() as pumps:
                    pumps.start_soon(self._pump, self.client, self.server, Direction.UPSTREAM)
                    pumps.start_soon(self._pump, self.server, self.client, Direction.DOWNSTREAM)
                self._whole.cancel()

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, direction: Direction
    ) -> None:
        send, receive = trio.open_memory_channel[Chunk](QUEUE)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_read, source, send)
                nursery.start_soon(self._write, receive, sink, self.proxy.link(direction))
        except* (ConnectionClosed, *GONE):
            self._whole.cancel()

    async def _write(
        self, chunks: trio.MemoryReceiveChannel[Chunk], sink: trio.SocketStream, link: Link
    ) -> None:
        async with chunks:
            async for arrived, data in chunks:
                link.arrived = arrived
                onward: Onward = sink.send_all
                for toxic in reversed(self.proxy.toxics_on(link.direction)):
                    onward = partial(toxic.carry, onward=onward, link=link)
                await onward(data)
        for toxic in self.proxy.toxics_on(link.direction):
            await toxic.close()
        await self._swallow_end(link.direction)
        await sink.send_eof()

    async def _swallow_end(self, direction: Direction) -> None:
        """Hide the end too while a toxic hides data from the client."""
        while any(isinstance(t, Timeout) for t in self.proxy.toxics_on(Direction.DOWNSTREAM)):
            if direction is Direction.UPSTREAM:
                raise ConnectionClosed  # the client has disconnected
            await self.proxy.changed.wait()

    async def _watch(self, began: float) -> None:
        held: set[Toxic] = set()
        while True:
            swallowing = self.proxy.swallowing
            if held - swallowing:  # as in Toxiproxy: swallowed data is never delivered later
                self._whole.cancel()
                return
            held = swallowing
            changed, end = self.proxy.changed, self.proxy.next_end(began)
            with trio.move_on_at(math.inf if end is None else end[0]) as scope:
                await changed.wait()
            if scope.cancelled_caught and end is not None:
                if isinstance(end[1], ResetPeer):
                    _reset(self.client)
                    _reset(self.server)
                self._whole.cancel()
                return


async def _read(source: trio.SocketStream, send: trio.MemorySendChannel[Chunk]) -> None:
    async with send:
        while data := await source.receive_some(CHUNK):
            await send.send((trio.current_time(), data))


def _reset(stream: trio.SocketStream) -> None:
    """Close with RST: a linger time of zero makes the kernel drop the connection."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


@asynccontextmanager
async def fault_proxy(
    upstream: str | None = None, *toxics: Toxic, seed: int = 0
) -> AsyncIterator[FaultProxy]:
    """Run a proxy before a URL; without one, before a simulated provider of its own."""
    async with AsyncExitStack() as stack:
        if upstream is None:
            own = await stack.enter_async_context(simulated_provider(latency_ms=0.0))
            upstream = own.base_url
        proxy = FaultProxy(upstream=upstream, seed=seed)
        await stack.enter_async_context(in_background(proxy.serve))
        for toxic in toxics:
            proxy.add(toxic)
        yield proxy
