"""HTTP requests to a tracker: limited in time and size, no redirects, one exception type."""

import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import anyio
import attrs
import httpx

from tracker.client.events import event_names
from tracker.core.trust import trust_for

USUAL_STATUSES = frozenset({200, 503})
TAG_LIMIT = 256  # characters of an ETag: it is sent back in a header, so it must fit into one
ANSWER_LIMIT = 2**20  # bytes: a receipt lists at most the reports we sent
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds after a 429
SILENCE = 45.0  # seconds without a byte on the event stream: three missed heartbeats


class TrackerUnavailableError(Exception):
    """The tracker gave no usable answer; the message says why."""


class TrackerBusyError(TrackerUnavailableError):
    """The tracker accepts no more reports for now. ``retry_after``: seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the tracker accepts no more reports for {retry_after:g} s")
        self.retry_after = retry_after


class TrackerRefusalError(Exception):
    """The tracker will never accept what we sent; the message says why."""


def check_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises ValueError."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(
            "url must be the tracker's address with scheme and host, like http://127.0.0.1:8000"
        )
    return url.rstrip("/")


def check_token(token: str | None) -> str | None:
    """Return the token. Raises ValueError where an HTTP header cannot carry it."""
    if token is not None and not (token.isascii() and token.isprintable()):
        raise ValueError("token must be printable ASCII: it is sent in an HTTP header")
    return token


@attrs.frozen(kw_only=True)
class TrackerEndpoint:
    """Where a tracker is and how to reach it. ``timeout``: seconds for a whole answer.

    Raises ValueError for a URL or a token that cannot be used.
    """

    url: str = attrs.field(converter=check_url)
    timeout: float
    token: str | None = attrs.field(default=None, repr=False, converter=check_token)
    transport: httpx.AsyncBaseTransport | None = None
    tls: ssl.SSLContext | None = None

    def open(self) -> httpx.AsyncBaseTransport:
        """Open the transport alone: a whole client would log a line for each poll, at INFO."""
        verify = self.tls or trust_for(self.url)
        return self.transport or httpx.AsyncHTTPTransport(verify=verify, trust_env=False)

    def request(
        self,
        path: str,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> httpx.Request:
        """Build a request to the tracker, with the token where one is set; nothing is sent."""
        standing = {"Accept-Encoding": "identity", "User-Agent": "provider-status-client"}
        if self.token:
            standing["Authorization"] = f"Bearer {self.token}"
        limits = {"connect": self.timeout, "write": self.timeout, "pool": self.timeout}
        return httpx.Request(
            method,
            self.url + path,
            content=body,
            headers={**standing, **headers},
            extensions={"timeout": {**limits, "read": SILENCE}},
        )


@attrs.frozen(kw_only=True)
class Answer:
    status: int
    body: bytes
    tag: str | None


@attrs.frozen
class Connection:
    """A connection to one tracker, over a transport that its opener closes. It does not follow
    redirects, because the token would be sent along.
    """

    address: TrackerEndpoint
    http: httpx.AsyncBaseTransport

    async def get(
        self,
        path: str,
        *,
        limit: int,
        tag: str | None = None,
        statuses: Collection[int] = USUAL_STATUSES,
    ) -> Answer | None:
        """Return an answer, at most ``limit`` bytes, of one of ``statuses``; None if ``tag`` holds.

        Raises Unavailable.
        """
        headers = {"If-None-Match": tag} if tag else {}
        with self._translate_errors(), anyio.fail_after(self.address.timeout):
            async with self._send(self.address.request(path, headers)) as response:
                if response.status_code == 304 and tag:
                    return None
                if response.status_code not in statuses:
                    raise TrackerUnavailableError(_refusal(response.status_code))
                body = await _read_bounded(response, limit)
                tag = response.headers.get("ETag", "")
                return Answer(
                    status=response.status_code, body=body, tag=tag if _can_be_sent(tag) else None
                )

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send JSON and return the answer's body.

        Raises TrackerUnavailableError where sending it again may help, else TrackerRefusalError.
        """
        sent = {"Content-Type": "application/json", **headers}
        with self._translate_errors(), anyio.fail_after(self.address.timeout):
            request = self.address.request(path, sent, method="POST", body=body)
            async with self._send(request) as response:
                status = response.status_code
                if status in {400, 413, 415, 422}:
                    raise TrackerRefusalError(f"the tracker rejects what we send ({status})")
                if status == 429:
                    raise TrackerBusyError(_retry_after(response.headers.get("Retry-After", "")))
                if status not in {200, 202}:
                    raise TrackerUnavailableError(_refusal(status))
                return await _read_bounded(response, ANSWER_LIMIT)

    async def listen(self, path: str, hear: Callable[[str], None]) -> None:
        """Call ``hear`` with each event's name, until the stream ends. Raises Unavailable."""
        headers = {"Accept": "text/event-stream"}
        with self._translate_errors():
            async with self._send(self.address.request(path, headers)) as response:
                kind = response.headers.get("Content-Type", "")
                if response.status_code != 200 or not kind.startswith("text/event-stream"):
                    raise TrackerUnavailableError("the tracker has no event stream")
                async for name in event_names(response.aiter_raw()):
                    hear(name)

    @asynccontextmanager
    async def _send(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self.http.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise TrackerUnavailableError(f"no answer within {self.address.timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise TrackerUnavailableError(
                f"the tracker cannot be reached ({type(error).__name__})"
            ) from None


async def _read_bounded(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    # Cancelling ends httpx's generators properly; leaving the loop would not close them.
    with anyio.CancelScope() as scope:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                scope.cancel()
    if len(body) > limit:
        raise TrackerUnavailableError(f"the answer is over {limit} bytes")
    return bytes(body)


def _retry_after(told: str) -> float:
    """Return whole seconds, as our tracker sends them; a proxy before it may say something else."""
    known = told.isascii() and told.isdigit()
    return min(float(told), LONGEST_WAIT) if known else SHORTEST_WAIT


def _can_be_sent(tag: str) -> bool:
    return tag.isascii() and tag.isprintable() and len(tag) <= TAG_LIMIT


def _refusal(status: int) -> str:
    if status in {401, 403}:
        return f"the tracker rejects our token ({status})"
    if status in {301, 302, 303, 307, 308}:
        return f"the tracker's address redirects ({status}), which is not followed"
    return f"the tracker answered {status}"
