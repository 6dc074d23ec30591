"""The fault server: each toxic alone on virtual time, then through real sockets; broken servers."""

import math
import random
import ssl
import sys
import time
import zlib
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from benchmarks.torture.vital import sockets_of
from tests.helpers.waiting import GIVE_UP_SECONDS, wait_until
from tracker.testing import (
    Bandwidth,
    Direction,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    bad_tls,
    fault_proxy,
    simulated_provider,
)
from tracker.testing import broken_servers as broken
from tracker.testing.toxics import ConnectionClosed, Link
from tracker.testing.wire import Reply

ASK = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
GOOD_BODY = broken.GOOD.body


class Sink:
    """Where a toxic passes data on: what came, and when."""

    def __init__(self) -> None:
        self.link = Link(direction=Direction.DOWNSTREAM, dice=random.Random(1))
        self.got = []

    async def take(self, data: Any) -> None:
        self.got.append((trio.current_time(), bytes(data)))

    async def through(self, toxic: Any, data: Any) -> list[Any]:
        began = self.link.arrived = trio.current_time()
        await toxic.carry(data, onward=self.take, link=self.link)
        return [(pytest.approx(at - began), piece) for at, piece in self.got]


async def test_latency_delays_by_its_time(autojump_clock: MockClock) -> None:
    assert await Sink().through(Latency(latency_ms=250), b"x") == [(0.25, b"x")]


async def test_latency_counts_from_the_arrival(autojump_clock: MockClock) -> None:
    sink = Sink()
    sink.link.arrived = trio.current_time()
    await trio.sleep(0.2)
    began = trio.current_time()
    await Latency(latency_ms=250).carry(b"x", onward=sink.take, link=sink.link)
    assert sink.got[0][0] - began == pytest.approx(0.05)


async def test_jitter_stays_within_its_bounds_and_varies(autojump_clock: MockClock) -> None:
    delays = set()
    for _ in range(50):
        ((delay, _),) = await Sink().through(Latency(latency_ms=100, jitter_ms=0), b"x")
        assert delay == 0.1
        sink = Sink()
        sink.link.dice.seed(len(delays))
        began = trio.current_time()
        await sink.through(Latency(latency_ms=100, jitter_ms=40), b"x")
        delays.add(round(sink.got[0][0] - began, 6))
    assert len(delays) > 20
    assert min(delays) >= 0.06
    assert max(delays) <= 0.14


async def test_bandwidth_takes_the_time_its_rate_says(autojump_clock: MockClock) -> None:
    sink = Sink()
    began = trio.current_time()
    await sink.through(Bandwidth(rate=2), b"a" * 1000)
    assert trio.current_time() - began == pytest.approx(0.5)
    assert [len(piece) for _, piece in sink.got] == [200] * 5


async def test_slicer_keeps_every_byte(autojump_clock: MockClock) -> None:
    sink, data = Sink(), bytes(range(256))
    began = trio.current_time()
    await sink.through(Slicer(average_size=10, size_variation=5, delay_us=1000), data)
    pieces = [piece for _, piece in sink.got]
    assert b"".join(pieces) == data
    assert all(5 <= len(piece) <= 15 for piece in pieces[:-1])
    assert trio.current_time() - began == pytest.approx(len(pieces) * 0.001)


async def test_limit_data_passes_exactly_its_bytes(autojump_clock: MockClock) -> None:
    sink, toxic = Sink(), LimitData(bytes=5)
    await sink.through(toxic, b"abc")
    with pytest.raises(ConnectionClosed):
        await sink.through(toxic, b"defg")
    assert b"".join(piece for _, piece in sink.got) == b"abcde"


async def test_each_limit_data_counts_its_own_bytes(autojump_clock: MockClock) -> None:
    sink, first, second = Sink(), LimitData(bytes=5), LimitData(bytes=5)
    await first.carry(b"abc", onward=sink.take, link=sink.link)
    await second.carry(b"abc", onward=sink.take, link=sink.link)
    assert [piece for _, piece in sink.got] == [b"abc", b"abc"]


async def test_latencies_one_behind_the_other_add_up(autojump_clock: MockClock) -> None:
    sink, slow = Sink(), Latency(latency_ms=200)

    async def onward(data: Any) -> None:
        await slow.carry(data, onward=sink.take, link=sink.link)

    began = sink.link.arrived = trio.current_time()
    await Latency(latency_ms=100).carry(b"x", onward=onward, link=sink.link)
    assert sink.got[0][0] - began == pytest.approx(0.3)
    assert sink.link.arrived == began


@pytest.mark.parametrize("toxic", [Timeout(), ResetPeer(timeout_ms=10)])
async def test_what_ends_a_connection_swallows_its_data(
    autojump_clock: MockClock, toxic: Any
) -> None:
    assert await Sink().through(toxic, b"x") == []


async def test_slow_close_waits_at_the_end_only(autojump_clock: MockClock) -> None:
    toxic, began = SlowClose(delay_ms=700), trio.current_time()
    assert await Sink().through(toxic, b"x") == [(0.0, b"x")]
    await toxic.close()
    assert trio.current_time() - began == pytest.approx(0.7)


async def read_all(stream: Any, within: float, size: Any = math.inf) -> tuple[Any, ...]:
    """What came, and how it ended: closed, reset, or open (no end in time, or ``size`` of body)."""
    got = b""
    with trio.move_on_after(within):
        try:
            while data := await stream.receive_some():
                got += data
                if len(body_of(got)) >= size:
                    return got, "open"
        except trio.BrokenResourceError:
            return got, "reset"
        return got, "closed"
    return got, "open"


async def fetch(target: Any, within: float = 5.0, size: Any = math.inf) -> Any:
    """Ask for the model list over plain TCP; refused or unconnected when nobody takes the call."""
    with trio.move_on_after(within) as scope:
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", target.port)
        except OSError:
            return b"", "refused"
    if scope.cancelled_caught:
        return b"", "unconnected"
    async with stream:
        await stream.send_all(ASK)
        return await read_all(stream, within, size)


def body_of(got: Any) -> Any:
    return got.partition(b"\r\n\r\n")[2]


async def test_a_proxy_without_toxics_changes_nothing() -> None:
    async with simulated_provider(latency_ms=1.0) as provider, fault_proxy(provider.base_url) as p:
        got, end = await fetch(p)
        assert (end, got[:15]) == ("closed", b"HTTP/1.1 200 OK")
        assert provider.checks == 1
        assert p.base_url == f"http://127.0.0.1:{p.port}/v1"


async def test_a_proxy_without_an_upstream_answers_too() -> None:
    async with fault_proxy() as proxy:
        assert (await fetch(proxy))[0].startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("direction", list(Direction))
async def test_latency_works_in_both_directions(direction: Any) -> None:
    async with fault_proxy(None, Latency(latency_ms=80, direction=direction)) as proxy:
        began = time.monotonic()
        assert (await fetch(proxy))[1] == "closed"
        assert time.monotonic() - began >= 0.08


async def test_a_removed_timeout_ends_the_connection_whose_data_it_swallowed() -> None:
    async with fault_proxy() as proxy:
        toxic = proxy.add(Timeout(direction=Direction.UPSTREAM))
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as client:
            await client.send_all(ASK)
            await wait_all_tasks_blocked(0.05)
            proxy.remove(toxic)
            with trio.fail_after(GIVE_UP_SECONDS):
                assert await client.receive_some() == b""


async def test_toxics_come_and_go_while_it_runs() -> None:
    async with fault_proxy() as proxy:
        toxic = proxy.add(LimitData(bytes=40))
        assert len((await fetch(proxy))[0]) == 40
        proxy.remove(toxic)
        assert body_of((await fetch(proxy))[0]) != b""
        with pytest.raises(KeyError):
            proxy.remove(toxic)
        proxy.add(Timeout())
        assert await fetch(proxy, within=0.1) == (b"", "open")
        proxy.reset()
        assert (await fetch(proxy))[1] == "closed"
        assert proxy.toxics == ()


async def test_toxics_work_together_in_the_order_they_were_added() -> None:
    toxics = (Slicer(average_size=7), LimitData(bytes=33), Latency(latency_ms=30))
    async with fault_proxy(None, *toxics) as proxy:
        began = time.monotonic()
        assert len((await fetch(proxy))[0]) == 33
        assert time.monotonic() - began >= 0.03


async def test_timeout_closes_without_an_answer() -> None:
    async with fault_proxy(None, Timeout(timeout_ms=50)) as proxy:
        assert await fetch(proxy) == (b"", "closed")


async def test_reset_peer_resets() -> None:
    async with fault_proxy(None, ResetPeer(timeout_ms=50)) as proxy:
        assert await fetch(proxy) == (b"", "reset")


async def test_a_reset_added_later_affects_open_connections() -> None:
    async with (
        fault_proxy() as proxy,
        await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream,
    ):
        await stream.send_all(ASK.replace(b"connection: close\r\n", b""))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        proxy.add(ResetPeer())
        assert (await read_all(stream, GIVE_UP_SECONDS))[1] == "reset"


async def test_slow_close_keeps_the_connection_open_after_the_data() -> None:
    async with fault_proxy(None, SlowClose(delay_ms=120)) as proxy:
        began = time.monotonic()
        got, end = await fetch(proxy)
        assert end == "closed"
        assert got.startswith(b"HTTP/1.1 200")
        assert time.monotonic() - began >= 0.12


async def test_a_disabled_proxy_refuses_and_closes_and_can_be_enabled_again() -> None:
    async with fault_proxy() as proxy:
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as standing:
            await wait_until(lambda: proxy.connections == 1)
            proxy.enabled = False
            assert (await read_all(standing, GIVE_UP_SECONDS))[1] in ("closed", "reset")
        assert await fetch(proxy) == (b"", "refused")
        proxy.enabled = True
        assert (await fetch(proxy))[1] == "closed"


async def test_a_dead_upstream_closes_the_clients_connection() -> None:
    async with broken.refused() as dead, fault_proxy(dead.url) as proxy:
        got, end = await fetch(proxy)
        assert got == b""
        assert end in ("closed", "reset")


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("make", [partial(Latency, latency_ms=50), Timeout, ResetPeer])
async def test_no_connection_is_left_behind(make: Any, direction: Any) -> None:
    toxic = make(direction=direction)
    async with fault_proxy() as proxy:
        proxy.add(toxic)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(fetch, proxy, 0.03)
        await wait_until(lambda: not proxy.connections)
        proxy.remove(toxic)
        assert (await fetch(proxy))[1] == "closed"  # it goes on as if nothing had been


async def test_refused() -> None:
    async with broken.refused() as target:
        assert await fetch(target) == (b"", "refused")


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog answers differently elsewhere")
async def test_hang_before_accept_never_connects() -> None:
    async with broken.hang_before_accept() as target:
        assert await fetch(target, within=0.2) == (b"", "unconnected")


async def test_hang_after_accept_says_nothing() -> None:
    async with broken.hang_after_accept() as target:
        assert await fetch(target, within=0.1) == (b"", "open")


async def test_reset_after_request() -> None:
    async with broken.reset_after_request() as target:
        assert await fetch(target) == (b"", "reset")


async def test_header_drip_never_ends() -> None:
    async with broken.header_drip(every=0.005) as target:
        got, end = await fetch(target, within=0.2)
        assert end == "open"
        assert got.startswith(b"HTTP/1.1 200 OK")
        assert b"x-drip: .." in got
        assert b"\r\n\r\n" not in got


async def test_body_drip_sends_a_correct_body_byte_by_byte() -> None:
    async with broken.body_drip(every=0.001) as target:
        got, end = await fetch(target, size=len(GOOD_BODY))
        assert (body_of(got), end) == (GOOD_BODY, "open")
    async with broken.body_drip(every=30.0) as target:
        got, end = await fetch(target, within=0.1)
        assert (body_of(got), end) == (b"", "open")


async def test_short_body_ends_early() -> None:
    async with broken.short_body() as target:
        got, end = await fetch(target)
        assert (body_of(got), end) == (GOOD_BODY[:-20], "closed")
        assert b"content-length: %d\r\n" % len(GOOD_BODY) in got


async def test_gzip_bomb_is_small_on_the_wire() -> None:
    async with broken.gzip_bomb(megabytes=10) as target:
        head, _ = await fetch(target, size=1)
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert length < 20_000
        got, _ = await fetch(target, size=length)
        assert len(zlib.decompress(body_of(got), wbits=31)) == 10_000_000


async def test_endless_body_never_ends_and_stops_with_the_client() -> None:
    async with broken.endless_body() as target:
        got, end = await fetch(target, size=1_000_000)
        assert end == "open"
        assert body_of(got).startswith(b'{"data": [{"id": "a-model"}, {"id"')


async def test_redirect() -> None:
    async with broken.redirect("http://elsewhere.example/") as target:
        got, _ = await fetch(target, within=0.1)
        assert got.startswith(b"HTTP/1.1 302 Found\r\n")
        assert b"\r\nlocation: http://elsewhere.example/\r\n" in got


@pytest.mark.parametrize("name", list(broken.HOSTILE_BODIES))
async def test_hostile_bodies_arrive_whole(name: str) -> None:
    body = broken.HOSTILE_BODIES[name]
    async with broken.answering(Reply(body=body)) as target:
        got, _ = await fetch(target, size=len(body))
        assert body_of(got) == body


async def handshake(target: Any, context: Any = None, within: float = 5.0) -> Any:
    """The reason a TLS handshake failed, "open" when it did not end, "ok" with the answer read."""
    context = context or target.trust
    plain = await trio.open_tcp_stream(target.host, target.port)
    async with trio.SSLStream(
        plain, context, server_hostname=target.host, https_compatible=True
    ) as stream:
        with trio.move_on_after(within):
            try:
                await stream.do_handshake()
                await stream.send_all(ASK)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 OK")
            except trio.BrokenResourceError as error:
                assert isinstance(error.__cause__, ssl.SSLError)
                return getattr(error.__cause__, "verify_message", "") or error.__cause__.reason
            return "ok"
        await trio.aclose_forcefully(stream)
    return "open"


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (bad_tls.valid, "ok"),
        (bad_tls.expired, "certificate has expired"),
        (bad_tls.wrong_host, "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        (bad_tls.unknown_authority, "unable to get local issuer certificate"),
        (bad_tls.self_signed, "self-signed certificate"),
        (bad_tls.plain_text, "WRONG_VERSION_NUMBER"),
    ],
)
async def test_tls_fails_for_its_own_reason_alone(server: Any, reason: str) -> None:
    async with server() as target:
        assert target.url == f"https://127.0.0.1:{target.port}/v1"
        assert await handshake(target) == reason


async def test_silent_tls_never_answers_the_handshake() -> None:
    async with bad_tls.silent() as target:
        assert await handshake(target, within=0.1) == "open"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_all_of_it_returns_its_sockets() -> None:
    servers = [
        broken.refused,
        broken.hang_before_accept,
        broken.hang_after_accept,
        broken.header_drip,
        broken.endless_body,
        bad_tls.silent,
        fault_proxy,
    ]
    before = sockets_of("self")
    for server in servers:
        async with server() as target, trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(fetch, target, 0.02)
    assert sockets_of("self") <= before
