"""Large things asked of a real server: how long its event loop is late for them.

A history of 70 MB, asked for in each form; a quarter of a million model names; one model under
20,000 ids; a thousand providers with as many changes, incidents, calls and reports as an answer or
a batch takes; a configuration of 40,000 unknown keys; a provider that names other limits at each
check. See timed_serve.py for what is measured.
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import attrs
import httpx
import trio

from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import TOKEN, Served, served
from benchmarks.torture.slow_start import write_ours
from benchmarks.torture.timed_serve import VARIABLE
from tests.helpers.webhook_receiver import WebhookReceiver, webhook_receiver
from tracker.core.latency_sketch import LatencySketch
from tracker.testing.broken_servers import Talk, raw_server
from tracker.testing.wire import Reply, Wire

MOST_MS = 50.0
TIMED = (sys.executable, "-m", "benchmarks.torture.timed_serve")
HISTORY = "/api/providers/history?hours=168&resolution=raw"
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
EACH = 20_000  # names in a provider's list
MOST_SERIES = 24  # of a provider in /metrics, whatever limits it names: two for each of twelve
REPORT_TOKEN = "torture-report-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
EARLY_SECONDS = 2.0
MANY_PATHS = (
    *("/api/providers/status", "/api/providers/best", "/api/providers/best?model=m"),
    *("/api/providers/best?exclude=p1", "/api/models/m"),
    *("/api/providers/health", "/api/providers/export/csv", "/metrics", "/plain"),
    *("/api/incidents", "/api/providers/traffic", "/api/models", "/api/providers/models"),
    *("/api/providers/changes?limit=10000", "/api/providers/changes?limit=10000&format=csv"),
    *("/api/providers/history", "/dashboard/data/overview", "/docs", "/openapi.json"),
)
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i <"
_CHANGES = f"""
INSERT INTO changes (changed_at_ms, kind, provider_name, value_before, value_after, reason)
{_NUMBERS} 12000) SELECT unixepoch() * 1000 - i, 'status', 'p' || (i % :providers), 'healthy',
    'degraded', 'a reason of some length, as they are: the last check failed' FROM n
"""
_INCIDENTS = f"""
INSERT INTO incidents {_NUMBERS} 1500) SELECT 'incident' || i, 'provider', 'p' || (i % :providers),
    'p' || (i % :providers), unixepoch() * 1000 - 7200000, unixepoch() * 1000 - 7200000,
    unixepoch() * 1000 - 3600000 + i, 'down: connection refused by the server', 'done', NULL, 0,
    NULL, 0, NULL, '[]' FROM n
"""
_CALLS = f"""
INSERT INTO traffic {_NUMBERS} :calls) SELECT (unixepoch() / 60 - 2 - i / :providers) * 60000,
    'p' || (i % :providers), 'm', 1, 'proxy', 'ok', 5, 3, 650.0, 0, 0.0, 0, 0.0, :sketch FROM n
"""


@attrs.define(eq=False)
class LagFile:
    """Where the server writes by how much its loop was late, in milliseconds."""

    path: Path
    _read: int = 0

    def worst(self) -> float:
        """Return the worst since the last call."""
        lines = self.path.read_text().splitlines()
        new, self._read = lines[self._read :], len(lines)
        return max(map(float, new), default=0.0)


def listing(names: list[str]) -> Talk:
    """Answer with a list of these models."""
    body = json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()
    answer = Reply(body=body).encode()

    async def talk(wire: Wire) -> None:
        while await wire.receive() is not None:
            await wire.send(answer)

    return talk


def naming_limits() -> Talk:
    """Answer with limits of other names each time."""
    numbers = count()

    async def talk(wire: Wire) -> None:
        while await wire.receive() is not None:
            names = [f"x{next(numbers)}" for _ in range(40)]
            fields = [(f"x-ratelimit-limit-{name}", "100") for name in names]
            fields += [(f"x-ratelimit-remaining-{name}", "50") for name in names]
            good = Reply(body=b'{"object": "list", "data": [{"id": "m"}]}')
            await wire.send(good.with_fields(tuple(fields)).encode())

    return talk


async def large_things(
    mib: float = 50.0,
    names: int = 250_000,
    keys: int = 40_000,
    providers: int = 1_000,
    at_once: int = 3_000,
) -> Outcome:
    table: dict[str, Figures] = {}
    wrong: list[str] = []
    trials = {
        "histories": _histories(mib),
        "model names": _model_names(names),
        "one model": _one_model(),
        "many providers": _many_providers(providers),
        "all at once": _all_at_once(at_once),
        "early history": _early_history(at_once // 10),
        "unknown keys": _unknown_keys(keys),
        "names of limits": _limit_names(),
    }
    for trial in trials.values():
        async for name, figures, fault in trial:
            table[name] = figures
            wrong += [f"{name}: {fault}"] if fault else []
            lag = figures["late_ms"]
            wrong += [f"{name}: the loop is {lag} ms late"] if float(lag) > MOST_MS else []
    return Outcome(table, tuple(wrong))


@asynccontextmanager
async def _timed(
    providers: dict[str, str],
    *,
    tracker: str,
    mib: float = 0.0,
    many: int = 0,
    more: str = "",
    **variables: str,
) -> AsyncIterator[tuple[Served, LagFile]]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "lag"
        file.touch()
        if mib:
            await trio.to_thread.run_sync(write_ours, folder / "status.db", mib)
        if many:
            await trio.to_thread.run_sync(_write_many, folder / "status.db", many)
        variables |= {VARIABLE: str(file), "PROVIDER_STATUS_REPORT_TOKEN": REPORT_TOKEN}
        async with served(
            folder, providers, tracker=tracker, program=TIMED, more=more, **variables
        ) as server:
            yield server, LagFile(file)


async def _ask(
    server: Served, path: str, headers: dict[str, str], clients: int = 3
) -> tuple[int, float]:
    """So many ask at once; return the bytes of one answer and the seconds until all are read."""
    sizes: list[int] = []
    began = trio.current_time()

    async def ask() -> None:
        size = 0
        async with (
            httpx.AsyncClient(base_url=server.url, timeout=120.0, trust_env=False) as client,
            client.stream("GET", path, headers=headers) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_raw():
                size += len(piece)
        sizes.append(size)

    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(ask)
    return max(sizes), trio.current_time() - began


Row = tuple[str, Figures, str]


async def _histories(mib: float) -> AsyncIterator[Row]:
    async with raw_server(listing(["m"])) as target:
        # The providers of the written checks, so that they are remembered at the start.
        watched = {f"p{number}": target.url for number in range(50)}
        async with _timed(watched, tracker="schedule = false\n", mib=mib) as (server, lag):
            with trio.fail_after(120.0):
                while "still being loaded" in str((await server.health())["problems"]):  # noqa: ASYNC110
                    await trio.sleep(0.2)
            yield "the start", {"bytes": server.database.stat().st_size, "late_ms": lag.worst()}, ""
            for name, path, headers in (
                ("history, plain", HISTORY, PLAIN),
                ("history, gzip", HISTORY, GZIP),
                ("history, CSV", f"{HISTORY}&format=csv", PLAIN),
                ("history, buckets", HISTORY.replace("raw", "60"), PLAIN),
            ):
                size, seconds = await _ask(server, path, headers, 1)
                figures = {"bytes": size, "seconds": round(seconds, 1), "late_ms": lag.worst()}
                yield name, figures, ""


async def _model_names(count: int) -> AsyncIterator[Row]:
    lists = [
        [f"maker-{n % 97}/model-{p}-{n}-instruct" for n in range(EACH)]
        for p in range(-(-count // EACH))
    ]
    async with AsyncExitStack() as stack:
        watched = {
            f"p{number}": (await stack.enter_async_context(raw_server(listing(names)))).url
            for number, names in enumerate(lists)
        }
        tracker = "interval_seconds = 60.0\ntimeout_seconds = 60.0\n"
        server, lag = await stack.enter_async_context(_timed(watched, tracker=tracker))
        with trio.fail_after(120.0):
            while len((await server.json("/api/providers/models"))["models"]) < len(lists) * EACH:  # noqa: ASYNC110
                await trio.sleep(0.5)
        yield "names, first checks and list", {"late_ms": lag.worst()}, ""
        one = lists[-1][7]
        for path in (
            "/api/providers/models",
            "/api/models",
            f"/api/models/{one}",
            f"/api/providers/best?model={one}",
        ):
            size, seconds = await _ask(server, path, GZIP)
            figures = {"bytes": size, "seconds": round(seconds, 1), "late_ms": lag.worst()}
            yield f"names, {path.replace(one, '…')}", figures, ""
        began = trio.current_time()
        answer = await server.get(f"/api/models/{one[1:-2]}")
        seconds = round(trio.current_time() - began, 1)
        fault = "" if answer.status_code == 404 else f"{answer.status_code}"
        yield "names, nearest", {"seconds": seconds, "late_ms": lag.worst()}, fault


async def _one_model() -> AsyncIterator[Row]:
    """One provider lists one model under ids of many makers."""
    ids = [f"maker-{number}/llama-3.3-70b-instruct" for number in range(EACH)]
    async with (
        raw_server(listing(ids)) as target,
        _timed({"a": target.url}, tracker="interval_seconds = 60.0\n") as (server, lag),
    ):
        with trio.fail_after(60.0):
            while not (await server.json("/api/providers/models"))["models"]:  # noqa: ASYNC110
                await trio.sleep(0.2)
        yield "one model, the start", {"late_ms": lag.worst()}, ""
        for path in (
            "/api/models",
            "/api/models/llama-3.3-70b",
            "/api/providers/best?model=llama-3.3-70b",
            f"/api/providers/best?model={ids[-1]}",
        ):
            size, seconds = await _ask(server, path, GZIP)
            figures = {"bytes": size, "seconds": round(seconds, 1), "late_ms": lag.worst()}
            yield f"one model, {path}", figures, ""


def _write_many(path: Path, providers: int) -> None:
    """Write more changes, incidents and calls of so many providers than an answer has room for."""
    write_ours(path, 1.0)
    sketch = LatencySketch()
    for latency in (100.0, 200.0, 350.0):
        sketch.add(latency)
    with closing(sqlite3.connect(path)) as connection:
        named = {"providers": providers, "calls": 30 * providers, "sketch": sketch.encode()}
        for statement in (_CHANGES, _INCIDENTS, _CALLS):
            connection.execute(statement, named)
        connection.commit()


async def _many_providers(count: int) -> AsyncIterator[Row]:
    async with raw_server(listing(["m"])) as target:
        watched = {f"p{number}": target.url for number in range(count)}
        tracker = "interval_seconds = 60.0\ntimeout_seconds = 50.0\n"
        async with _timed(watched, tracker=tracker, many=count) as (server, lag):
            with trio.fail_after(120.0):
                while not (await server.health())["ready"]:  # noqa: ASYNC110
                    await trio.sleep(0.2)
            yield f"{count:,} providers, first sweep", {"late_ms": lag.worst()}, ""
            for path in MANY_PATHS:
                for headers in (GZIP, PLAIN):
                    size, seconds = await _ask(server, path, headers)
                    figures = {"bytes": size, "seconds": round(seconds, 1), "late_ms": lag.worst()}
                    yield f"{count:,} providers, {path}, {headers['Accept-Encoding']}", figures, ""
            for name, batch in _batches(count).items():
                answer = await server.client.post(
                    "/api/reports",
                    content=batch,
                    headers={
                        "Content-Type": "application/json",
                        "Authorization": f"Bearer {REPORT_TOKEN}",
                    },
                )
                fault = "" if answer.status_code == 202 else f"{answer.status_code}"
                yield f"reports, {name}", {"bytes": len(batch), "late_ms": lag.worst()}, fault


@attrs.define(eq=False)
class Moods:
    """A server whose answers are all good or all bad."""

    good: bool = True

    async def talk(self, wire: Wire) -> None:
        """Answer as the mood is."""
        good = Reply(body=b'{"object": "list", "data": [{"id": "m"}]}').encode()
        bad = Reply(status=503, body=b'{"error": {"message": "overloaded"}}').encode()
        while await wire.receive() is not None:
            await wire.send(good if self.good else bad)


async def _all_at_once(count: int) -> AsyncIterator[Row]:
    """All are checked at once, fail, recover, and are changed by one reload."""
    moods = Moods()
    async with raw_server(moods.talk) as target:
        with webhook_receiver() as receiver:
            async for row in _each_at_once(count, target.url, moods, receiver):
                yield row


async def _each_at_once(
    count: int, url: str, moods: Moods, receiver: WebhookReceiver
) -> AsyncIterator[Row]:
    name = f"{count:,} at once"
    watched = {f"p{number}": url for number in range(count)}
    tracker = "interval_seconds = 20.0\ntimeout_seconds = 15.0\nrecheck_seconds = [1.0, 2.0]\n"
    pages = '[alerts]\npage = ["provider", "nothing_usable"]\n'
    target = {"PROVIDER_STATUS_ALERTS": f"webhook+http://{receiver.url.partition('://')[2]}"}
    async with _timed(watched, tracker=tracker, more=pages, **target) as (server, lag):
        began = trio.current_time()

        def row(what: str) -> Row:
            nonlocal began
            seconds, began = round(trio.current_time() - began, 1), trio.current_time()
            return f"{name}, {what}", {"seconds": seconds, "late_ms": lag.worst()}, ""

        async def until(condition: Callable[[], Awaitable[bool]]) -> None:
            with trio.fail_after(180.0):
                while not await condition():  # noqa: ASYNC110
                    await trio.sleep(0.5)

        async def ready() -> bool:
            return bool((await server.health())["ready"])

        async def open_incidents() -> int:
            told = (await server.json("/api/incidents"))["incidents"]
            return sum(each["closed_at"] is None for each in told)

        async def all_open() -> bool:
            return await open_incidents() >= count

        async def told() -> bool:
            return bool(receiver.received)

        async def none_open() -> bool:
            return await open_incidents() == 0

        async def reloaded() -> bool:
            return b"configuration reloaded" in server.said

        await until(ready)
        yield row("first sweep")
        answer = await server.client.post("/api/providers/check", headers=ADMIN, timeout=120.0)
        answer.raise_for_status()
        yield row("checked")
        moods.good = False
        await until(all_open)
        yield row("down")
        await until(told)
        yield row("told")
        moods.good = True
        await until(none_open)
        yield row("up again")
        file = server.database.with_name("tracker.toml")
        file.write_text(file.read_text().replace("[1.0, 2.0]", "[1.0, 3.0]"))
        await until(reloaded)
        await trio.sleep(2.0)  # what follows from it
        yield row("reloaded")


async def _early_history(count: int) -> AsyncIterator[Row]:
    """The history of all is asked for while they are checked for the first time."""
    async with raw_server(listing(["m"])) as target:
        watched = {f"p{number}": target.url for number in range(count)}
        tracker = "interval_seconds = 60.0\ntimeout_seconds = 50.0\n"
        async with _timed(watched, tracker=tracker) as (server, lag):
            size, seconds = await _ask(server, "/api/providers/history", PLAIN, 1)
            figures = {"bytes": size, "seconds": round(seconds, 2), "late_ms": lag.worst()}
            fault = f"after {seconds:.1f} s" if seconds > EARLY_SECONDS else ""
            yield f"{count} providers, history in the first sweep", figures, fault


def _batches(providers: int) -> dict[str, bytes]:
    """Return the largest batches: of many reports, of many errors, of the longest messages."""
    now = datetime.now(UTC).isoformat()
    kinds: dict[str, tuple[int, dict[str, object]]] = {
        "successes": (1_000, {"outcome": "ok", "latency_ms": 5.0}),
        "errors": (1_000, {"http_status": 500, "error": {"message": "x" * 800}}),
        "long messages": (45, {"error": {"message": "a " * 10_000}}),
    }
    return {
        name: json.dumps(
            {
                "reporter": "proxy",
                "reports": [
                    {"id": f"{name}{n}", "at": now, "provider": f"p{n % providers}", **said}
                    for n in range(count)
                ],
            }
        ).encode()
        for name, (count, said) in kinds.items()
    }


async def _unknown_keys(count: int) -> AsyncIterator[Row]:
    """Reloaded by a running server, and by ``config check``."""
    async with (
        raw_server(listing(["m"])) as target,
        _timed({"a": target.url}, tracker="") as (server, lag),
    ):
        await trio.sleep(1.0)
        lag.worst()
        file = server.database.with_name("tracker.toml")
        keys = "".join(f"inteval_secnds_{number} = 1\n" for number in range(count))
        sound = file.read_text()
        began = trio.current_time()
        file.write_text(sound.replace("discover = false\n", f"discover = false\n{keys}"))
        with trio.fail_after(120.0):
            while "unknown key" not in str((await server.health())["problems"]):  # noqa: ASYNC110
                await trio.sleep(0.1)
        seconds = round(trio.current_time() - began, 1)
        health = len((await server.get("/api/providers/health")).content)
        figures = {"bytes": health, "seconds": seconds, "late_ms": lag.worst()}
        yield f"{count:,} unknown keys, reloaded", figures, ""


async def _limit_names() -> AsyncIterator[Row]:
    async with (
        raw_server(naming_limits()) as target,
        _timed({"a": target.url}, tracker="interval_seconds = 0.1\ntimeout_seconds = 0.1\n") as (
            server,
            lag,
        ),
    ):
        with trio.fail_after(60.0):
            while (await server.json("/api/providers/status/a"))["checks_24h"] < 50:  # noqa: ASYNC110
                await trio.sleep(0.1)
        text = (await server.get("/metrics")).text
        series = sum(line.startswith("llm_provider_limit") for line in text.splitlines())
        fault = f"{series} series" if series > MOST_SERIES else ""
        yield "names of limits", {"series": series, "late_ms": lag.worst()}, fault
