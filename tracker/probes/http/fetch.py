"""The bounded request: no redirect, no surprise, every failure named."""

from collections.abc import Mapping
from itertools import accumulate

import attrs
import httpcore
import httpx
import trio

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes.http.failures import FetchError, host_of, to_fetch_error
from tracker.probes.http.network import (
    AddressRefusedError,
    ExchangeProgress,
    filter_addresses,
    is_address,
)
from tracker.probes.http.response import BoundedResponse
from tracker.probes.http.transport import HEADERS, Transport

SMALL = 256 * 1024  # bytes: an error, a verdict, a completion of one token
LARGE = 4 * 1024 * 1024  # a model list: OpenRouter's is beyond 500 kB and grows
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


@attrs.frozen(kw_only=True)
class Request:
    """What is sent. limit: bytes read of a good answer. timed: note when each piece arrived."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    limit: int = SMALL
    timed: bool = False


async def fetch(transport: Transport, request: Request, provider: Provider) -> BoundedResponse:
    """One request, one answer of bounded size. Raises FetchError for anything else."""
    progress = transport.begin()
    try:
        if provider.proxy is not None:
            _check_literal(request.url, provider)
        return await _exchange(transport, request, progress)
    except FAILURES as error:
        # The server closed an idle connection just as we used it again: that is no outage.
        reused = not (progress.connected or progress.answered)
        if not (reused and isinstance(error, STALE)):
            raise to_fetch_error(error, request.url, progress) from None
    return await fetch(transport, request, provider)


async def _exchange(
    transport: Transport, request: Request, progress: ExchangeProgress
) -> BoundedResponse:
    began = trio.current_time()
    response = await transport.handle_async_request(
        httpx.Request(
            request.method,
            request.url,
            headers={**HEADERS, **request.headers},
            content=request.content,
        )
    )
    try:
        progress.answered = transport.answered = True
        first = trio.current_time() - began
        refuse_redirect(response)
        limit = request.limit if response.is_success else SMALL
        pieces = await _read(response, limit, began)
    finally:
        await response.aclose()
    body = b"".join(piece for piece, _ in pieces)
    if len(body) > limit and response.is_success:
        raise too_large(limit)
    return BoundedResponse(
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
    if response.is_success and _content_length(response) > limit:
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
        raise FetchError(OutcomeKind.BAD_RESPONSE, message, answered=True)


def too_large(limit: int) -> FetchError:
    return FetchError(
        OutcomeKind.BAD_RESPONSE,
        f"the answer is too large: over {limit // 1024} KiB",
        answered=True,
    )


def _refuse_encoding(response: httpx.Response) -> list[tuple[bytes, float]]:
    """Unpacking would give whoever answers 400 MB of our memory for 200 kB of his."""
    if response.is_success:
        message = "the answer is compressed, though we asked for none"
        raise FetchError(OutcomeKind.BAD_RESPONSE, message, answered=True)
    return []


def _content_length(response: httpx.Response) -> int:
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
        filter_addresses(host, [host], provider.allow_private)
