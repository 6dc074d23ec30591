"""One HTTP client a provider, over a connection pool whose connections are guarded."""

import logging
import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from tracker.probes.failures import FetchError
from tracker.probes.network import GuardedBackend
from tracker.reports import Kind
from tracker.settings import Provider

KEEP_ALIVE = 55.0  # seconds: below the 60 after which common servers close an idle connection
USER_AGENT = "provider-status-tracker/0.1"  # Together's firewall refuses Python's default one

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


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class PoolTransport(httpx.AsyncBaseTransport):
    """httpx over a pool with our own network backend, for which its own transport has no setting.

    Errors stay httpcore's.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        response = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


def connection_pool(provider: Provider, tls: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """A pool of one provider's own. Raises ValueError for a proxy we cannot use."""
    if provider.proxy is None:
        backend = GuardedBackend(allow_private=provider.allow_private)
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
        # The proxy was named by whoever runs this: it may well stand in a private network.
        network_backend=GuardedBackend(allow_private=True),
    )


def new_client(provider: Provider, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """A client to be opened by the caller, one for each provider: in a shared pool cancelled and
    hung requests starve the others.

    Raises FetchError (Kind.REQUEST) where the proxy or the CA file cannot be used.
    """
    try:
        pool = connection_pool(provider, tls or tls_context(provider.ca_file))
    except OSError as error:
        reason = f"ca_file cannot be read: {error.strerror or 'no certificate in it'}"
        raise FetchError(Kind.REQUEST, reason) from None
    except (ValueError, httpx.InvalidURL):
        raise FetchError(Kind.REQUEST, "proxy must be an http:// or https:// URL") from None
    return httpx.AsyncClient(
        transport=PoolTransport(pool),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        # The caller's scope is the only timer: httpx's holds for each read.
        timeout=None,  # noqa: S113
        follow_redirects=False,  # keys in headers of their own would travel along
        trust_env=False,
    )
