"""The server as a process of its own: signals, exit codes, and what it stored by then."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from api.server import STOP_SECONDS
from tests.helpers.plain_http import PLAIN
from tests.helpers.waiting import GIVE_UP_SECONDS

ROOT = Path(__file__).parents[2]
BUSY_SECONDS = 10.0  # by which a busy machine may be late; what is wrong hangs forever


@asynccontextmanager
async def a_process(
    database: Any, track: str = "well", stop_seconds: float = STOP_SECONDS
) -> AsyncIterator[Any]:
    """The server in a process of its own, and its URL."""
    words = (str(database), track, str(stop_seconds))
    command = [sys.executable, "-m", "tests.helpers.unstoppable_serve", *words]
    run = partial(
        trio.run_process,
        command,
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    async with trio.open_nursery() as nursery:
        with trio.fail_after(GIVE_UP_SECONDS):
            process = await nursery.start(run)
            said = b""
            while not said.endswith(b"\n"):
                data = await process.stdout.receive_some()
                assert data, "it ended without a URL"
                said += data
            yield process, httpx.URL(said.decode().strip())
        nursery.cancel_scope.cancel()


async def ended(process: Any) -> tuple[Any, ...]:
    """Its exit code, and the seconds it took to end."""
    began = trio.current_time()
    code = await process.wait()
    return code, trio.current_time() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_time_with_clients_connected_and_everything_stored(
    number: int, tmp_path: Path
) -> None:
    database = tmp_path / "status.db"
    async with a_process(database) as (process, url), trio.open_nursery() as clients:
        clients.start_soon(keep_asking, url)
        for path in (b"events", b"events", b"status"):
            clients.start_soon(keep_open, url, path)
        async with httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
            status = await swept(client)
        process.send_signal(number)
        code, seconds = await ended(process)
        clients.cancel_scope.cancel()
    assert (code, seconds < STOP_SECONDS + BUSY_SECONDS) == (0, True)
    with closing(sqlite3.connect(database)) as connection:
        rows = dict(
            connection.execute(
                "SELECT provider_name, count(*) FROM checks GROUP BY provider_name"
            ).fetchall()
        )
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(rows) == 20
    for name, provider in status["providers"].items():
        assert rows[name] >= provider["checks_24h"] > 0


async def swept(client: httpx.AsyncClient) -> Any:
    """The status of all providers once every one of them was checked."""
    with trio.fail_after(GIVE_UP_SECONDS):
        while True:
            status = (await client.get("/api/providers/status")).json()
            if all(shown["checks_24h"] for shown in status["providers"].values()):
                return status


async def keep_open(url: Any, path: Any) -> None:
    """A client that asks once and never reads."""
    async with await trio.open_tcp_stream(url.host, url.port) as stream:
        await stream.send_all(b"GET /api/providers/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        await trio.sleep_forever()


async def keep_asking(url: Any) -> None:
    async with httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
        try:
            while True:
                await client.get("/api/providers/best")
        except httpx.HTTPError:
            pass


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    patience = STOP_SECONDS + 2 * BUSY_SECONDS
    async with a_process(tmp_path / "status.db", "hang", patience) as (process, _):
        process.send_signal(signal.SIGTERM)
        with trio.move_on_after(0.5):
            await process.wait()
            raise AssertionError("it did not wait for what hangs")
        process.send_signal(signal.SIGTERM)
        code, seconds = await ended(process)
    assert (code, seconds < BUSY_SECONDS) == (0, True)


async def test_the_stop_waits_at_most_five_seconds(tmp_path: Path) -> None:
    async with a_process(tmp_path / "status.db", "hang") as (process, _):
        process.send_signal(signal.SIGTERM)
        code, seconds = await ended(process)
    assert (code, seconds < STOP_SECONDS + BUSY_SECONDS) == (0, True)


async def test_sighup_does_not_end_the_server(tmp_path: Path) -> None:
    async with a_process(tmp_path / "status.db") as (process, url):
        os.kill(process.pid, signal.SIGHUP)
        async with httpx.AsyncClient(base_url=url, verify=PLAIN) as client:
            assert (await client.get("/livez")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0


async def test_a_crash_of_the_tracker_ends_the_process_with_an_error(tmp_path: Path) -> None:
    async with a_process(tmp_path / "status.db", "crash") as (process, _):
        (tmp_path / "status.db.crash").touch()
        code, seconds = await ended(process)
    assert (code, seconds < STOP_SECONDS + BUSY_SECONDS) == (1, True)
