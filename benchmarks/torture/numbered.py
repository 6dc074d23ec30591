"""Providers that number their answers, so that whoever reads the database can see what is missing.

Every answer is a 500 whose message is ``answer N``: the tracker stores the message with the check.
"""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import attrs
import trio

from tracker.testing.wire import Reply, Wire

NUMBER = re.compile(r"answer (\d+)")
Row = tuple[int, str, str]  # id, provider, message
ROWS = "SELECT id, provider_name, error_message FROM checks WHERE id > ? ORDER BY id"


@attrs.define(eq=False)
class Numbered:
    """``answered``: how many answers it has given. closes: each is the last of its connection."""

    name: str
    url: str = ""
    answered: int = 0
    closes: bool = False

    async def talk(self, stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ValueError):
            async with stream:
                while await wire.receive() is not None:
                    self.answered += 1
                    await wire.send(self._reply().encode())
                    if self.closes:
                        break

    def _reply(self) -> Reply:
        error = {"message": f"answer {self.answered}", "type": "server_error"}
        reply = Reply(status=500, body=json.dumps({"error": error}).encode())
        return reply.with_fields((("connection", "close"),)) if self.closes else reply


@asynccontextmanager
async def numbered(count: int, *, close: bool = False) -> AsyncIterator[dict[str, Numbered]]:
    """So many on loopback, by name."""
    names = [f"n{number:02}" for number in range(count)]
    made = {name: Numbered(name, closes=close) for name in names}
    async with trio.open_nursery() as nursery:
        for each in made.values():
            (listener,) = await nursery.start(_serve, each)
            each.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
        yield made
        nursery.cancel_scope.cancel()


async def _serve(each: Numbered, *, task_status: trio.TaskStatus[object]) -> None:
    await trio.serve_tcp(each.talk, 0, host="127.0.0.1", task_status=task_status)


def urls(providers: dict[str, Numbered]) -> dict[str, str]:
    return {name: each.url for name, each in providers.items()}


def number_in(message: str) -> int | None:
    found = NUMBER.search(message)
    return int(found[1]) if found else None


@attrs.frozen
class Sequence:
    """Of all providers together. lost: answers between the first and the last without a row."""

    rows: int = 0
    lost: int = 0
    out_of_order: int = 0
    last: dict[str, int] = attrs.field(factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Sequence":
        """A check that timed out has no number, but may have used one up."""
        total = lost = disorder = 0
        last: dict[str, int] = {}
        nameless: dict[str, int] = {}
        for _, provider, message in rows:
            total += 1
            number = number_in(message)
            if number is None:
                nameless[provider] = nameless.get(provider, 0) + 1
                continue
            before = last.get(provider, number - 1)
            disorder += number <= before
            lost += max(number - before - 1 - nameless.pop(provider, 0), 0)
            last[provider] = number
        return cls(rows=total, lost=lost, out_of_order=disorder, last=last)


def rows_of(database: Path, after: int = 0) -> list[Row]:
    """Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(ROWS, (after,)).fetchall()


def integrity_of(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
