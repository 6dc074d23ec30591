"""The process itself: stopped, starved, out of descriptors, its clock moved, its log's disk full.

Each trial returns its figures and what was wrong.
"""

import resource
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import trio

from benchmarks.torture.clock_leap import HAS_LIBRARY, MovedClock, eight_days_ahead, starts_ahead
from benchmarks.torture.numbered import Sequence, number_in, numbered, rows_of, urls
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.testing import ProviderBehavior, SimulatedProvider, simulated_provider
from tracker.testing import broken_servers as broken

Trial = Callable[[Path], Awaitable[tuple[Figures, list[str]]]]
BLAMELESS = "degraded_latency_ms = 2000.0\n"  # our own harm, not that of a busy machine
TRACKER = f"interval_seconds = 1.0\n{BLAMELESS}"
LATENCY_MS = 300.0  # so that a check is often under way
OURS = {"ok", "slow", "internal"}
RECOVER_SECONDS = 15.0
LATE_SECONDS = 0.2  # of the second that a check may take here
TRIES = 5


async def process_faults(quick: bool, names: tuple[str, ...] = ()) -> Outcome:
    table, wrong, skipped = {}, [], 0
    for name, trial in trials(quick).items():
        if names and name not in names:
            continue
        if "clock" in name and not HAS_LIBRARY:
            skipped += 1
            continue
        with tempfile.TemporaryDirectory() as folder:
            figures, faults = await unhurried(trial, Path(folder))
        told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in figures.items())
        table[name] = {"passed": not faults, "figures": told}
        wrong += [f"{name}: {fault}" for fault in faults]
    passed = sum(row["passed"] is True for row in table.values())
    totals = {"injected": len(table), "passed": passed, "skipped_without_libfaketime": skipped}
    return Outcome({**totals, **table}, tuple(wrong))


def trials(quick: bool) -> dict[str, Trial]:
    stop = 3.0 if quick else 30.0
    return {
        f"SIGSTOP for {stop:g} s": partial(stopped, seconds=stop),
        "starved of the processor": partial(starved, seconds=3.0 if quick else 20.0),
        "SIGTERM under load": terminated,
        "no descriptors left": partial(out_of_descriptors, seconds=3.0 if quick else 20.0),
        "log on a full disk": log_on_a_full_disk,
        "wall clock ± 1 h": clock_jumps,
        "wall clock 8 days ahead for 3 s": eight_days_ahead,
        "starts with a clock ahead": starts_ahead,
        "wall clock over the end of summer time": partial(clock_over, at="2026-10-25T00:59:57"),
        "wall clock over the begin of summer time": partial(clock_over, at="2026-03-29T00:59:57"),
    }


async def unhurried(trial: Trial, folder: Path) -> tuple[Figures, list[str]]:
    """Run a trial, and again where it failed while this process was late.

    The providers answer from here: what a busy machine does to them is not our harm.
    """
    for number in range(TRIES):
        home, monitor = folder / str(number), LoopMonitor(beat=0.05)
        home.mkdir()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(monitor.run)
            figures, wrong = await trial(home)
            nursery.cancel_scope.cancel()
        if not wrong or monitor.worst_lag < LATE_SECONDS:
            break
    return figures, wrong


async def stopped(folder: Path, seconds: float, count: int = 4) -> tuple[Figures, list[str]]:
    """With checks under way. The interval is such that three of them are not over meanwhile:
    then a provider would be stale, and unknown, as it should be.
    """

    async def stop(server: Served, providers: list[SimulatedProvider]) -> None:
        before = sum(provider.checks for provider in providers)
        while sum(p.checks for p in providers) == before:  # noqa: ASYNC110 (nor do they)
            await trio.sleep(0.005)
        server.send(signal.SIGSTOP)
        await trio.sleep(seconds)
        server.send(signal.SIGCONT)

    interval = seconds / 2.0
    figures, wrong = await _blameless(folder, stop, count, interval)
    return figures, wrong + ([] if figures["stalls"] else ["no stall was noticed"])


async def starved(folder: Path, seconds: float, count: int = 4) -> tuple[Figures, list[str]]:
    """It runs for 50 ms, and then not for up to 600, again and again."""

    async def starve(server: Served, _: list[SimulatedProvider]) -> None:
        with trio.move_on_after(seconds):
            try:
                for pause in _pauses():
                    server.send(signal.SIGSTOP)
                    await trio.sleep(pause)
                    server.send(signal.SIGCONT)
                    await trio.sleep(0.05)
            finally:
                server.send(signal.SIGCONT)

    return await _blameless(folder, starve, count)


def _pauses() -> Any:
    while True:
        yield from (0.1, 0.2, 0.3, 0.6)


async def _blameless(
    folder: Path,
    harm: Callable[[Served, list[SimulatedProvider]], Awaitable[None]],
    count: int,
    interval: float = 1.0,
) -> tuple[Figures, list[str]]:
    """No provider may be said to have failed, nor change its status, for what we did to us."""
    async with trio.open_nursery() as nursery:
        providers = [
            SimulatedProvider(name=f"p{n}", latency_ms=LATENCY_MS, spread=0.05)
            for n in range(count)
        ]
        for provider in providers:
            await nursery.start(provider.serve)
        watched = {provider.name: provider.base_url for provider in providers}
        tracker = f"interval_seconds = {interval}\n{BLAMELESS}"
        async with served(folder, watched, tracker=tracker) as server:
            await trio.sleep(1.5)
            await harm(server, providers)
            await trio.sleep(1.0 + interval)
            health = await server.health()
            status = (await server.json("/api/providers/status"))["providers"]
            code, _ = await server.end()
        nursery.cancel_scope.cancel()
    kinds, changes = _stored(server.database)
    failures = sum(n for kind, n in kinds.items() if kind not in OURS)
    transitions = [c for c in changes if c[1] not in ("", "unknown", None)]
    figures = {
        "checks": sum(kinds.values()),
        "internal": kinds["internal"],
        "failures": failures,
        "status_changes": len(transitions),
        "stalls": health["stalls"],
        "longest_stall_ms": health["worst_loop_lag_ms"],
    }
    wrong = [f"{failures} failures: {dict(kinds)}"] if failures else []
    wrong += [f"status changed: {change}" for change in transitions]
    wrong += [f"{n} is {p['status']}" for n, p in status.items() if p["status"] != "healthy"]
    return figures, wrong + _code(code)


async def terminated(folder: Path) -> tuple[Figures, list[str]]:
    """A check in flight, an event stream open, clients that never stop asking."""
    async with (
        numbered(20) as providers,
        simulated_provider("hangs", mood=ProviderBehavior.HANG) as hangs,
    ):
        watched = {**urls(providers), "hangs": hangs.base_url}
        fast = "interval_seconds = 0.2\nrecheck_seconds = [0.2]\n"
        own = {"hangs": "interval_seconds = 60.0\ntimeout_seconds = 30.0"}
        async with served(folder, watched, tracker=fast, own=own) as server:
            reported: dict[str, int] = {}
            async with trio.open_nursery() as clients:
                clients.start_soon(_read_events, server)
                clients.start_soon(_note_reported, server, reported)
                await trio.sleep(2.0)
                code, took = await server.end()
                clients.cancel_scope.cancel()
    sequence = Sequence.of(rows_of(server.database))
    missing = [n for n, count in reported.items() if sequence.last.get(n, 0) < count]
    figures = {
        "reported": sum(reported.values()),
        "stored": sequence.rows,
        "lost": sequence.lost + len(missing),
        "seconds": round(took, 2),
        "exit_code": code,
    }
    wrong = [f"reported and not stored: {missing}"] if missing else []
    wrong += [f"{sequence.lost} lost"] if sequence.lost else []
    wrong += [] if took < 5.0 else [f"it took {took:.1f} s"]
    return figures, wrong + _code(code)


async def _read_events(server: Served) -> None:
    try:
        async with server.client.stream("GET", "/api/providers/events") as response:
            async for _ in response.aiter_bytes():
                pass
    except httpx.HTTPError:
        pass


async def _note_reported(server: Served, reported: dict[str, int]) -> None:
    try:
        while True:
            status = (await server.json("/api/providers/status"))["providers"]
            for name, provider in status.items():
                if name != "hangs":
                    reported[name] = number_in(provider["error_message"]) or 0
    except httpx.HTTPError:
        pass


async def out_of_descriptors(folder: Path, seconds: float) -> tuple[Figures, list[str]]:
    """Its limit is set to what it has open; every check needs a new connection, and so do we."""
    reply = broken.GOOD.with_fields((("connection", "close"),)).encode()

    async def talk(wire: Any) -> None:
        await wire.receive()
        await wire.send(reply)

    async with broken.raw_server(talk) as target:
        watched = {f"p{n}": target.url for n in range(4)}
        async with served(folder, watched, tracker=TRACKER) as server:
            await trio.sleep(1.5)
            await server.health()
            said_before = len(server.said)
            states = await _without_descriptors(server, seconds)
            said = len(server.said) - said_before
            recovered = await _until(server, lambda health, status: _all_healthy(status))
            pending = (await server.health())["database"]["buffered"]
            code, _ = await server.end()
    kinds, _ = _stored(server.database)
    failures = sum(n for kind, n in kinds.items() if kind not in OURS)
    figures = {
        "checks": sum(kinds.values()),
        "internal": kinds["internal"],
        "failures": failures,
        "tracker_states": "/".join(sorted(states)),
        "log_bytes_per_second": round(said / seconds),
        "recovery_s": round(recovered, 2),
        "buffered_after": pending,
    }
    wrong = [f"{failures} failures held against providers: {dict(kinds)}"] if failures else []
    wrong += [] if kinds["internal"] else ["no check was hindered"]
    wrong += [] if "degraded" in states else ["health never said so"]
    wrong += [] if recovered >= 0 else ["it never recovered"]
    return figures, wrong + _code(code)


async def _without_descriptors(server: Served, seconds: float) -> set[str]:
    pid, states = server.process.pid, set()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in _descriptors(pid))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_knock, server.url)
        with trio.move_on_after(seconds):
            while True:
                states.add((await server.health())["status"])  # over a connection that stands
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    return states


async def _knock(url: str) -> None:
    """Connections that use up what is left, and wait to be accepted."""
    host, port = url.removeprefix("http://").split(":")
    streams = [await trio.open_tcp_stream(host, int(port)) for _ in range(30)]
    try:
        await trio.sleep_forever()
    finally:
        for stream in streams:
            stream.socket.close()


def _descriptors(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


def _full() -> Any:
    return Path("/dev/full").open("wb")


async def log_on_a_full_disk(folder: Path) -> tuple[Figures, list[str]]:
    """Its standard error is /dev/full: no log line can be written."""
    with _full() as full:
        async with numbered(4) as providers:
            fast = "interval_seconds = 0.25\nrecheck_seconds = [0.2]\n"
            async with served(folder, urls(providers), tracker=fast, stderr=full) as server:
                await trio.sleep(2.0)
                health = await server.health()
                code, _ = await server.end()
    sequence = Sequence.of(rows_of(server.database))
    restarts = sum(actor["restarts"] for actor in health["actors"].values())
    restarts += health["aggregator_restarts"] + health["writer_restarts"]
    figures = {"rows": sequence.rows, "lost": sequence.lost, "restarts": restarts}
    wrong = [f"{restarts} restarts"] if restarts else []
    wrong += [f"tracker {health['status']}"] if health["status"] != "ok" else []
    wrong += [] if sequence.rows > 12 and not sequence.lost else [f"only {sequence.rows} rows"]
    return figures, wrong + _code(code)


async def clock_jumps(folder: Path) -> tuple[Figures, list[str]]:
    """An hour ahead, an hour behind, and back."""
    return await _with_clock(folder, 0.0, [3600.0, -3600.0, 0.0], jumps=3)


async def clock_over(folder: Path, at: str) -> tuple[Figures, list[str]]:
    """From a few seconds before a moment (UTC) at which Berlin changes its clocks."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    offset = (moment - datetime.now(UTC)).total_seconds() - 3.0
    return await _with_clock(folder, offset, [offset, offset, offset], jumps=0)


async def _with_clock(
    folder: Path, offset: float, moves: list[float], jumps: int
) -> tuple[Figures, list[str]]:
    clock = MovedClock(folder / "faketime")
    clock.move(offset)
    seen: list[Any] = []
    async with numbered(3) as providers, simulated_provider("good", latency_ms=5.0) as good:
        watched = {**urls(providers), "good": good.base_url}
        fast = "interval_seconds = 0.5\nrecheck_seconds = [0.5]\n"
        async with served(folder, watched, tracker=fast, **clock.variables()) as server:
            rates = []
            # A leap is seen between two rows of a provider, so each has one before the first.
            checked = await _until(server, lambda _, status: _all_checked(status))
            for move in moves:
                clock.move(move)
                before, began = sum(p.answered for p in providers.values()), trio.current_time()
                for _ in range(20):
                    await trio.sleep(0.1)
                    seen.append((await server.json("/api/providers/status"))["providers"])
                made = sum(p.answered for p in providers.values()) - before
                rates.append(made / (trio.current_time() - began) / len(providers))
            history = await server.json("/api/providers/history?hours=24&resolution=raw")
            code, _ = await server.end()
    sequence = Sequence.of(row for row in rows_of(server.database) if row[1] != "good")
    leaps = _leaps(server.database)
    uptimes = [p["uptime_percent"] for each in seen for p in each.values()]
    points = [[p["timestamp"] for p in each] for each in history["providers"].values()]
    figures = {
        "checks_per_second_and_provider": "/".join(f"{rate:.1f}" for rate in rates),
        "rows": sequence.rows,
        "lost": sequence.lost,
        "leaps_between_rows": leaps,
        "history_points": sum(map(len, points)),
        "uptime": f"{min(u for u in uptimes if u is not None):g} to "
        f"{max(u for u in uptimes if u is not None):g}",
    }
    wrong = [f"{rate:.1f} checks a second" for rate in rates if not 1.2 < rate < 3.0]
    wrong += [] if checked >= 0 else ["not every provider was checked"]
    wrong += ["uptime"] if any(u is not None and not 0 <= u <= 100 for u in uptimes) else []
    wrong += ["history out of order"] if any(p != sorted(p) for p in points) else []
    wrong += [f"{sequence.lost} lost"] if sequence.lost else []
    wrong += [f"{leaps} leaps"] if leaps != jumps * len(watched) else []
    wrong += [] if seen[-1]["good"]["status"] == "healthy" else [f"good: {seen[-1]['good']}"]
    return figures, wrong + _code(code)


def _leaps(database: Path) -> int:
    """How often two rows of one provider, one after the other, are half an hour apart."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT provider_name, checked_at_ms FROM checks ORDER BY provider_name, id"
        ).fetchall()
    return sum(a[0] == b[0] and abs(b[1] - a[1]) > 1_800_000 for a, b in pairwise(rows))


def _stored(database: Path) -> tuple[Counter[str], list[tuple[str, str, str]]]:
    """Rows by kind, and the changes of status."""
    with closing(sqlite3.connect(database)) as connection:
        kinds = Counter(row[0] for row in connection.execute("SELECT outcome FROM checks"))
        changes = connection.execute(
            "SELECT provider_name, value_before, value_after FROM changes WHERE kind = 'status'"
        ).fetchall()
    return kinds, changes


async def _until(server: Served, wanted: Callable[[Any, Any], bool]) -> float:
    """Seconds until it is so; -1 if it never is."""
    began = trio.current_time()
    with trio.move_on_after(RECOVER_SECONDS):
        while True:
            status = (await server.json("/api/providers/status"))["providers"]
            if wanted(await server.health(), status):
                return trio.current_time() - began
            await trio.sleep(0.05)
    return -1.0


def _all_checked(status: Any) -> bool:
    return all(provider["last_check"] for provider in status.values())


def _all_healthy(status: Any) -> bool:
    return all(p["status"] == "healthy" and p["outcome"] == "ok" for p in status.values())


def _code(code: int) -> list[str]:
    return [f"exit code {code}"] if code else []
