"""One HTTP transport a provider, over a connection pool whose connections are guarded."""

import errno
import logging
import ssl
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx
import trio

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes.http.failures import FetchError
from tracker.probes.http.network import ExchangeProgress, ExchangeTimes, GuardedBackend

KEEP_ALIVE = 55.0  # seconds: below the 60 after which common servers close an idle connection
USER_AGENT = "provider-status-tracker/0.1"  # Together's firewall refuses Python's default one
HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}

# Both log whole requests at INFO and DEBUG, headers of ours included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """One for all providers: loading the authorities takes 20 ms. ``ca_file`` adds to them.

    Another one once the file has changed. Raises OSError (ssl.SSLError is one) when it cannot be
    read.
    """
    if ca_file is None:
        return _tls_context(None, None)
    found = Path(ca_file).stat()
    if not stat.S_ISREG(found.st_mode):  # reading a pipe never ends
        raise OSError(errno.EINVAL, "it is not a regular file")
    return _tls_context(ca_file, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=32)
def _tls_context(ca_file: str | None, _: tuple[int, ...] | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Transport(httpx.AsyncBaseTransport):
    """httpx's requests and answers over connections that are guarded.

    There is no httpx client above it: redirects, cookies, the environment and time-outs of its
    own are what a check must not have, and they are a third of what a request costs. Nor does
    httpcore's pool stand below: it keeps a connection that was cancelled before its first request
    forever. It only knows how connections are made; here each origin has one. One exchange at a
    time. Errors are httpcore's.

    answered: whether the head of an answer came since somebody set it back.
    trust: gives the authorities, which may be renewed while we run. pool: makes one with them.
    Raises what either does.
    """

    def __init__(
        self,
        backend: GuardedBackend,
        trust: Callable[[], ssl.SSLContext],
        pool: Callable[[ssl.SSLContext], httpcore.AsyncConnectionPool],
    ) -> None:
        self.connections: dict[str, httpcore.AsyncConnectionInterface] = {}
        self.answered = False
        self.sent = 0
        self._backend = backend
        self._trust, self._make_pool = trust, pool
        self._tls = trust()
        self._pool = pool(self._tls)

    @property
    def times(self) -> ExchangeTimes:
        """Those of the present exchange."""
        return self._backend.times

    async def begin(self, *, fresh: bool = False) -> ExchangeProgress:
        """Return the progress of the exchange that follows. ``fresh``: on a connection of its own.

        Every exchange is counted in ``sent``, whether or not it is answered.
        """
        if fresh:
            for name in tuple(self.connections):
                await self._drop(name)
        self._backend.progress = progress = ExchangeProgress()
        return progress

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send over the origin's one connection, made where there is none. Raises httpx errors."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = await self._connection(url.origin)
        self.sent += 1
        try:
            response = await connection.handle_async_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=_Content(request.content),
                )
            )
        except BaseException:
            await self._drop(str(url.origin))
            raise
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream, partial(self._settle, str(url.origin))),
            extensions=response.extensions,
        )

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        name = str(origin)
        known = self.connections.get(name)
        if known is not None and known.is_available() and not known.has_expired():
            return known
        await self._drop(name)
        if origin.scheme not in {b"http", b"https"}:
            raise httpcore.UnsupportedProtocol("only http:// and https:// can be asked")
        self._renew()
        made = self.connections[name] = self._pool.create_connection(origin)
        return made

    def _renew(self) -> None:
        with suppress(OSError):  # just being replaced: the authorities known so far will do
            if (tls := self._trust()) is not self._tls:
                self._tls, self._pool = tls, self._make_pool(tls)

    async def _settle(self, name: str) -> None:
        """An exchange is over: keep its connection if that can serve another."""
        if not self.connections[name].is_idle():
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        if (connection := self.connections.pop(name, None)) is not None:
            with trio.CancelScope(shield=True):  # a socket's close: local and immediate
                await connection.aclose()

    async def aclose(self) -> None:
        """Close all connections; the next request opens another."""
        for name in tuple(self.connections):
            await self._drop(name)


class _Content:
    """What is sent, in one piece. A generator would be left to the garbage collector by a write
    that is cancelled.
    """

    def __init__(self, content: bytes) -> None:
        self._pieces = iter((content,) if content else ())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any, settle: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._settle = settle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._settle()


def open_transport(provider: Provider, tls: ssl.SSLContext | None = None) -> Transport:
    """To be closed by the caller, one for each provider: in a shared pool cancelled and hung
    requests starve the others.

    Raises FetchError (Kind.REQUEST) where the proxy or the CA file cannot be used.
    """
    # A proxy was named by whoever runs this: it may well stand in a private network.
    backend = GuardedBackend(
        allow_private=provider.allow_private or provider.proxy is not None,
        clear_host=_clear_host(provider),
    )
    trust = partial(tls_context, provider.ca_file) if tls is None else lambda: tls
    try:
        return Transport(backend, trust, partial(_pool, provider, backend))
    except OSError as error:
        reason = f"ca_file cannot be read: {error.strerror or 'no certificate in it'}"
        raise FetchError(OutcomeKind.REQUEST, reason) from None
    except (ValueError, httpx.InvalidURL):
        raise FetchError(OutcomeKind.REQUEST, "proxy must be an http:// or https:// URL") from None


def _clear_host(provider: Provider) -> str | None:
    """The host that gets a key in clear text, on the word of its name alone; None without one."""
    try:
        url = urlsplit(provider.base_url)
    except ValueError:  # whoever asks it is told so
        return None
    sends = bool(provider.secrets) or "credential_file" in provider.options
    if url.scheme != "http" or not sends or provider.allow_private or provider.proxy is not None:
        return None
    return url.hostname


def _pool(
    provider: Provider, backend: GuardedBackend, tls: ssl.SSLContext
) -> httpcore.AsyncConnectionPool:
    """A pool of one provider's own. Raises ValueError for a proxy we cannot use."""
    if provider.proxy is None:
        return httpcore.AsyncConnectionPool(
            ssl_context=tls, keepalive_expiry=KEEP_ALIVE, network_backend=backend
        )
    proxy = httpx.Proxy(provider.proxy)
    if proxy.url.scheme not in {"http", "https"}:
        raise ValueError("proxy must be an http:// or https:// URL")
    return httpcore.AsyncHTTPProxy(
        str(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=tls,
        keepalive_expiry=KEEP_ALIVE,
        network_backend=backend,
    )
