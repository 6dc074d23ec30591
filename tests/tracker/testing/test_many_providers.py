"""Many plain providers in one process: each answers on its own port, or hangs."""

import io
import json
import resource
import sys
from functools import partial

import pytest
import trio

from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.testing import many_providers
from tracker.testing.many_providers import answer, hang, open_many

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def connect(url: str) -> trio.SocketStream:
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    return await trio.open_tcp_stream(host, int(port))


async def read_exactly(stream: trio.SocketStream, length: int) -> bytes:
    said = b""
    with trio.fail_after(GIVE_UP_SECONDS):
        while len(said) < length:
            said += await stream.receive_some()
    return said


async def test_each_has_a_port_of_its_own_and_answers_every_request_of_a_connection() -> None:
    async with trio.open_nursery() as nursery:
        urls = await open_many(nursery, [partial(answer, REPLY, 0.0)] * 2)
        assert len(set(urls)) == 2
        for url in urls:
            async with await connect(url) as stream:
                await stream.send_all(REQUEST[:20])
                await stream.send_all(REQUEST[20:] + REQUEST)
                assert await read_exactly(stream, 2 * len(REPLY)) == REPLY * 2
        nursery.cancel_scope.cancel()


async def test_one_that_hangs_takes_requests_and_never_answers() -> None:
    async with trio.open_nursery() as nursery:
        (url,) = await open_many(nursery, [hang])
        async with await connect(url) as stream:
            await stream.send_all(REQUEST)
            await stream.send_eof()
            with trio.fail_after(GIVE_UP_SECONDS):
                assert await stream.receive_some() == b""  # it closed, and had said nothing
        nursery.cancel_scope.cancel()


def test_it_prints_a_line_for_each_and_ends_with_its_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    monkeypatch.setattr(sys, "argv", ["many_providers", "--count", "3", "--hang", "1"])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    many_providers.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["name"], line["hangs"]) for line in lines] == [
        ("p0000", False),
        ("p0001", False),
        ("p0002", True),
    ]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limits == [(hard, hard)]
