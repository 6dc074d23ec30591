"""The way to a provider: names resolved apart from everybody else's, addresses checked."""

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore
import trio

from tracker.addresses import address_allowed

HEAD_START = 0.25  # seconds an address has before the next is tried too (RFC 8305)
# A hung resolver keeps its thread beyond our patience. Two for each provider: one may hang while
# the next check tries again, and nobody else ever waits for them.
LOOKUPS = 2


class AddressRefusedError(Exception):
    """A host leads only to addresses we may not ask; says which setting decides."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked, so that a second look-up cannot swap it.

    TLS still names the host: httpcore asks for the certificate of the URL's.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.TrioBackend()
        self._lookups = trio.CapacityLimiter(LOOKUPS)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def connect(address: str) -> httpcore.AsyncNetworkStream:
            return _Stream(
                await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            )

        found = await self._resolve(host, port)
        return await first_connected(connect, allowed(host, found, self._allow_private))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        """Addresses of a host, without duplicates. Raises OSError and UnicodeError."""
        if is_address(host):
            return [host]
        found = await trio.to_thread.run_sync(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            limiter=self._lookups,
            abandon_on_cancel=True,
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Stream(httpcore.AsyncNetworkStream):
    """httpcore's stream, closed also when its TLS handshake is cancelled: httpcore leaks it."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await _close([self._inner])
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def is_address(host: str) -> bool:
    """Whether it is an IP address already; an IPv6 one may carry a zone."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
        return True
    return False


def allowed(host: str, addresses: Sequence[str], allow_private: bool) -> list[str]:
    """Those we may ask. Raises AddressRefusedError when there is none."""
    good = [a for a in addresses if address_allowed(a.partition("%")[0], allow_private)]
    if good:
        return good
    if any(address_allowed(a.partition("%")[0], True) for a in addresses):
        reason = "a private address; set allow_private = true if that is meant"
    else:
        reason = "a link-local or reserved address, which is never asked"
    raise AddressRefusedError(f"{host} is {reason}")


async def first_connected(
    connect: Callable[[str], Any], addresses: Sequence[str]
) -> httpcore.AsyncNetworkStream:
    """The first address to accept (RFC 8305). Raises the last failure when all have failed."""
    streams: list[httpcore.AsyncNetworkStream] = []
    failures: list[httpcore.ConnectError] = []

    async def attempt(address: str, failed: trio.Event) -> None:
        try:
            streams.append(await connect(address))
        except httpcore.ConnectError as error:
            failures.append(error)
            failed.set()
        else:
            nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(HEAD_START):
                    await failed.wait()
    except BaseException:  # cancelled from outside at the very moment one was accepted
        await _close(streams)
        raise
    await _close(streams[1:])
    if not streams:
        raise failures[-1]
    return streams[0]


async def _close(streams: Sequence[httpcore.AsyncNetworkStream]) -> None:
    with trio.CancelScope(shield=True):  # a socket's close: local and immediate
        for stream in streams:
            await stream.aclose()
