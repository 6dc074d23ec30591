"""tracker.probes.http.http11: one exchange after the other over a connection of ours."""

import ssl
from typing import Any

import pytest
import trio
import trustme

from tests.helpers.loopback import Answer, answer, http_server, raw_server
from tracker.core.outcomes import OutcomeKind
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import network
from tracker.probes.http.fetch import Request, fetch
from tracker.probes.http.transport import open_transport

BODY = b'{"object": "list", "data": [{"id": "m"}]}'
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
UNKNOWN = "the answer arrived before the request was sent, so its latency is not known"


def provider(url: str, **more: Any) -> Provider:
    return Provider(name="here", base_url=f"{url}/v1", **more)


async def test_a_repeated_request_is_built_once() -> None:
    async with http_server(answer({"data": []})) as server:
        here = provider(server.url)
        async with open_transport(here) as transport:
            asked = [transport.prepare("GET", f"{server.url}/a", {"X-A": "1"}, None) for _ in "12"]
            other = transport.prepare("GET", f"{server.url}/a", {"X-A": "2"}, None)
            replies = [
                await fetch(transport, Request(url=f"{server.url}/a", headers={"X-A": "1"}), here)
                for _ in "12"
            ]
    assert asked[0] is asked[1]
    assert other is not asked[0]
    assert [reply.status for reply in replies] == [200, 200]
    assert [each.headers["x-a"] for each in server.asked] == ["1", "1"]
    assert server.connections == 1


async def test_the_number_of_cached_requests_is_bounded() -> None:
    async with open_transport(provider("http://127.0.0.1:9")) as transport:
        made = [transport.prepare("GET", f"http://127.0.0.1:9/{n}", {}, None) for n in range(100)]
        again = transport.prepare("GET", "http://127.0.0.1:9/0", {}, None)
    assert again is not made[0]


async def test_a_body_is_sent_whole() -> None:
    body = b"x" * 3_000_000
    async with http_server(answer({})) as server:
        here = provider(server.url)
        async with open_transport(here) as transport:
            request = Request(method="POST", url=f"{server.url}/a", content=body)
            reply = await fetch(transport, request, here)
    assert reply.status == 200
    assert server.asked[0].body == body


async def test_a_refusal_before_the_whole_request_was_sent_is_read() -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        await stream.receive_some(1000)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(refuse) as url:
        here = provider(url)
        async with open_transport(here) as transport:
            request = Request(method="POST", url=f"{url}/a", content=b"x" * 30_000_000)
            with trio.fail_after(10):
                try:
                    status = (await fetch(transport, request, here)).status
                except Exception as error:  # noqa: BLE001 (a reset may overtake the answer)
                    status = str(error)
    assert status == 413 or "broke" in status or "connection" in status


async def test_an_informational_answer_is_passed_over() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + GOOD)

    async with raw_server(serve) as url, open_check(provider(url)) as check:
        assert (await check()).kind is OutcomeKind.OK


# Answers that nobody asked for


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a server sends by itself is there before we ask."""
    connect = network._connect

    async def wait(address: str, *, port: int) -> Any:
        connected = await connect(address, port=port)
        await trio.lowlevel.wait_readable(connected)
        return connected

    monkeypatch.setattr(network, "_connect", wait)


@pytest.mark.parametrize("stamping", [True, False])
async def test_an_answer_that_came_before_it_was_asked_for_has_no_latency(
    patient: None, stamping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not stamping:
        monkeypatch.setattr("tracker.probes.http.stamped_stream.request_stamps", lambda _: False)

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(GOOD)
        await stream.receive_some(65536)

    async with raw_server(serve) as url, open_check(provider(url)) as check:
        found = await check()
    assert (found.kind, found.latency_ms, found.message) == (OutcomeKind.OK, None, UNKNOWN)


async def test_a_server_that_speaks_as_soon_as_it_is_connected_to_is_never_timed(
    patient: None,
) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(GOOD)
        await stream.receive_some(65536)

    found = []
    async with raw_server(serve) as url:
        for _ in range(5):
            async with open_check(provider(url)) as check:
                found.append(await check())
    assert {each.latency_ms for each in found} == {None}


async def test_an_answer_in_the_packet_that_ends_the_tls_handshake_has_no_latency() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server speaks last
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)

    async def serve(stream: trio.abc.Stream) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await stream.send_all(outgoing.read())
                incoming.write(await stream.receive_some(65536))
        tls.write(GOOD)
        await stream.send_all(outgoing.read())
        await stream.receive_some(65536)

    async with raw_server(serve) as url:
        here = provider(url.replace("http://", "https://"))
        async with open_check(here, tls=client) as check:
            found = await check()
    assert (found.kind, found.latency_ms, found.message) == (OutcomeKind.OK, None, UNKNOWN)


async def test_a_second_answer_to_one_request_answers_no_other() -> None:
    asked = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal asked
        while await stream.receive_some(65536):
            asked += 1
            await stream.send_all(GOOD + GOOD)

    async with raw_server(serve) as url, open_check(provider(url)) as check:
        found = [await check() for _ in range(4)]
    assert asked == 4
    assert all(each.latency_ms for each in found)


async def test_a_slow_answer_keeps_its_latency_on_a_kept_connection() -> None:
    slow = Answer(pieces=(BODY,), delay=0.05)
    async with http_server(slow) as server, open_check(provider(server.url)) as check:
        found = [await check() for _ in range(2)]
    assert all(each.latency_ms is not None and each.latency_ms >= 50.0 for each in found)
