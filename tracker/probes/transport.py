"""One HTTP transport a provider, over a connection pool whose connections are guarded."""

import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache, partial
from typing import Any, Self

import httpcore
import httpx
import trio

from tracker.probes.failures import FetchError
from tracker.probes.network import GuardedBackend, Progress
from tracker.reports import Kind
from tracker.settings import Provider

KEEP_ALIVE = 55.0  # seconds: below the 60 after which common servers close an idle connection
USER_AGENT = "provider-status-tracker/0.1"  # Together's firewall refuses Python's default one
HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}

# Both log whole requests at INFO and DEBUG, headers of ours included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@lru_cache(maxsize=32)
def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """One for all providers: loading the authorities takes 20 ms. ``ca_file`` adds to them.

    Raises OSError (ssl.SSLError is one) when the file cannot be read.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Transport(httpx.AsyncBaseTransport):
    """httpx's requests and answers over connections that are guarded.

    There is no httpx client above it: redirects, cookies, the environment and time-outs of its
    own are what a check must not have, and they are a third of what a request costs. Nor does
    httpcore's pool stand below: it keeps a connection that was cancelled before its first request
    for ever. It only knows how connections are made; here each origin has one. One exchange at a
    time. Errors are httpcore's.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool, backend: GuardedBackend) -> None:
        self.connections: dict[str, httpcore.AsyncConnectionInterface] = {}
        self._pool = pool
        self._backend = backend

    def begin(self) -> Progress:
        """That of the exchange that follows."""
        self._backend.progress = progress = Progress()
        return progress

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = await self._connection(url.origin)
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
        made = self.connections[name] = self._pool.create_connection(origin)
        return made

    async def _settle(self, name: str) -> None:
        """An exchange is over: keep its connection if that can serve another."""
        if not self.connections[name].is_idle():
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        if (connection := self.connections.pop(name, None)) is not None:
            with trio.CancelScope(shield=True):  # a socket's close: local and immediate
                await connection.aclose()

    async def aclose(self) -> None:
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
    backend = GuardedBackend(allow_private=provider.allow_private or provider.proxy is not None)
    try:
        return Transport(_pool(provider, tls or tls_context(provider.ca_file), backend), backend)
    except OSError as error:
        reason = f"ca_file cannot be read: {error.strerror or 'no certificate in it'}"
        raise FetchError(Kind.REQUEST, reason) from None
    except (ValueError, httpx.InvalidURL):
        raise FetchError(Kind.REQUEST, "proxy must be an http:// or https:// URL") from None


def _pool(
    provider: Provider, tls: ssl.SSLContext, backend: GuardedBackend
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
