"""One HTTP transport per provider, over connections with checked addresses."""

import logging
import ssl
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Self
from urllib.parse import urlsplit

import httpcore
import httpx
import trio

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes.http.certificate_authorities import CertificateAuthorities, tls_context
from tracker.probes.http.connection import Answer, Connection
from tracker.probes.http.failures import FetchError
from tracker.probes.http.http11 import KEEP_ALIVE, DirectConnection
from tracker.probes.http.network import ExchangeProgress, ExchangeTimes, GuardedBackend
from tracker.probes.http.prepared_request import PreparedRequest, prepare_request
from tracker.probes.http.proxied_connection import ProxiedConnection

# Longest life of a connection, however busy: only a new one shows that the provider's name now
# resolves elsewhere, or not at all, as callers notice with each new connection of theirs.
OLDEST_SECONDS = 60.0
MOST_PREPARED = 8  # prepared requests kept per provider: its list and a few completions

# Both log whole requests at INFO and DEBUG, including our headers with keys.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Transport:
    """Requests and answers of one provider over connections with checked addresses.

    It does not use httpx's client, whose redirects, cookies, environment and time-outs a check must
    not have, and which is a third of the cost of a request. It does not use httpcore's pool either,
    which keeps a connection forever when it is cancelled before its first request. Each origin has
    one connection, ours or (through a proxy) httpcore's, for at most OLDEST_SECONDS. One exchange
    at a time. Errors are httpcore's.

    answered: whether the head of an answer has arrived since it was last reset.
    """

    def __init__(
        self,
        backend: GuardedBackend,
        authorities: CertificateAuthorities,
        proxy: httpx.Proxy | None = None,
    ) -> None:
        self.connections: dict[str, Connection] = {}
        self._made_at: dict[str, float] = {}  # trio seconds
        self.answered = False
        self.sent = 0
        self._backend = backend
        self._authorities, self._proxy = authorities, proxy
        self._prepared: dict[Hashable, PreparedRequest] = {}

    @property
    def times(self) -> ExchangeTimes:
        """Return the times of the present exchange."""
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

    def prepare(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> PreparedRequest:
        """Return the request as it is sent, the same object while the same is asked.

        Raises httpx.InvalidURL, httpcore.LocalProtocolError and ValueError.
        """
        asked = (method, url, *headers.items(), content)
        known = self._prepared.get(asked)
        if known is None:
            if len(self._prepared) >= MOST_PREPARED:
                self._prepared.clear()
            known = self._prepared[asked] = prepare_request(method, url, headers, content)
        return known

    async def ask(self, request: PreparedRequest) -> Answer:
        """Send over the origin's one connection, made where there is none. Read the head.

        The answer is ended with ``end``.
        """
        connection = await self._connection(request)
        self.sent += 1
        try:
            return await connection.ask(request)
        except BaseException:
            await self._drop(request.origin)
            raise

    async def end(self, request: PreparedRequest, answer: Answer) -> None:
        """End an exchange: its connection is kept if it can serve another."""
        try:
            await answer.aclose()
        finally:
            if not self.connections[request.origin].is_idle():
                await self._drop(request.origin)

    async def _connection(self, request: PreparedRequest) -> Connection:
        known = self.connections.get(request.origin)
        if known is not None and known.is_reusable() and self._is_young(request.origin):
            return known
        await self._drop(request.origin)
        if request.url.scheme not in {b"http", b"https"}:
            raise httpcore.UnsupportedProtocol("only http:// and https:// URLs are supported")
        tls = await self._authorities.load()
        origin = request.url.origin
        made = (
            await self._connect(origin, tls)
            if self._proxy is None
            else self._through(self._proxy, origin, tls)
        )
        self.connections[request.origin] = made
        self._made_at[request.origin] = trio.current_time()
        return made

    def _is_young(self, origin: str) -> bool:
        return trio.current_time() - self._made_at[origin] < OLDEST_SECONDS

    async def _connect(self, origin: httpcore.Origin, tls: ssl.SSLContext) -> Connection:
        host = origin.host.decode("ascii")
        stream = await self._backend.connect_tcp(host, origin.port)
        if origin.scheme == b"https":
            tls.set_alpn_protocols(["http/1.1"])
            try:
                stream = await stream.start_tls(tls, server_hostname=host)
            except httpcore.ConnectError:
                self._authorities.forget_reading()
                raise
        return DirectConnection(stream)

    def _through(
        self, proxy: httpx.Proxy, origin: httpcore.Origin, tls: ssl.SSLContext
    ) -> Connection:
        pool = httpcore.AsyncHTTPProxy(
            str(proxy.url),
            proxy_auth=proxy.raw_auth,
            ssl_context=tls,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=self._backend,
        )
        return ProxiedConnection(pool.create_connection(origin))

    async def _drop(self, name: str) -> None:
        if (connection := self.connections.pop(name, None)) is not None:
            with trio.CancelScope(shield=True):  # a socket's close: local and immediate
                await connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; the next request opens another."""
        for name in tuple(self.connections):
            await self._drop(name)


def open_transport(provider: Provider, tls: ssl.SSLContext | None = None) -> Transport:
    """Open a transport, which the caller closes.

    Each provider has one: in a shared pool cancelled and hung requests starve the others.

    Raises FetchError (Kind.REQUEST) where the proxy cannot be used; a request does where the CA
    file cannot.
    """
    # The operator chose the proxy: it may be in a private network.
    backend = GuardedBackend(
        allow_private=provider.allow_private or provider.proxy is not None,
        clear_host=_clear_host(provider),
    )
    if tls is None:
        trusted = CertificateAuthorities(partial(tls_context, provider.ca_file), provider.ca_file)
    else:
        trusted = CertificateAuthorities(lambda: tls)
    try:
        proxy = _proxy_of(provider)
    except (ValueError, httpx.InvalidURL):
        raise FetchError(OutcomeKind.REQUEST, "proxy must be an http:// or https:// URL") from None
    return Transport(backend, trusted, proxy)


def _clear_host(provider: Provider) -> str | None:
    """Return the host that gets a key in clear text, on the word of its name alone.

    None without one.
    """
    try:
        url = urlsplit(provider.base_url)
    except ValueError:  # the caller gets the error
        return None
    sends = bool(provider.secrets) or "credential_file" in provider.options
    if url.scheme != "http" or not sends or provider.allow_private or provider.proxy is not None:
        return None
    return url.hostname


def _proxy_of(provider: Provider) -> httpx.Proxy | None:
    """Return the proxy. Raises ValueError for one we cannot use."""
    if provider.proxy is None:
        return None
    proxy = httpx.Proxy(provider.proxy)
    if proxy.url.scheme not in {"http", "https"}:
        raise ValueError("proxy must be an http:// or https:// URL")
    return proxy
