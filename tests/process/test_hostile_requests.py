"""A real ``provider-status serve`` and hostile clients and providers."""

import csv
import io
import itertools
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
import trio

from api.serving.connection_limit import LEAST_SECONDS
from api.serving.http_server import KEEP_ALIVE_SECONDS
from benchmarks.torture.served import COMMAND, TOKEN, environment, served
from benchmarks.torture.vital import Vital, sockets_of
from tests.helpers.waiting import GIVE_UP_SECONDS, wait_until
from tracker.testing import broken_servers as broken
from tracker.testing.wire import JSON, Reply

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
CHECK = "/api/providers/check"
SECRET = "canary-in-the-configuration"
SCRIPT = "<script>alert(document.domain)</script>"
FORMULA = '=HYPERLINK("http://evil.example","click")'


@asynccontextmanager
async def attacked(
    folder: Path, reply: Any = broken.GOOD, names: Any = ("groq-like",)
) -> AsyncIterator[Any]:
    """A server that checks only on request, and the requests its provider got."""
    asked = []

    async def talk(wire: Any) -> None:
        while (request := await wire.receive()) is not None:
            asked.append(request)
            await wire.send(reply.encode())

    async with broken.raw_server(talk) as target:
        watched = dict.fromkeys(names, target.url)
        manual = f"schedule = false  # {SECRET}\n"
        async with served(folder, watched, tracker=manual) as server:
            yield server, asked
            assert (await server.get("/livez")).status_code == 200
            assert b"Traceback" not in server.said
            assert (await server.end())[0] == 0


async def connect(server: Any) -> Any:
    url = httpx.URL(server.url)
    return await trio.open_tcp_stream(url.host, url.port)


async def raw(server: Any, *pieces: Any, seconds: float = 3.0, eof: bool = False) -> Any:
    """Everything said until it closes, or until ``seconds`` are over."""
    said = b""
    with trio.move_on_after(seconds):
        async with await connect(server) as stream:
            try:
                for piece in pieces:
                    await stream.send_all(piece)
                if eof:
                    await stream.send_eof()
                async for data in stream:
                    said += data
            except trio.BrokenResourceError:
                pass
    return said


def get(path: Any, *fields: Any, host: bytes = b"localhost") -> bytes:
    lines = [b"GET %s HTTP/1.1" % path, b"Host: %s" % host, *fields, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def status_of(said: Any) -> Any:
    return int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP/1.1 ") else None


PATHS = (
    b"/../../../../etc/passwd",
    b"/dashboard/../../../../../etc/passwd",
    b"/dashboard/..%2f..%2f..%2f..%2fetc%2fpasswd",
    b"/dashboard/%2e%2e/%2e%2e/server.py",
    b"/dashboard//etc/passwd",
    b"/dashboard/%2fetc%2fpasswd",
    b"/dashboard/..%5c..%5cserver.py",
    b"/dashboard/app.js%00.css",
    b"/dashboard/" + b"a" * 8_000,
    b"/docs/../../tracker.toml",
    b"/api/providers/status/..%2f..%2f..%2ftracker.toml",
    b"/api/providers/status/%00",
    b"/api/providers/status/groq-like%00",
    b"/api/providers/status/" + b"%c0%ae" * 20,
    b"/api/providers/history/' OR 1=1 --",
    b"/api/providers/history/%27%20OR%201%3D1%20--",
    b"/badge/..%2f..%2ftracker.toml.svg",
    b"/" + b"a/" * 4_000,
    b"/%",
    b"/;/",
)


async def test_no_path_leads_outside_the_served_files(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (server, _):
        for path in PATHS:
            said = await raw(server, get(path))
            assert status_of(said) in (400, 404, 414, 431, None), path
            assert b"root:" not in said
            assert SECRET.encode() not in said


async def test_a_request_for_another_host_is_refused(tmp_path: Path) -> None:
    hosts = (
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil",
        "evil.example:80",
        "[::1].evil.example",
        "",
    )
    async with attacked(tmp_path) as (server, asked):
        asking = [("GET", "/api/providers/status"), ("POST", CHECK)]
        for host, (method, path) in itertools.product(hosts, asking):
            headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
            response = await server.client.request(method, path, headers=headers)
            assert response.status_code == 400, host
        assert asked == []


async def test_only_the_exact_token_is_accepted(tmp_path: Path) -> None:
    near = (
        TOKEN[:-1], TOKEN + "x", TOKEN + TOKEN, TOKEN.upper(), TOKEN.replace("-", "_"),
        f'"{TOKEN}"',
        TOKEN.replace("t", "т"), TOKEN + "\xa0", f"{TOKEN},{TOKEN}", TOKEN[::-1], "*", "null",
    )  # fmt: skip
    wrong = [f"Bearer {token}".encode() for token in near]
    wrong += [TOKEN.encode(), f"Token {TOKEN}".encode(), f"Bearer{TOKEN}".encode(), b"Bearer"]
    async with attacked(tmp_path) as (server, asked):
        for authorization in wrong:
            response = await server.client.post(CHECK, headers={b"Authorization": authorization})
            assert response.status_code == 401, authorization
            assert TOKEN not in response.text
        assert asked == []
        right = await server.client.post(CHECK, headers={"Authorization": f"Bearer {TOKEN}"})
        assert (right.status_code, len(asked)) == (200, 1)


async def test_a_page_of_another_site_changes_nothing_even_with_the_token(tmp_path: Path) -> None:
    foreign = (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "https://127.0.0.1"},  # not our port
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )
    async with attacked(tmp_path) as (server, asked):
        for headers in foreign:
            full = {"Authorization": f"Bearer {TOKEN}", **headers}
            response = await server.client.post(CHECK, headers=full)
            assert response.status_code == 403, headers
            assert "access-control-allow-origin" not in response.headers
        assert asked == []


def test_a_public_bind_without_a_token_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "tracker.toml").write_text("[tracker]\ndiscover = false\n[server]\nport = 0\n")
    without = environment(tmp_path)
    del without["PROVIDER_STATUS_ADMIN_TOKEN"]
    for host in ("0.0.0.0", "::"):
        ended = subprocess.run(
            [*COMMAND, "serve", "--host", host],
            cwd=tmp_path, env=without, capture_output=True, timeout=30, check=False, text=True,
        )  # fmt: skip
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "PROVIDER_STATUS_ADMIN_TOKEN" in ended.stderr
        assert not (tmp_path / "provider_status.db").exists()


async def test_bombs_and_garbage_are_refused_cheaply(tmp_path: Path) -> None:
    status = get(b"/api/providers/status")
    kept = status.replace(b"Connection: close\r\n", b"")
    lines = b"X: y\r\n" * 50_000
    bombs = (
        status[:-2] + lines + b"\r\n",
        status[:-2] + b"X: " + b"y" * 5_000_000 + b"\r\n\r\n",
        b"GET " + b"/a" * 2_000_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # TLS
        bytes(100_000),
    )
    async with attacked(tmp_path) as (server, _):
        await raw(server, status)
        before, sockets = Vital.of(server.process.pid), count_sockets(server)
        for bomb in bombs:
            assert status_of(await raw(server, bomb)) in (400, 414, 431, None)
        said = await raw(server, kept + b"\x00\xff garbage \r\n\r\n" + status)
        assert status_of(said) == 200  # what came before the garbage is answered
        assert said.count(b"HTTP/1.1 200") == 1  # what came after it is not
        assert status_of(await raw(server, status, eof=True)) == 200  # half closed
        after = Vital.of(server.process.pid)
        assert after.rss - before.rss < 24 * 2**20
        await returns_to(server, sockets)


async def test_a_body_without_end_is_refused_without_reading_it(tmp_path: Path) -> None:
    head = (
        f"POST {CHECK} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()
    tune = head.replace(b"POST " + CHECK.encode(), b"PATCH /api/providers/groq-like")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    async with attacked(tmp_path) as (server, asked):
        before = Vital.of(server.process.pid)
        told = await raw(server, tune + b"Content-Length: 10000000000\r\n\r\n", b"x" * 1_000_000)
        chunked = await raw(server, tune + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 200)
        assert {status_of(told), status_of(chunked)} <= {413, None}
        assert Vital.of(server.process.pid).rss - before.rss < 24 * 2**20
        assert asked == []


async def test_five_hundred_idle_and_fifty_slow_clients_delay_no_other(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (server, _):
        assert (await server.get("/livez")).status_code == 200  # on a connection that is kept
        before = count_sockets(server)
        with ExitStack() as idle:
            for _ in range(500):
                idle.enter_context((await connect(server)).socket)
            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(drip, server)
                await wait_until(lambda: count_sockets(server) >= before + 540)
                seconds = []
                for _ in range(20):
                    began = trio.current_time()
                    assert (await server.get("/api/providers/status")).status_code == 200
                    seconds.append(trio.current_time() - began)
                assert median(seconds) < 1.0  # one of them may wait for a busy machine
                nursery.cancel_scope.cancel()
        await returns_to(server, before)


async def drip(server: Any) -> None:
    async with await connect(server) as stream:
        for byte in itertools.chain(get(b"/")[:-2], itertools.repeat(ord("x"))):
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.1)  # what the client does: a byte now and then


def count_sockets(server: Any) -> int:
    return len(sockets_of(server.process.pid))


async def returns_to(server: Any, sockets: int) -> None:
    """Wait until connections of departed clients are closed, before the keep-alive time."""
    began = trio.current_time()
    await wait_until(lambda: count_sockets(server) <= sockets)
    assert trio.current_time() - began < KEEP_ALIVE_SECONDS


async def test_script_and_formulas_of_a_provider_stay_text(tmp_path: Path) -> None:
    error = {"error": {"message": f"{FORMULA} {SCRIPT}", "type": SCRIPT, "code": "model_not_found"}}
    reply = Reply(status=404, body=json.dumps(error).encode(), content_type=JSON)
    async with attacked(tmp_path, reply) as (server, asked):
        checked = await server.client.post(CHECK, headers={"Authorization": f"Bearer {TOKEN}"})
        assert (checked.status_code, len(asked)) == (200, 1)
        status = await server.get("/api/providers/status/groq-like")
        assert SCRIPT in status.json()["error_message"]  # as data
        assert status.headers["content-type"].startswith("application/json")
        assert status.headers["x-content-type-options"] == "nosniff"
        for path in ("/", "/plain", "/badge/groq-like.svg", "/docs"):
            page = await server.get(path)
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "unsafe-inline" not in page.headers["content-security-policy"]
        for row in csv.reader(io.StringIO((await server.get("/api/providers/export/csv")).text)):
            assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in row)


async def test_models_named_as_formulas_and_script_stay_text(tmp_path: Path) -> None:
    models = {"object": "list", "data": [{"id": FORMULA}, {"id": SCRIPT}]}
    reply = Reply(body=json.dumps(models).encode())
    async with attacked(tmp_path, reply) as (server, _):
        await server.client.post(CHECK, headers={"Authorization": f"Bearer {TOKEN}"})
        listed = (await server.get("/api/providers/models")).json()["models"]
        assert listed == {FORMULA: ["groq-like"], SCRIPT: ["groq-like"]}
        for path in ("/", "/plain", "/metrics", "/api/providers/export/csv"):
            assert "<script>alert" not in (await server.get(path)).text


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty settings
UPGRADE = (
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
)


@pytest.mark.parametrize("first", [PREFACE, UPGRADE])
async def test_an_upgrade_to_http_2_is_refused(tmp_path: Path, first: bytes) -> None:
    async with attacked(tmp_path) as (server, _):
        said = await raw(server, first, seconds=1.0)
    assert said.startswith(b"HTTP/1.1 ")
    assert b"101" not in said.partition(b"\r\n")[0]


FOLLOW = b"GET /api/providers/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
FEW_FILES = ("prlimit", "--nofile=256:256")


@pytest.mark.parametrize("said", [b"", FOLLOW], ids=["half open", "event streams"])
async def test_a_burst_beyond_the_descriptors_is_fully_answered(
    tmp_path: Path, said: bytes
) -> None:
    """In each of a few bursts: as much as the machine's load lets through at once."""
    async with served(tmp_path, {}, wrapped=FEW_FILES) as server:
        answers: list[Any] = []
        for _ in range(4):
            with ExitStack() as crowd:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.to_thread.run_sync, come, server, said, crowd)
                    for path in (b"/livez", b"/api/providers/best?exclude=x", b"/livez"):
                        answers += [await ask_at_once(server, get(path)) for _ in range(2)]
        assert [each for each in answers if status_of(each) not in {200, 503}] == []
        assert not any(b"too many requests are being answered" in each for each in answers)


async def ask_at_once(server: Any, request: bytes) -> bytes:
    """Ask, and again where this client was silent for so long that the server may cut it off."""
    while True:
        began = trio.current_time()
        async with await connect(server) as stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(request)
            silent = trio.current_time() - began
            said = await rest_of(stream)
        if said or silent < LEAST_SECONDS:
            return said


async def rest_of(stream: Any) -> bytes:
    said = b""
    with trio.fail_after(GIVE_UP_SECONDS), suppress(trio.BrokenResourceError):
        async for data in stream:
            said += data
    return said


def come(server: Any, said: bytes, crowd: ExitStack) -> None:
    url = httpx.URL(server.url)
    for _ in range(200):
        with suppress(OSError):
            one = crowd.enter_context(socket.create_connection((url.host, url.port)))
            one.send(said)


HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH, CHUNKED = b"Content-Length: 5", b"Transfer-Encoding: chunked"


def post(*fields: bytes) -> bytes:
    lines = (f"POST {CHECK} HTTP/1.1".encode(), b"Host: localhost", *fields)
    return b"\r\n".join(lines) + b"\r\n\r\n0\r\n\r\n" + HIDDEN


SMUGGLED = {
    "length and chunks": post(LENGTH, CHUNKED),
    "chunks and length": post(CHUNKED, LENGTH),
    "two lengths": post(LENGTH, b"Content-Length: 0"),
    "a signed length": post(b"Content-Length: +5"),
    "an underscored length": post(b"Content-Length: 0_5"),
    "chunks in HTTP/1.0": post(CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "chunks of another coding": post(b"Transfer-Encoding: xchunked"),
    "chunks twice": post(CHUNKED, CHUNKED),
    "a blank before the colon": post(b"Transfer-Encoding : chunked"),
    "a bare CR": post(b"X: a\rTransfer-Encoding: chunked"),
    "a method in small letters": post(CHUNKED).replace(b"POST", b"post", 1),
    "two tokens": post(CHUNKED, b"Authorization: a", b"Authorization: b"),
    "two hosts": post(CHUNKED, b"Host: evil.example"),
}


async def test_no_request_can_be_smuggled_behind_another(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (server, asked):
        for name, said in SMUGGLED.items():
            heard = await raw(server, said)
            assert status_of(heard) in (400, 501), name
            assert heard.count(b"HTTP/1.1 ") == 1, name
        assert asked == []


async def test_a_request_line_that_names_another_host_is_not_answered(tmp_path: Path) -> None:
    async with attacked(tmp_path) as (server, _):
        for url in (b"http://evil.example/api/providers/status", b"http://a@evil.example/"):
            assert status_of(await raw(server, get(url))) == 400, url
        assert status_of(await raw(server, get(b"http://localhost/api/providers/status"))) == 200
