"""An httpx transport that reports each call made through it, for OpenAI's library and others.

    http = httpx.AsyncClient(
        transport=ReportingTransport(client, {"https://api.groq.com": "groq"})
    )
    AsyncOpenAI(http_client=http, base_url="https://api.groq.com/openai/v1")

It reads only the model's name in a request, and only the error text in an answer.
"""

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
import httpx
import msgspec

from tracker.client.status_client import ProviderStatusClient

ERROR_BYTES = 4_096  # the start of an error is enough to classify it
STREAM = "text/event-stream"


class _Asked(msgspec.Struct):
    """The only part of a request's body that is read."""

    model: str = ""


@attrs.define(eq=False, kw_only=True)
class _Attempt:
    """One call, reported once. ``began``: seconds of the performance counter."""

    client: ProviderStatusClient
    provider: str
    model: str | None
    began: float = attrs.field(factory=time.perf_counter)
    response: httpx.Response | None = None
    ttft_ms: float | None = None
    received: bool = False
    error: bytearray = attrs.field(factory=bytearray)
    told: bool = False

    def note(self, chunk: bytes) -> None:
        """Take note of a piece of the answer."""
        response = self.response
        if response is None or not chunk:
            return
        if response.is_error:
            self.error += chunk[: ERROR_BYTES - len(self.error)]
        elif not self.received and response.headers.get("Content-Type", "").startswith(STREAM):
            self.ttft_ms = self._elapsed_ms()
        self.received = True

    def end(self) -> None:
        """Note that the whole answer was read."""
        response = self.response
        if response is not None:
            self._tell(latency_ms=self._elapsed_ms(), **self._answer(response))

    def leave(self) -> None:
        """Note that the caller reads no further: a good answer that had begun stays good."""
        response = self.response
        if response is not None and (response.is_error or self.received):
            self._tell(**self._answer(response))
        else:
            self._tell(outcome="cancelled")

    def fail(self, error: BaseException) -> None:
        if isinstance(error, httpx.TransportError):
            self._tell(error=error, latency_ms=self._elapsed_ms())
        else:  # cancelled, or a bug in this process
            self._tell(outcome="internal" if isinstance(error, Exception) else "cancelled")

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        told = {"http_status": response.status_code, "limits": response.headers}
        return {**told, "error": _read_error(bytes(self.error))} if response.is_error else told

    def _tell(self, **how: Any) -> None:
        if not self.told:
            self.told = True
            self.client.report(self.provider, model=self.model, ttft_ms=self.ttft_ms, **how)

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self.began) * 1000.0


@attrs.define(eq=False)
class _ReportedStream(httpx.AsyncByteStream):
    """An answer's body on its way to the caller."""

    stream: httpx.AsyncByteStream
    attempt: _Attempt
    _chunks: AsyncIterator[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self.stream)
        return self

    async def __anext__(self) -> bytes:
        assert self._chunks is not None
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self.attempt.end()
            raise
        except BaseException as error:
            self.attempt.fail(error)
            raise
        self.attempt.note(chunk)
        return chunk

    async def aclose(self) -> None:
        self.attempt.leave()
        await self.stream.aclose()


class ReportingTransport(httpx.AsyncBaseTransport):
    """Reports POST requests to the given addresses, one report an attempt, with ``client``.

    providers: the tracker's names by address prefix. Requests to other addresses are not read.
    transport: sends the requests; None: httpx's own.
    """

    def __init__(
        self,
        client: ProviderStatusClient,
        providers: Mapping[str, str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = client
        # The longest first: one provider's address may start with another's.
        self._providers = sorted(providers.items(), reverse=True)
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and report it where it is a call: httpx's hook."""
        name = self._name_of(str(request.url)) if request.method == "POST" else None
        if name is None:
            return await self._transport.handle_async_request(request)
        attempt = _Attempt(client=self._client, provider=name, model=_model_of(request))
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            attempt.fail(error)
            raise
        attempt.response = response
        if response.is_closed:  # already read, as with a mock transport
            attempt.note(response.content)
            attempt.end()
        elif isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _ReportedStream(response.stream, attempt)
        return response

    async def aclose(self) -> None:
        """Close the transport that does the requests; what is queued is sent by the client."""
        await self._transport.aclose()

    def _name_of(self, url: str) -> str | None:
        return next((name for base, name in self._providers if url.startswith(base)), None)


def _model_of(request: httpx.Request) -> str | None:
    try:
        return msgspec.json.decode(request.content, type=_Asked).model or None
    except (httpx.RequestNotRead, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _read_error(body: bytes) -> dict[str, Any] | None:
    """Return type, code and message where the body has them, else its text."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, a number of 5,000 digits, nested too deeply
        found = None
    told = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(told, dict):
        return dict(told)
    text = told if isinstance(told, str) else body.decode("utf-8", "replace").strip()
    return {"message": text} if text else None
