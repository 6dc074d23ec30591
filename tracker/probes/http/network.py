"""Connecting to a provider: names resolved independently of other providers, addresses checked."""

import socket
import ssl
from functools import partial
from typing import Any

import attrs
import httpcore
import trio

from tracker.core.threads import in_thread
from tracker.probes.http.allowed_addresses import filter_addresses, is_address, keep_loopback
from tracker.probes.http.happy_eyeballs import first_connected
from tracker.probes.http.stamped_stream import StampedStream, keep_stamping
from tracker.probes.http.tls_sessions import TlsSessions

# A hung resolver keeps its thread after our time-out. Two per provider: one may hang while the next
# check tries again, and other providers never wait for them.
LOOKUPS = 2
BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)
# Bytes parsed before other tasks may run. Message heads take longest, about ten microseconds a
# line, and many 1xx answers may come before the real one.
READ, READ_OF_HEAD = 16 * 1024, 4 * 1024
# Longest time between two readings of the clock around the call that sends, in seconds. More is
# another program on our processor: one call in two hundred while others keep all of them busy.
MOST_UNSURE = 0.005
UNASKED = "the answer arrived before the request was sent, so its latency is not known"
UNSURE = "this machine was busy while the request was sent, so its latency is not known"
# Limit for everything before the body. nginx refuses an upstream's head beyond 8 KiB.
MOST_HEAD = 32 * 1024


class HeadTooLongError(httpcore.ProtocolError):
    """More came before the body than any real server sends."""


@attrs.define
class ExchangeProgress:
    """How far an exchange got.

    connected: it opened a new connection, rather than reuse one. handshaking: its TLS handshake did
    not finish. answered: the head of an answer arrived, from the provider and not from a proxy.
    read: bytes that came before it. written: some of the request was handed to the operating
    system, which may have sent it.
    """

    connected: bool = False
    handshaking: bool = False
    answered: bool = False
    read: int = 0
    written: bool = False


@attrs.define
class ExchangeTimes:
    """When the current exchange on a backend's connections was sent and answered, in trio seconds.

    sent: when the first byte of the last write, a proxy's CONNECT or the request after it, was
    handed to the operating system. arrived: when the last bytes read had arrived. stamped: by the
    kernel. So their difference includes neither connecting nor our event loop.
    sent_by: the operating system certainly had that byte by then.
    early: the answer's first bytes arrived before the request, so the latency means nothing.
    """

    sent: float = 0.0
    sent_by: float = 0.0
    arrived: float = 0.0
    stamped: bool = False
    early: bool = False
    _writing: bool = False

    @property
    def seconds(self) -> float:
        """Return the latency; 0.0 where the answer came before the question, see ``untimed``."""
        return max(self.arrived - self.sent, 0.0)

    @property
    def untimed(self) -> str:
        """Return why the latency is not the provider's, in words; "" where it is."""
        if self.early:
            return UNASKED
        return UNSURE if self.sent_by - self.sent > MOST_UNSURE else ""

    def before_write(self, wire: StampedStream, *, unasked: bool) -> None:
        """Begin a request's time with its first write, not with a later piece of it.

        unasked: bytes of an answer are there already.
        """
        if not self._writing:
            self._writing, wire.sent, self.early = True, None, unasked

    def after_write(self, wire: StampedStream) -> None:
        """Note in trio seconds when the request was sent."""
        self.sent = trio.current_time() if wire.sent is None else wire.sent
        self.sent_by = wire.sent_by

    def after_read(self, wire: StampedStream) -> None:
        """Note in trio seconds when bytes arrived, by the kernel's stamp where there is one."""
        if self._writing:
            self.early = self.early or wire.not_after < self.sent
            self.sent_by = min(self.sent_by, wire.not_after)  # an answer proves it
        self.arrived, self.stamped, self._writing = wire.arrived, wire.stamped, False


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to exactly the address that was checked, so a second look-up cannot replace it.

    TLS still verifies the host name of the URL. ``progress`` belongs to the current exchange.
    clear_host: the host that gets a key in clear text, as its name says it is this machine.
    Time-outs passed in are ignored: the caller has a cancel scope.
    """

    def __init__(self, *, allow_private: bool, clear_host: str | None = None) -> None:
        keep_stamping()  # before the first answer arrives
        self.progress = ExchangeProgress()
        self.times = ExchangeTimes()
        self.sessions = TlsSessions()
        self._allow_private = allow_private
        self._clear_host = clear_host
        self._lookups = trio.CapacityLimiter(LOOKUPS)

    async def connect_tcp(
        self, host: str, port: int, *_: Any, **__: Any
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, drop addresses that are not allowed, connect to the first that accepts.

        Raises httpcore.ConnectError where none is allowed or accepts.
        """
        found = await self._resolve(host, port)
        addresses = filter_addresses(host, found, self._allow_private)
        if host == self._clear_host:
            addresses = keep_loopback(host, addresses)
        socket_ = await first_connected(partial(_connect, port=port), addresses)
        self.progress.connected = True
        return Stream(StampedStream(socket_), self)

    async def sleep(self, seconds: float) -> None:
        """Sleep on trio, as httpcore asks between its own retries."""
        await trio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        """Resolve a host to addresses without duplicates. Raises OSError and UnicodeError."""
        if is_address(host):
            return [host]
        found = await in_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            expected=(OSError, UnicodeError),
            limiter=self._lookups,
            abandon_on_cancel=True,
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Stream(httpcore.AsyncNetworkStream):
    """A trio stream for httpcore, whose own wraps each read and write in a scope and a timer.

    That one also leaks a socket when its TLS handshake is cancelled. host: the TLS peer's name.
    """

    def __init__(
        self,
        inner: StampedStream | trio.SSLStream[Any],
        backend: GuardedBackend,
        host: str | None = None,
    ) -> None:
        self._inner, self._host = inner, host
        self._backend, self._times = backend, backend.times
        self._wire = _wire_of(inner)
        self._silent = True  # nothing written yet

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there, a little at a time until the head is whole; ``timeout`` is not used.

        Raises httpcore.ReadError when the connection breaks.
        """
        progress = self._backend.progress  # of the current exchange: the stream outlives it
        most = min(max_bytes, READ if progress.answered else READ_OF_HEAD)
        try:
            data = bytes(await self._inner.receive_some(most))
        except BROKEN as error:
            raise httpcore.ReadError(str(error)) from error
        self._times.after_read(self._wire)
        if not progress.answered:
            progress.read += len(data)
            if progress.read > MOST_HEAD:
                raise HeadTooLongError
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of it and note when; ``timeout`` is not used. Raises httpcore.WriteError."""
        if not buffer:  # the end of a request without a body
            return
        wire = self._wire
        # With TLS, early bytes may be session tickets: only a time stamp tells them from an answer.
        unasked = self._silent and self._inner is wire and wire.is_readable()
        self._silent = False
        self._times.before_write(wire, unasked=unasked)
        try:
            await self._inner.send_all(buffer)
        except BROKEN as error:
            raise httpcore.WriteError(str(error)) from error
        finally:
            self._times.after_write(self._wire)
        self._backend.progress.written = True

    async def aclose(self) -> None:
        """Keep the TLS session for the next connection, then close."""
        if self._host is not None and isinstance(self._inner, trio.SSLStream):
            self._backend.sessions.keep(self._inner, self._host)
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Do the handshake, with a kept session where there is one, and return the TLS stream."""
        self._backend.progress.handshaking = True
        stream = trio.SSLStream(
            self._inner, ssl_context, server_hostname=server_hostname, https_compatible=True
        )
        sessions = self._backend.sessions
        if server_hostname is not None:
            sessions.offer(stream, server_hostname)
        try:
            await stream.do_handshake()
        except BROKEN as error:
            await trio.aclose_forcefully(self._inner)
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            await trio.aclose_forcefully(self._inner)
            raise
        self._backend.progress.handshaking = False
        if server_hostname is not None:
            sessions.note_handshake(stream, server_hostname)
        return Stream(stream, self._backend, server_hostname)

    def get_extra_info(self, info: str) -> Any:
        """Answer ``ssl_object`` and ``is_readable``, what httpcore asks for; None for all else."""
        if info == "ssl_object" and isinstance(self._inner, trio.SSLStream):
            return self._inner._ssl_object  # noqa: SLF001 (trio shows it under no other name)
        if info == "is_readable":
            # We close the connection to end a stream early. If the rest of the answer was already
            # there, the connection counts as idle, and this is asked before it is reused.
            return self._wire.is_readable()
        return None


def _wire_of(stream: Any) -> StampedStream:
    """Return the stream below all layers of TLS."""
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    found: StampedStream = stream
    return found


async def _connect(address: str, *, port: int) -> socket.socket:
    """Return a connected socket; none is left when it fails or is cancelled."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    try:
        made.setblocking(False)
        await trio.socket.from_stdlib_socket(made).connect((address, port))
    except OSError as error:
        made.close()
        raise httpcore.ConnectError(str(error)) from error
    except BaseException:
        made.close()
        raise
    return made
