"""One bounded request: no redirects, limited size, every failure in plain words."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from itertools import accumulate

import attrs
import httpcore
import httpx
import trio

from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes.http.allowed_addresses import (
    AddressRefusedError,
    filter_addresses,
    is_address,
)
from tracker.probes.http.connection import Answer
from tracker.probes.http.encoding import SUPPORTED, UnpackError, unpack
from tracker.probes.http.failures import FetchError, host_of, to_fetch_error
from tracker.probes.http.network import ExchangeProgress, ExchangeTimes
from tracker.probes.http.response import BoundedResponse
from tracker.probes.http.transport import Transport

SMALL = 256 * 1024  # bytes: an error, a key's status, a completion of one token
LARGE = 4 * 1024 * 1024  # a model list: OpenRouter's is over 500 kB and grows
# Pieces of one body. 4 MiB take 256 reads; chunks of one byte would be millions.
MOST_PIECES = 20_000
AT_ONCE = 100  # pieces read before other tasks may run: about two milliseconds
STALE = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
# OSError and ValueError come from look-ups and from a key or host that cannot be put in a header.
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
REQUEST_TIMEOUT = 408
PLAIN = frozenset({"", "identity"})
# How long we read on after the first token: an error directly after it is part of the answer; how
# the stream ends is not.
LOOK_ON_SECONDS = 0.25


@attrs.frozen(kw_only=True)
class Request:
    """One request to send.

    limit: bytes read of a successful answer. timed: note when each piece arrived. watch: says when
    a streamed answer has answered: we read on for LOOK_ON_SECONDS, then close the connection.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    limit: int = SMALL
    timed: bool = False
    watch: "Watch | None" = attrs.field(default=None, repr=False)


class Progress(Enum):
    """Whether to read on after a piece of an answer."""

    WAITING = auto()
    ANSWERED = auto()
    OVER = auto()


Watch = Callable[[bytes], Progress]
"""Receives each piece of a successful answer and says how far the answer is."""


async def fetch(transport: Transport, request: Request, provider: Provider) -> BoundedResponse:
    """Make one request and read its answer, bounded. Raises FetchError for anything else.

    It is sent once more only where it surely was not taken: a GET of which nothing could be
    written, for the kept connection was closed already, or one answered 408 there, which is how
    proxies close one. Where the connection closes after it was written, and nothing came, nobody
    can tell, so it counts against no provider. A POST is never sent twice: it has a connection of
    its
    own.
    """
    progress = await transport.begin(fresh=request.method != "GET")
    try:
        if provider.proxy is not None:
            _check_literal(request.url, provider)
        response = await _exchange(transport, request, progress)
        if progress.connected or response.status != REQUEST_TIMEOUT:
            return response
    except FAILURES as error:
        reused = not (progress.connected or progress.answered)
        begun = progress.written and progress.read > 0  # it received the request and then broke off
        if begun or not (reused and isinstance(error, STALE)):
            raise to_fetch_error(error, request.url, progress) from None
        if progress.written:
            message = f"{host_of(request.url)} closed the kept-alive connection during our request"
            raise FetchError(OutcomeKind.INTERNAL, message) from None
    transport.answered = False
    await transport.begin(fresh=True)
    return await fetch(transport, request, provider)


async def _exchange(
    transport: Transport, request: Request, progress: ExchangeProgress
) -> BoundedResponse:
    prepared = transport.prepare(request.method, request.url, request.headers, request.content)
    answer = await transport.ask(prepared)
    try:
        progress.answered = transport.answered = True
        head = BoundedResponse(status=answer.status, headers=answer.headers)
        refuse_redirect(head)
        limit = request.limit if head.is_success else SMALL
        watch = request.watch if head.is_success else None
        reading = _Reading(limit, transport.times, watch)
        await _read(answer, head, reading)
    finally:
        await transport.end(prepared, answer)
    pieces = reading.pieces
    body = b"".join([piece for piece, _ in pieces])
    if len(body) > limit and head.is_success:
        raise too_large(limit)
    if _encoding(head) in SUPPORTED:
        body = _unpack(body, is_success=head.is_success)
    return BoundedResponse(
        status=head.status,
        headers=head.headers,
        body=body[:limit],
        seconds=pieces[-1][1] if watch and pieces else transport.times.seconds,
        stamped=transport.times.stamped,
        untimed=transport.times.untimed,
        cut=len(body) > limit,
        arrivals=_arrivals(pieces) if request.timed else (),
    )


async def _read(answer: Answer, head: BoundedResponse, reading: "_Reading") -> None:
    """Read raw pieces with their seconds, stopping beyond a limit or when ``watch`` says so."""
    _check_encoding(head)
    if head.is_success and _content_length(head) > reading.limit:
        raise too_large(reading.limit)
    try:
        if reading.watch is None:
            await reading.read_all(answer)
        else:
            with trio.CancelScope() as listening:
                await reading.read_all(answer, listening)
    except (httpcore.NetworkError, httpcore.ProtocolError):
        if not reading.is_over() and reading.told is Progress.WAITING:
            raise
    if len(reading.pieces) > MOST_PIECES:
        message = f"the answer came in more than {MOST_PIECES:,} tiny pieces"
        raise FetchError(OutcomeKind.BAD_RESPONSE, message, answered=True)


@attrs.define
class _Reading:
    """The part of a body received so far."""

    limit: int
    times: ExchangeTimes
    watch: Watch | None
    pieces: list[tuple[bytes, float]] = attrs.field(factory=list)
    size: int = 0
    told: Progress = Progress.WAITING

    def is_over(self) -> bool:
        """Return whether nothing that follows matters."""
        return (
            self.size > self.limit or self.told is Progress.OVER or len(self.pieces) > MOST_PIECES
        )

    async def read_all(self, answer: Answer, listening: trio.CancelScope | None = None) -> None:
        """Read to the end, or until nothing that follows matters.

        listening: gets its deadline once the answer is answered. Raises httpcore's errors.
        """
        while piece := await answer.next_piece():
            if self.is_over():
                continue
            if self.take(piece) and listening is not None:
                listening.deadline = trio.current_time() + LOOK_ON_SECONDS
            if len(self.pieces) % AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            if self.is_over():
                await answer.hang_up()

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return whether it is the one with which the answer is answered."""
        self.pieces.append((piece, self.times.seconds))
        self.size += len(piece)
        if self.watch is None:
            return False
        before = self.told
        self.told = max(before, self.watch(piece), key=lambda each: each.value)
        return before is Progress.WAITING and self.told is not Progress.WAITING


def refuse_redirect(response: BoundedResponse) -> None:
    """Raise FetchError for a redirect, naming only the host it leads to."""
    if 300 <= response.status < 400:
        location = response.header("location")
        target = f" to {host_of(location)}" if "//" in location else ""
        message = f"redirected{target} ({response.status}): base_url is not the API's address"
        raise FetchError(OutcomeKind.BAD_RESPONSE, message, answered=True)


def too_large(limit: int) -> FetchError:
    """Make the error for a body over ``limit`` bytes; the provider did answer."""
    return FetchError(
        OutcomeKind.BAD_RESPONSE,
        f"the answer is too large: over {limit // 1024} KiB",
        answered=True,
    )


def _encoding(response: BoundedResponse) -> str:
    return ", ".join(response.all_of("content-encoding")).strip().lower()


def _check_encoding(response: BoundedResponse) -> None:
    """Refuse a compression that we cannot bound. Raises FetchError."""
    if _encoding(response) not in PLAIN | SUPPORTED:
        message = "the answer is compressed although we did not ask for it"
        raise FetchError(OutcomeKind.BAD_RESPONSE, message, answered=True)


def _unpack(body: bytes, *, is_success: bool) -> bytes:
    """Unpack what was compressed although we asked for none; an error is judged without.

    Raises FetchError.
    """
    try:
        return unpack(body)
    except UnpackError as error:
        if not is_success:
            return b""
        raise FetchError(OutcomeKind.BAD_RESPONSE, str(error), answered=True) from None


def _content_length(response: BoundedResponse) -> int:
    """Return the length it claims; h11 has checked that it is a number."""
    length = response.header("content-length") or "0"
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _arrivals(pieces: list[tuple[bytes, float]]) -> tuple[tuple[int, float], ...]:
    totals = accumulate(len(piece) for piece, _ in pieces)
    return tuple(zip(totals, (seconds for _, seconds in pieces), strict=True))


def _check_literal(url: str, provider: Provider) -> None:
    """Check an address in the URL itself.

    Behind a proxy only that can be, the proxy resolves names.
    """
    host = httpx.URL(url).host
    if is_address(host):
        filter_addresses(host, [host], provider.allow_private)
