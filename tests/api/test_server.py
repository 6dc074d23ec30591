"""The server on real sockets: bad clients, slow clients, and the end."""

import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from api import app, server
from api.server import STOP_SECONDS, Beside, ShutdownHandler, serve
from api.serving import http_connection, http_server
from api.serving.errors import CannotListenError, UnsafeBindError
from tests.helpers.idle_tracker import a_provider, a_tracker
from tests.helpers.plain_http import PLAIN
from tests.helpers.served_app import PROMPT_SECONDS, connect, raw, read_until, serving
from tests.helpers.waiting import GIVE_UP_SECONDS, wait_until
from tracker.config.load import OWN_PATHS
from tracker.core.redaction import Secret
from tracker.probes.http import certificate_authorities

GET = b"GET /api/providers/status HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_the_server_answers_on_the_url_it_announces() -> None:
    async with serving() as url, httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
        response = await client.get("/api/providers/status")
        assert (response.status_code, list(response.json()["providers"])) == (200, ["groq"])
        assert "server" not in response.headers
        again = await client.get(
            "/api/providers/status", headers={"If-None-Match": response.headers["ETag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        head = await client.head("/api/providers/status")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == response.headers["Content-Length"]


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /api/providers/status/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/providers/status/%ff%00%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://[broken HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
        b"POST /api/providers/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/providers/check HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_an_invalid_request_does_not_affect_other_clients(request_: bytes) -> None:
    async with serving() as url:
        said = await raw(url, request_, seconds=0.3)
        assert b" 200 " not in said.partition(b"\r\n")[0]
        assert b" 500 " not in said.partition(b"\r\n")[0]
        assert b"200" in await raw(url, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


async def test_the_authorities_are_loaded_in_a_thread_before_the_first_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = httpx.create_ssl_context
    on_the_loop = []

    def load(**options: Any) -> Any:
        on_the_loop.append(threading.current_thread() is threading.main_thread())
        return made(**options)

    monkeypatch.setattr(httpx, "create_ssl_context", load)
    certificate_authorities._tls_context.cache_clear()
    async with serving():
        first = certificate_authorities.tls_context()
        assert certificate_authorities.tls_context() is first
    assert on_the_loop == [False]


async def test_a_websocket_is_refused() -> None:
    request = (
        b"GET /api/providers/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with serving() as url, await connect(url) as stream:
        await stream.send_all(request)
        assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 403 ")


async def test_a_head_sent_too_slowly_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "KEEP_ALIVE_SECONDS", 0.2)
    async with serving() as url:
        began = trio.current_time()
        assert await raw(url, b"GET / HT") == b""
        assert trio.current_time() - began < PROMPT_SECONDS


async def test_a_connection_closes_when_its_client_asks_for_it() -> None:
    async with serving() as url:
        began = trio.current_time()
        said = await raw(url, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert said.startswith(b"HTTP/1.1 200 ")
        assert trio.current_time() - began < PROMPT_SECONDS


async def test_an_idle_connection_is_closed_after_the_keep_alive_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "KEEP_ALIVE_SECONDS", 0.3)
    async with serving() as url:
        began = trio.current_time()
        assert (await raw(url, GET + GET)).count(b"HTTP/1.1 200 ") == 2
        assert trio.current_time() - began < PROMPT_SECONDS


async def test_a_body_sent_too_slowly_is_a_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "BODY_SECONDS", 0.2)
    tracker = a_tracker(a_provider(), port=0, admin_token=Secret("t"))
    request = (
        b"PATCH /api/providers/groq HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n"
        b"Content-Type: application/json\r\nContent-Length: 30\r\n\r\n{"
    )
    async with serving(tracker) as url:
        said = await raw(url, request)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in said


async def test_a_client_that_stops_reading_is_disconnected_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_connection, "SEND_SECONDS", 10.0)
    tracker = a_tracker(*(a_provider(f"p{number}") for number in range(500)), port=0)
    async with serving(tracker) as url, await connect(url) as greedy:
        for _ in range(100):
            await greedy.send_all(GET)
        await wait_all_tasks_blocked(0.05)  # the server waits for it to read
        began = trio.current_time()
        async with httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
            assert (await client.get("/livez")).status_code == 200
        assert trio.current_time() - began < 10.0
        with trio.fail_after(GIVE_UP_SECONDS), pytest.raises(trio.BrokenResourceError):  # cut off
            while True:
                await greedy.send_all(GET)
                await trio.sleep(0.01)  # between tries: only the cut ends the test
        async with httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
            metrics = (await client.get("/metrics")).text
        assert 'llm_tracker_clients_cut_total{reason="not_reading"} 1.0\n' in metrics


async def test_the_event_stream_reaches_a_client_and_ends_when_it_disconnects() -> None:
    tracker = a_tracker(a_provider(), port=0)
    async with serving(tracker) as url:
        async with await connect(url) as stream:
            await stream.send_all(GET.replace(b"status", b"events"))
            said = await read_until(stream, b"event: snapshot\ndata: ")
            assert b"\r\ncontent-type: text/event-stream" in said
            assert len(tracker.board._feeds) == 1
            tracker.post(a_provider(response_time_ms=1.0))
            said = await read_until(stream, b"event: best\ndata: ")
            assert b'"response_time_ms":1.0' in said.partition(b"event: provider")[2]
        await wait_until(lambda: not tracker.board._feeds)


async def test_a_client_that_leaves_cancels_its_query() -> None:
    tracker = a_tracker(a_provider(), port=0)
    tracker.delay = 60.0
    async with serving(tracker) as url:
        async with await connect(url) as stream:
            await stream.send_all(GET.replace(b"status", b"history"))
            await wait_until(lambda: tracker.asked)
        await wait_until(lambda: tracker.cancelled > 0)
        assert [what for what, *_ in tracker.asked] == ["history"]


async def test_a_request_line_may_name_the_whole_url() -> None:
    async with serving() as url, await connect(url) as stream:
        await stream.send_all(GET.replace(b" /", b" http://localhost/"))
        assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/api/providers/best", "/watch/api/providers/best"])
async def test_a_proxys_prefix_may_be_kept_or_stripped(path: str) -> None:
    tracker = a_tracker(a_provider(), port=0, root_path="/watch")
    async with serving(tracker) as url, httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
        assert (await client.get(path)).json()["best_provider"] == "groq"
        document = (await client.get("/openapi.json")).json()
        assert document["servers"] == [{"url": "/watch"}]


def test_the_configuration_refuses_every_path_of_ours_as_a_prefix() -> None:
    rules = app.create_app(a_tracker(a_provider())).url_map.iter_rules()
    assert {rule.rule.split("/")[1] for rule in rules} - {""} == OWN_PATHS


async def test_localhost_is_served_on_one_port() -> None:
    tracker = a_tracker(a_provider(), host="localhost", port=0)
    async with serving(tracker) as url, httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
        assert (await client.get("/livez")).status_code == 200


async def test_streams_and_stuck_clients_do_not_delay_the_stop() -> None:
    tracker = a_tracker(*(a_provider(f"p{number}") for number in range(300)), port=0)
    async with trio.open_nursery() as clients:
        async with serving(tracker) as url:
            stuck = await connect(url)
            clients.start_soon(send_on, stuck)
            clients.start_soon(raw, url, GET.replace(b"status", b"events"))
            clients.start_soon(raw, url, GET)
            await wait_all_tasks_blocked(0.05)  # no buffer takes more, and the others are answered
            began = trio.current_time()
        assert trio.current_time() - began < PROMPT_SECONDS
        await stuck.aclose()


async def send_on(stream: trio.SocketStream) -> None:
    """Ask without reading, until the connection is cut."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while True:
            await stream.send_all(GET)


async def test_a_refusal_waits_for_the_body_so_that_the_connection_can_go_on() -> None:
    head = b"PATCH /api/providers/groq HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
    async with serving() as url, await connect(url) as stream:
        await stream.send_all(head)
        with trio.move_on_after(0.2) as early:
            await stream.receive_some()
        assert early.cancelled_caught
        await stream.send_all(b"{}")
        assert b" 403 " in await read_until(stream, b"restart, and send it as")
        await stream.send_all(GET)
        assert b" 200 " in await read_until(stream, b'"providers"')


async def test_the_server_ends_when_the_tracker_ends() -> None:
    tracker = a_tracker(a_provider(), port=0)

    async def crash(config: Any, *, task_status: trio.TaskStatus[Any]) -> None:
        task_status.started(tracker)
        await tracker.stopping.wait()
        raise RuntimeError("cannot continue")

    announced, receive = trio.open_memory_channel(1)
    with pytest.RaisesGroup(
        pytest.RaisesExc(RuntimeError, match="cannot continue"), flatten_subgroups=True
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    serve,
                    tracker.config,
                    announce=announced.send_nowait,
                    track=crash,
                    heed_signals=False,
                )
            )
            url = httpx.URL(await receive.receive())
            async with await connect(url) as stream:
                await stream.send_all(GET)
                assert b" 200 " in await read_until(stream, b"\r\n\r\n")
            tracker.stop()
    with pytest.raises(OSError, match="all attempts to connect"):
        await connect(url)


async def test_a_port_in_use_is_reported_before_any_check() -> None:
    async with serving() as url:
        tracker = a_tracker(a_provider(), port=url.port)

        async def never(*_: Any, **__: Any) -> None:
            raise AssertionError("the tracker was started")

        with pytest.raises(CannotListenError, match=rf"port {url.port} of 127\.0\.0\.1 is in use"):
            await serve(tracker.config, track=never)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "status.example", ""])
async def test_a_public_bind_without_a_token_is_refused(host: str) -> None:
    tracker = a_tracker(a_provider(), port=0, host=host)
    with pytest.raises(UnsafeBindError, match="PROVIDER_STATUS_ADMIN_TOKEN"):
        await serve(tracker.config, track=tracker.track)


async def test_a_host_of_another_machine_is_reported_clearly() -> None:
    tracker = a_tracker(a_provider(), port=0, host="192.0.2.1", admin_token=Secret("t"))
    with pytest.raises(CannotListenError, match=r"cannot listen on 192\.0\.2\.1"):
        await serve(tracker.config, track=tracker.track)


async def test_tasks_beside_it_run_as_long_as_it_does() -> None:
    ran = []

    async def watch(tracker: Any) -> None:
        ran.append(tracker)
        await trio.sleep_forever()

    tracker = a_tracker(a_provider(), port=0)
    async with serving(tracker, beside=[watch]):
        pass
    assert ran == [tracker]


async def test_a_replica_answers_once_it_knows_the_states_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "INFORMED_SECONDS", GIVE_UP_SECONDS)
    tracker = a_tracker(a_provider(), port=0)
    tracker.learns = trio.Event()
    announced: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(serve, tracker.config, track=tracker.track, announce=announced.append)
        )
        await wait_all_tasks_blocked()
        assert announced == []
        tracker.learns.set()
        while not announced:
            await wait_all_tasks_blocked()
        tracker.stop()


async def test_a_replica_answers_if_the_hub_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "INFORMED_SECONDS", 0.01)
    tracker = a_tracker(a_provider(), port=0)
    tracker.learns = trio.Event()
    async with serving(tracker) as url, httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
        assert (await client.get("/livez")).status_code == 200


@asynccontextmanager
async def heeding_signals(on_hangup: Beside | None = None) -> AsyncIterator[ShutdownHandler]:
    """A handler that stands between this process's signals and a fake tracker."""
    async with trio.open_nursery() as nursery:
        handler = ShutdownHandler(nursery.cancel_scope, on_hangup)
        await nursery.start(handler.handle_signals)
        yield handler
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_stops_the_tracker_and_a_second_ends_at_once(
    autojump_clock: MockClock, number: signal.Signals
) -> None:
    tracker = a_tracker(a_provider())
    async with heeding_signals() as handler:
        handler.tracker = tracker
        signal.raise_signal(number)
        await tracker.stopping.wait()
        assert not handler.scope.cancel_called
        signal.raise_signal(number)
        await trio.sleep(STOP_SECONDS / 2)
    assert handler.scope.cancelled_caught
    assert trio.current_time() < STOP_SECONDS


async def test_a_tracker_that_does_not_stop_in_time_is_cancelled(
    autojump_clock: MockClock,
) -> None:
    tracker = a_tracker(a_provider())
    async with heeding_signals() as handler:
        handler.tracker = tracker
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep(10 * STOP_SECONDS)
    assert trio.current_time() == pytest.approx(STOP_SECONDS)


async def test_a_signal_before_the_tracker_runs_ends_at_once(autojump_clock: MockClock) -> None:
    async with heeding_signals() as handler:
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep(10 * STOP_SECONDS)
    assert handler.scope.cancelled_caught
    assert trio.current_time() < STOP_SECONDS


async def test_sighup_reloads_and_a_failed_reload_leaves_everything_running(
    autojump_clock: MockClock,
) -> None:
    reloaded: list[object] = []

    async def reload(tracker: object) -> None:
        reloaded.append(tracker)
        if len(reloaded) == 2:
            raise ValueError("a mistake in tracker.toml")

    tracker = a_tracker(a_provider())
    async with heeding_signals(reload) as handler:
        signal.raise_signal(signal.SIGHUP)
        await trio.sleep(1.0)
        assert reloaded == []  # no tracker yet: nothing to reload
        handler.tracker = tracker
        for _ in range(3):
            signal.raise_signal(signal.SIGHUP)
            await trio.sleep(1.0)
        assert reloaded == [tracker] * 3
        assert not handler.scope.cancel_called


async def test_sighup_without_anything_to_reload_is_ignored(autojump_clock: MockClock) -> None:
    async with heeding_signals() as handler:
        handler.tracker = a_tracker(a_provider())
        signal.raise_signal(signal.SIGHUP)
        await trio.sleep(1.0)
        assert not handler.scope.cancel_called
