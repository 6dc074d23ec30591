"""Each call through the transport is reported once, with its result but nothing of its content."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import httpx
import pytest
import trio

from tests.helpers.odd_answers import ODD_TEXTS
from tracker.client import ProviderStatusClient
from tracker.client.httpx_transport import ReportingTransport

URL = "https://api.groq.test/openai/v1/chat/completions"
ASKED = {"model": "llama", "messages": [{"role": "user", "content": "a secret prompt"}]}
SSE = {"Content-Type": "text/event-stream"}


@attrs.define
class Stream(httpx.AsyncByteStream):
    """Its chunks, and then ``error``."""

    chunks: tuple[bytes, ...]
    error: Exception = attrs.field(factory=StopAsyncIteration)
    _given: int = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return Stream(self.chunks, self.error)

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._given == len(self.chunks):
            raise self.error
        self._given += 1
        return self.chunks[self._given - 1]


class Calls:
    """Requests through the transport, answered by ``answer``; what is queued of them."""

    def __init__(self, answer: Callable[[httpx.Request], Any]) -> None:
        self.status = ProviderStatusClient("http://127.0.0.1:9")
        inner = httpx.MockTransport(answer)
        names = {"https://api.groq.test": "groq", "https://api.groq.test/other": "other"}
        self.http = httpx.AsyncClient(
            transport=ReportingTransport(self.status, names, transport=inner)
        )

    @property
    def told(self) -> list[dict[str, Any]]:
        queued = self.status._sender.queue.take(99, not_before=0.0)
        return [report.fields for report in queued]


async def test_a_good_call_is_reported_with_model_and_latency() -> None:
    calls = Calls(
        lambda _: httpx.Response(200, json={"choices": "an answer"}, headers={"Retry-After": "3"})
    )
    response = await calls.http.post(URL, json=ASKED)
    (report,) = calls.told
    assert response.json() == {"choices": "an answer"}
    assert (report["provider"], report["model"], report["http_status"]) == ("groq", "llama", 200)
    assert report["latency_ms"] >= 0.0
    assert report["limits"] == {"retry-after": "3"}
    assert "secret" not in str(report)
    assert "an answer" not in str(report)


async def test_a_refusal_is_reported_with_its_text() -> None:
    error = {"type": "insufficient_quota", "code": "billing", "message": "no credit"}
    calls = Calls(lambda _: httpx.Response(429, json={"error": error}))
    assert (await calls.http.post(URL, json=ASKED)).json() == {"error": error}
    (report,) = calls.told
    assert (report["http_status"], report["error"]) == (429, error)


@pytest.mark.parametrize("body", [b"<html>bad gateway", b'"bad"', b"\xff"])
async def test_a_refusal_with_an_unknown_text_is_reported_too(body: bytes) -> None:
    calls = Calls(lambda _: httpx.Response(502, content=body))
    await calls.http.post(URL, json=ASKED)
    assert [report["http_status"] for report in calls.told] == [502]


@pytest.mark.parametrize("body", ODD_TEXTS, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize("form", [b"%s", b'{"error": %s}', b'{"error": {"code": %s}}', b"[%s]"])
async def test_any_error_reaches_the_caller_and_is_reported(form: bytes, body: bytes) -> None:
    sent = form % body
    calls = Calls(lambda _: httpx.Response(500, content=sent))
    assert (await calls.http.post(URL, json=ASKED)).content == sent
    (report,) = calls.told
    assert report["http_status"] == 500
    json.dumps(report, allow_nan=False)


async def test_a_failure_to_connect_is_reported_and_raised() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    calls = Calls(refuse)
    with pytest.raises(httpx.ConnectError):
        await calls.http.post(URL, json=ASKED)
    (report,) = calls.told
    assert report["error"] == {"type": "ConnectError", "message": "refused"}


async def test_a_cancelled_call_is_reported_as_cancelled() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    calls = Calls(hang)
    with trio.move_on_after(0.01):
        await calls.http.post(URL, json=ASKED)
    assert [report["outcome"] for report in calls.told] == ["cancelled"]


# On trio, httpx's own generators complain when a stream is left.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_stream_abandoned_after_its_start_is_reported_as_good() -> None:
    stream = Stream((b"data: 1\n\n", b"data: 2\n\n"))
    calls = Calls(lambda _: httpx.Response(200, stream=stream, headers=SSE))
    async with calls.http.stream("POST", URL, json=ASKED) as response:
        async for _ in response.aiter_raw():
            break
    async with calls.http.stream("POST", URL, json=ASKED):
        pass
    begun, left = calls.told
    assert begun["http_status"] == 200
    assert begun["ttft_ms"] >= 0.0
    assert "latency_ms" not in begun
    assert left["outcome"] == "cancelled"


async def test_a_stream_that_is_read_to_its_end_has_a_latency() -> None:
    stream = Stream((b"data: 1\n\n", b"data: 2\n\n"))
    calls = Calls(lambda _: httpx.Response(200, stream=stream, headers=SSE))
    await calls.http.post(URL, json=ASKED)
    (report,) = calls.told
    assert report["latency_ms"] >= report["ttft_ms"] >= 0.0


async def test_a_long_error_is_read_in_pieces_and_reported() -> None:
    chunks = (b'{"error": {"message": "over', b'loaded"}}', b" " * 9_000)
    calls = Calls(lambda _: httpx.Response(503, stream=Stream(chunks)))
    await calls.http.post(URL, json=ASKED)
    assert [report["error"]["message"] for report in calls.told] == ["overloaded"]


async def test_a_stream_that_breaks_is_reported_as_a_failure() -> None:
    stream = Stream((b"data: 1\n\n",), httpx.RemoteProtocolError("peer closed"))
    calls = Calls(lambda _: httpx.Response(200, stream=stream, headers=SSE))
    with pytest.raises(httpx.RemoteProtocolError):
        await calls.http.post(URL, json=ASKED)
    assert [report["error"]["type"] for report in calls.told] == ["RemoteProtocolError"]


async def test_only_calls_to_known_addresses_are_reported() -> None:
    calls = Calls(lambda _: httpx.Response(200))
    await calls.http.get(URL)
    await calls.http.post("https://elsewhere.test/v1", json=ASKED)
    await calls.http.post("https://api.groq.test/other/v1", content=b"no json")
    (report,) = calls.told
    assert report["provider"] == "other"
    assert "model" not in report
