"""The bounded request: one client a provider, no redirect, no surprise, every failure named."""

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import accumulate
from typing import Any

import attrs
import httpcore
import httpx
import trio

from tracker.probes.failures import FetchError, explained, host_of
from tracker.probes.network import AddressRefusedError, GuardedBackend, allowed, is_address
from tracker.probes.reply import Reply
from tracker.reports import Kind
from tracker.settings import Provider

SMALL = 256 * 1024  # bytes: an error, a verdict, a completion of one token
LARGE = 4 * 1024 * 1024  # a model list: OpenRouter's is beyond 500 kB and grows
KEEP_ALIVE = 55.0  # seconds: below the 60 after which common servers close an idle connection
STALE = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
# OSError and ValueError come from look-ups and from a key or host that no header can carry.
FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpx.InvalidURL,
    httpx.HTTPError,
    AddressRefusedError,
    OSError,
    ValueError,
)
PLAIN = frozenset({"", "identity"})
USER_AGENT = "provider-status-tracker/0.1"  # Together's firewall refuses Python's default one

# Both log whole requests at INFO and DEBUG, headers of ours included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@attrs.frozen(kw_only=True)
class Request:
    """What is sent. limit: bytes read of a good answer. timed: note when each piece arrived."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    limit: int = SMALL
    timed: bool = False


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


async def fetch(client: httpx.AsyncClient, request: Request, provider: Provider) -> Reply:
    """One request, one answer of bounded size. Raises FetchError for anything else."""
    progress = Progress()
    try:
        if provider.proxy is not None:
            _check_literal(request.url, provider)
        return await _exchange(client, request, progress)
    except FAILURES as error:
        # The server closed an idle connection just as we used it again: that is no outage.
        reused = not (progress.connected or progress.answered)
        if not (reused and isinstance(error, STALE)):
            raise explained(error, request.url, progress) from None
    return await fetch(client, request, provider)


@attrs.define
class Progress:
    """How far an exchange got, told by httpcore's trace."""

    step: str = ""
    connected: bool = False  # it made a connection of its own, rather than reuse one
    answered: bool = False

    async def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        self.step = event
        self.connected = self.connected or event == "connection.connect_tcp.complete"
        self.answered = self.answered or event == "http11.receive_response_headers.complete"


async def _exchange(client: httpx.AsyncClient, request: Request, progress: Progress) -> Reply:
    began = trio.current_time()
    async with client.stream(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.content,
        extensions={"trace": progress},
    ) as response:
        first = trio.current_time() - began
        refuse_redirect(response)
        limit = request.limit if response.is_success else SMALL
        pieces = await _read(response, limit, began)
    body = b"".join(piece for piece, _ in pieces)
    if len(body) > limit and response.is_success:
        raise too_large(limit)
    return Reply(
        status=response.status_code,
        headers=tuple((name.lower(), value) for name, value in response.headers.multi_items()),
        body=body[:limit],
        seconds=trio.current_time() - began,
        first_byte_seconds=first,
        cut=len(body) > limit,
        arrivals=_arrivals(pieces) if request.timed else (),
    )


async def _read(response: httpx.Response, limit: int, began: float) -> list[tuple[bytes, float]]:
    """Raw pieces with their seconds, stopping beyond ``limit``; none of an encoded body."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in PLAIN:
        return _refuse_encoding(response)
    if response.is_success and _declared(response) > limit:
        raise too_large(limit)
    pieces: list[tuple[bytes, float]] = []
    size = 0
    try:
        async for piece in response.aiter_raw():
            if size <= limit:
                pieces.append((piece, trio.current_time() - began))
                size += len(piece)
                if size > limit:
                    # Ends the generators under us by an error of theirs: breaking off would
                    # leave them to the garbage collector.
                    await response.extensions["network_stream"].aclose()
    except httpcore.NetworkError:
        if size <= limit:
            raise
    return pieces


def refuse_redirect(response: httpx.Response) -> None:
    """A redirect is no answer of an API. Raises FetchError naming only the host it leads to."""
    if 300 <= response.status_code < 400:
        location = response.headers.get("location", "")
        target = f" to {host_of(location)}" if "//" in location else ""
        message = f"redirected{target} ({response.status_code}): base_url is not the API's"
        raise FetchError(Kind.BAD_RESPONSE, message, answered=True)


def too_large(limit: int) -> FetchError:
    return FetchError(
        Kind.BAD_RESPONSE, f"the answer is too large: over {limit // 1024} KiB", answered=True
    )


def _refuse_encoding(response: httpx.Response) -> list[tuple[bytes, float]]:
    """Unpacking would give whoever answers 400 MB of our memory for 200 kB of his."""
    if response.is_success:
        message = "the answer is compressed, though we asked for none"
        raise FetchError(Kind.BAD_RESPONSE, message, answered=True)
    return []


def _declared(response: httpx.Response) -> int:
    """The length it claims; httpcore has checked that it is a number."""
    length = response.headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _arrivals(pieces: list[tuple[bytes, float]]) -> tuple[tuple[int, float], ...]:
    totals = accumulate(len(piece) for piece, _ in pieces)
    return tuple(zip(totals, (seconds for _, seconds in pieces), strict=True))


def _check_literal(url: str, provider: Provider) -> None:
    """Behind a proxy only an address in the URL itself can be checked: the proxy resolves names."""
    host = httpx.URL(url).host
    if is_address(host):
        allowed(host, [host], provider.allow_private)
