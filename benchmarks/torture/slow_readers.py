"""Readers of one large history: a slow one has all of it, one that stands still is cut.

The database is filled beforehand by copies of a real row; one answer is some 14 MB. Each reader
has a socket with a small buffer, so that what it does not read the server cannot send.
"""

import re
import socket
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import httpx
import trio

from benchmarks.torture.once import check_all
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from tracker.testing import simulated_provider

MANUAL = "schedule = false\n"
ASK = b"GET /api/providers/history?resolution=raw&hours=168 HTTP/1.1\r\nHost: localhost\r\n\r\n"
PIECE = 16 * 1024
CUT_SECONDS = 25.0  # ten of standing still, and time for what is in the buffers


@attrs.frozen
class Reader:
    """rate: bytes a second, None for as fast as they come. stop: bytes after which it stands still.

    seconds: for how long it is watched; it is fine so long as it is not cut.
    """

    rate: float | None
    stop: int | None = None
    seconds: float = 120.0


READERS = {
    "as fast as it comes": Reader(None),
    "1 MB a second": Reader(1e6),
    "50 KB a second, watched for 30 s": Reader(5e4, seconds=30.0),
    "400 bytes a second, watched for 30 s": Reader(400.0, seconds=30.0),
    "stands still after 1 MB": Reader(None, stop=1_000_000),
    "never reads": Reader(None, stop=0),
}


async def slow_readers(rows: int = 100_000) -> Outcome:
    """rows: of the history; a hundred thousand are 14 MB."""
    table: dict[str, Figures] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        async with simulated_provider("good") as good:
            watched = {"good": good.base_url}
            async with served(folder, watched, tracker=MANUAL) as server:
                await check_all(server)
                await server.end()
            fill(folder / "status.db", rows)
            async with served(folder, watched, tracker=MANUAL) as server:
                await stored(server, rows)
                async with trio.open_nursery() as nursery:
                    for name, reader in READERS.items():
                        await nursery.start(try_reader, server, name, reader, table)
                code, _ = await server.end()
    size = max(int(row["bytes"]) for row in table.values())
    for name, reader in READERS.items():
        row = table[name]
        ends = "cut" if reader.stop is not None else "whole" if row["bytes"] == size else "goes on"
        if row["ended"] != ends or (ends == "goes on" and reader.seconds > row["seconds"] + 1.0):
            wrong.append(f"{name}: expected {ends}, found {row}")
    wrong += [f"exit code {code}"] if code else []
    return Outcome({"rows": rows, "bytes": size, **table}, tuple(wrong))


def fill(database: Path, rows: int) -> None:
    """Copy the one row of checks, back over six days."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM checks").fetchone())
        row.pop("id", None)
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        now, step = datetime.now(UTC), timedelta(days=6) / rows
        stamp = "%Y-%m-%dT%H:%M:%S."

        def copies() -> object:
            for number in range(rows, 0, -1):
                at = now - number * step
                text = f"{at.strftime(stamp)}{at.microsecond // 1000:03}Z"
                yield [text if name == "timestamp" else value for name, value in row.items()]

        connection.executemany(f"INSERT INTO checks ({columns}) VALUES ({marks})", copies())


async def stored(server: Served, rows: int) -> None:
    """Wait until the week is read: it comes in the background."""
    while True:
        if (await server.json("/api/providers/status/good"))["checks_24h"] >= rows // 7:
            return
        await trio.sleep(0.5)


async def try_reader(
    server: Served,
    name: str,
    reader: Reader,
    table: dict[str, Figures],
    task_status: trio.TaskStatus[None],
) -> None:
    """Ask, and read once the answer comes. Started then: a query of a week takes a while."""
    url, one = httpx.URL(server.url), trio.socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
    with one:
        await one.connect((url.host, url.port))
        await one.send(ASK)
        await trio.lowlevel.wait_readable(one)
        task_status.started()
        began = trio.current_time()
        head, whole, read, ended = b"", None, 0, "goes on"
        with trio.move_on_after(CUT_SECONDS if reader.stop is not None else reader.seconds):
            while whole is None or read < whole:
                if reader.stop is not None and read >= reader.stop:
                    await cut(one)
                    ended = "cut"
                    break
                most = PIECE if reader.rate is None else max(int(min(reader.rate, PIECE)), 1)
                data = await one.recv(most)
                if not data:
                    ended = "cut"
                    break
                read += len(data)
                if whole is None:
                    head += data
                    whole = length_of(head)
                if reader.rate is not None:
                    await trio.sleep_until(began + read / reader.rate)
            else:
                ended = "whole"
    seconds = round(trio.current_time() - began, 1)
    table[name] = {"bytes": read, "seconds": seconds, "ended": ended}


def length_of(head: bytes) -> int | None:
    """Return how long an answer is with its head, None while that is not known."""
    found = re.search(rb"(?i)content-length: (\d+).*?\r\n\r\n", head, re.DOTALL)
    return None if found is None else found.end() + int(found[1])


async def cut(one: trio.socket.SocketType) -> None:
    """Return once the server has reset the connection, which nobody reads."""
    while True:
        state = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state != 1:  # established
            return
        await trio.sleep(0.1)
