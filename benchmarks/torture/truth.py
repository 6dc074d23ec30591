"""Whether what is told is what happened: an independent recorder, and statistics made anew.

The providers note every answer that they gave. At the end each must be one row, of the kind that
was answered, in order; and each statistic that is told is computed again here, by plain code over
whole lists, from the recorder's kinds and from the latencies in the file.
"""

import json
import math
import random
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.torture.report import Outcome
from benchmarks.torture.served import TOKEN, Served, served
from tracker.testing.wire import Reply, Wire

PROVIDERS = 8
SLOW_MS, SLOWLY, QUICKLY = 500.0, 0.8, 0.02  # the threshold, and seconds of answers on both sides
BUCKET = 60
TRACKER = (
    "interval_seconds = 2.0\ntimeout_seconds = 1.9\nrecheck_seconds = [1.0]\n"
    f"degraded_latency_ms = {SLOW_MS}\n"
)
UP, DOWN = ("ok", "slow"), ("server", "overloaded", "auth", "bad_response", "not_found")
MOST_OFF_MS = 1.0
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
PERCENT_OFF, MS_OFF = 0.005 + 1e-9, 0.05 + 1e-9  # what rounding to 2 and to 1 places may take


def error(status: int, kind: str, text: str, fields: tuple[tuple[str, str], ...] = ()) -> Reply:
    body = json.dumps({"error": {"message": text, "code": kind, "type": kind}}).encode()
    return Reply(status=status, body=body, fields=fields)


LIST = Reply(body=b'{"object": "list", "data": [{"id": "m", "object": "model"}]}')
MOODS = {
    "ok": LIST,
    "slow": LIST,
    "server": error(500, "server_error", "it broke"),
    "overloaded": error(503, "overloaded", "overloaded"),
    "auth": error(401, "invalid_api_key", "Incorrect API key"),
    "rate_limited": error(429, "rate_limit_exceeded", "slow down", (("retry-after", "1"),)),
    "bad_response": Reply(body=b"<html>hello</html>", content_type="text/html"),
    "request": error(400, "invalid_request_error", "this is no request"),
}
OFTEN = ("ok",) * 6 + tuple(MOODS)


@attrs.define(eq=False)
class Recorder:
    """One provider. ``said``: the kind of every answer, in order."""

    name: str
    dice: random.Random
    url: str = ""
    mood: str = "ok"
    said: list[str] = attrs.field(factory=list)

    async def talk(self, stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ValueError):
            async with stream:
                while await wire.receive() is not None:
                    mood = self.mood
                    await trio.sleep(SLOWLY if mood == "slow" else QUICKLY * self.dice.random())
                    await wire.send(MOODS[mood].encode())
                    self.said.append(mood)

    async def change(self) -> None:
        while True:
            await trio.sleep(self.dice.uniform(3.0, 20.0))
            self.mood = self.dice.choice(OFTEN)


@asynccontextmanager
async def recorders(count: int) -> AsyncIterator[dict[str, Recorder]]:
    made = {f"p{n}": Recorder(f"p{n}", random.Random(n)) for n in range(count)}
    async with trio.open_nursery() as nursery:
        for each in made.values():
            listener = await nursery.start(trio.serve_tcp, each.talk, 0)
            each.url = f"http://127.0.0.1:{listener[0].socket.getsockname()[1]}/v1"
            nursery.start_soon(each.change)
        yield made
        nursery.cancel_scope.cancel()


async def truth(minutes: float) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        async with recorders(PROVIDERS) as made:
            watched = {name: each.url for name, each in made.items()}
            async with served(Path(folder), watched, tracker=TRACKER) as server:
                await trio.sleep(minutes * 60.0)
                told = await take_told(server, made)
                code, _ = await server.end()
        judge = Judge()
        rows = stored(server.database)
        for name, each in made.items():
            judge.compare_rows(name, each.said, rows[name])
            judge.compare_status(name, rows[name], told)
            judge.compare_history(name, rows[name], told)
    judge.claim("exit code", code, 0)
    figures = {
        "minutes": minutes,
        "providers": PROVIDERS,
        "answers_recorded": sum(len(each.said) for each in made.values()),
        "rows_compared": judge.rows,
        "figures_compared": judge.compared,
        "wrong": len(judge.wrong),
    }
    return Outcome(figures, tuple(judge.wrong[:20]))


async def take_told(server: Served, made: dict[str, Recorder]) -> dict[str, Any]:
    """Everything told, of one moment: nothing is checked between the first and the last answer."""
    for name in made:
        await server.client.patch(
            f"/api/providers/{name}", json={"enabled": False}, headers=AUTHORIZED
        )
    await trio.sleep(2.0)  # a result in status is in history within a second
    return {
        "status": (await server.json("/api/providers/status"))["providers"],
        "raw": (await server.json("/api/providers/history?hours=1&resolution=raw"))["providers"],
        "buckets": (await server.json(f"/api/providers/history?hours=1&resolution={BUCKET}"))[
            "providers"
        ],
    }


Row = tuple[int, str, float | None, str]  # when in ms, kind, latency in ms, status


def stored(database: Path) -> dict[str, list[Row]]:
    query = (
        "SELECT provider_name, checked_at_ms, outcome, response_time_ms, status "
        "FROM checks ORDER BY id"
    )
    found = defaultdict(list)
    with closing(sqlite3.connect(database)) as connection:
        for name, *row in connection.execute(query):
            found[name].append((row[0], row[1], row[2], row[3]))
    return found


@attrs.define
class Judge:
    rows: int = 0
    compared: int = 0
    wrong: list[str] = attrs.field(factory=list)

    def claim(self, what: str, told: Any, true: Any, off: float = 0.0) -> None:
        self.compared += 1
        both = isinstance(told, int | float) and isinstance(true, int | float)
        if not (abs(told - true) <= off if both else told == true):
            self.wrong.append(f"{what}: told {told}, true {true}")

    def compare_rows(self, name: str, said: list[str], rows: list[Row]) -> None:
        """One whose answer we did not wait for may be missing at the very end."""
        self.rows += len(rows)
        kinds = [kind for _, kind, _, _ in rows]
        self.claim(f"{name}: rows", len(kinds), len(said), 1)
        for place, (kind, answered) in enumerate(zip(kinds, said, strict=False)):
            was_slow = answered == "ok" and (rows[place][2] or 0.0) > SLOW_MS  # a busy machine
            self.claim(f"{name}: answer {place}", kind, "slow" if was_slow else answered)

    def compare_status(self, name: str, rows: list[Row], told: Any) -> None:
        status = told["status"][name]
        latencies = sorted(ms for _, kind, ms, _ in rows if kind in UP and ms is not None)
        kinds = [kind for _, kind, _, _ in rows]
        self.claim(f"{name}: checks", status["checks_24h"], len(rows))
        for window in ("1h", "24h", "7d"):
            uptime = status["uptime"][window]
            self.claim(f"{name}: uptime {window}", uptime, up_share(kinds), PERCENT_OFF)
        self.claim(f"{name}: failures", status["consecutive_failures"], run_of_failures(kinds))
        self.claim(f"{name}: samples", status["latency_ms"]["samples"], len(latencies))
        self._compare_latencies(f"{name}: latency", status["latency_ms"], latencies)
        p50 = nearest_rank(latencies, 0.5)
        self.claim(f"{name}: latency p50", status["latency_ms"]["p50"], p50, MOST_OFF_MS)

    def compare_history(self, name: str, rows: list[Row], told: Any) -> None:
        raw = told["raw"].get(name, [])
        self.claim(f"{name}: history", len(raw), len(rows))
        for point, (at, kind, ms, status) in zip(raw, rows, strict=False):
            found = (stamp(point["timestamp"]), point["outcome"], point["status"])
            self.claim(f"{name}: point", found, (at, kind, status))
            self.claim(f"{name}: point's ms", point["response_time_ms"], ms, MS_OFF)
        by_bucket = defaultdict(list)
        for at, kind, ms, _ in rows:
            by_bucket[at // (BUCKET * 1000) * BUCKET * 1000].append((kind, ms))
        buckets = told["buckets"].get(name, [])
        self.claim(f"{name}: buckets", len(buckets), len(by_bucket))
        for bucket in buckets:
            true = by_bucket[stamp(bucket["timestamp"])]
            kinds = [kind for kind, _ in true]
            latencies = sorted(ms for kind, ms in true if kind in UP and ms is not None)
            failures = sum(kind in DOWN for kind in kinds)
            where = f"{name}: bucket {bucket['timestamp']}"
            self.claim(f"{where}, checks", bucket["checks"], len(true))
            self.claim(f"{where}, failures", bucket["failures"], failures)
            self.claim(f"{where}, uptime", bucket["uptime_percent"], up_share(kinds), PERCENT_OFF)
            self._compare_latencies(where, bucket["latency_ms"], latencies)

    def _compare_latencies(self, where: str, told: Any, latencies: list[float]) -> None:
        average = sum(latencies) / len(latencies) if latencies else None
        ends = (latencies[0], latencies[-1]) if latencies else (None, None)
        p95 = nearest_rank(latencies, 0.95)
        for what, true in (("min", ends[0]), ("avg", average), ("p95", p95), ("max", ends[1])):
            self.claim(f"{where} {what}", told[what], true, MS_OFF)


def up_share(kinds: list[str]) -> float | None:
    up, down = sum(kind in UP for kind in kinds), sum(kind in DOWN for kind in kinds)
    return 100.0 * up / (up + down) if up + down else None


def run_of_failures(kinds: list[str]) -> int:
    run = 0
    for kind in kinds:
        run = 0 if kind in UP else run + (kind in DOWN)
    return run


def nearest_rank(ordered: list[float], share: float) -> float | None:
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def stamp(text: str) -> int:
    """Milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000.0)
