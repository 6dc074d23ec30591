"""Streamed completions: where they end for us, and what is sent once."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from tests.helpers.loopback import Answer, Asked, Stream, answer, http_server, raw_server
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TOKEN = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
FAULT = b'data: {"error":{"message":"the server is overloaded","type":"overloaded_error"}}\n\n'
LIST = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"data": []}'
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

Serve = Callable[[Stream], Awaitable[None]]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def provider(url: str, **more: Any) -> Provider:
    return Provider(name="p", base_url=url, check="chat", model="m", **more)


async def ask(serve: Serve, **more: Any) -> tuple[CheckResult, float]:
    """The result of one check, and the seconds it took."""
    async with raw_server(serve) as url, open_check(provider(url, **more)) as check:
        began = trio.current_time()
        result = await check()
        return result, trio.current_time() - began


def streaming(*pieces: bytes, then: float = 0.0) -> Serve:
    """Sends these events, then holds the stream open for so many seconds."""

    async def serve(stream: Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(HEAD)
        for piece in pieces:
            await stream.send_all(chunk(piece))
        await trio.sleep(then)

    return serve


async def test_reading_of_a_stream_stops_at_its_first_token() -> None:
    result, took = await ask(streaming(TOKEN, then=20.0))
    assert (result.kind, result.facts.inference) == (OutcomeKind.OK, True)
    assert took < 15.0
    assert result.latency_ms is not None
    assert result.latency_ms < 15_000.0  # until the last piece, not until we hung up


async def test_the_end_of_a_stream_after_a_token_does_not_matter() -> None:
    result, _ = await ask(streaming(TOKEN))  # cut within its chunked body
    assert result.kind is OutcomeKind.OK


async def test_an_error_that_follows_at_once_is_part_of_the_answer() -> None:
    result, _ = await ask(streaming(TOKEN, FAULT))
    assert result.kind is OutcomeKind.OVERLOADED


async def test_a_role_alone_proves_nothing() -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(HEAD + chunk(ROLE) + b"0\r\n\r\n")

    result, _ = await ask(serve)
    assert (result.kind, result.facts.inference) == (OutcomeKind.OVERLOADED, False)


async def test_a_completion_is_sent_once_whatever_the_answer() -> None:
    asked = 0

    async def serve(stream: Stream) -> None:
        nonlocal asked
        while data := await stream.receive_some(65536):
            asked += data.startswith(b"POST")
            if asked > 1:
                return  # closed without an answer
            await stream.send_all(HEAD + chunk(TOKEN) + b"0\r\n\r\n")

    async with raw_server(serve) as url, open_check(provider(url)) as check:
        results = [await check() for _ in range(2)]
    assert [result.kind for result in results] == [OutcomeKind.OK, OutcomeKind.CONNECT]
    assert asked == 2
    assert [result.completions for result in results] == [1, 1]


async def test_a_408_on_a_kept_connection_is_asked_again_and_counted() -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(LIST)
        if await stream.receive_some(65536):
            await stream.send_all(TIMED_OUT)

    async with raw_server(serve) as url:
        listing = attrs.evolve(provider(url), check="models")
        async with open_check(listing) as check:
            first, second = await check(), await check()
    assert (first.kind, first.requests) == (OutcomeKind.OK, 1)
    assert (second.kind, second.requests) == (OutcomeKind.OK, 2)


async def test_a_408_on_a_new_connection_is_the_answer() -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(TIMED_OUT)

    async with raw_server(serve) as url:
        listing = attrs.evolve(provider(url), check="models")
        async with open_check(listing) as check:
            result = await check()
    assert (result.kind, result.requests) == (OutcomeKind.TIMEOUT, 1)


async def test_what_a_model_takes_is_learnt_once() -> None:
    refused = answer({"error": {"message": "Use 'max_completion_tokens', not 'max_tokens'"}}, 400)

    def reply(asked: Asked) -> Answer:
        return refused if "max_tokens" in asked.json else answer({"choices": [{"message": {}}]})

    async with http_server(reply) as server, open_check(provider(server.url)) as check:
        results = [await check() for _ in range(2)]
    assert [result.kind for result in results] == [OutcomeKind.OK, OutcomeKind.OK]
    learnt = ["max_completion_tokens" in asked.json for asked in server.asked]
    assert learnt == [False, True, True]
