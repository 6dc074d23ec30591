"""The database away: checks, judgement and every answer but history go on, and nothing is lost."""

import signal
import sqlite3
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.torture.damage import FAULTS, Fault, Place, can_mount, place_for, until_stopped
from benchmarks.torture.numbered import (
    Numbered,
    Row,
    Sequence,
    integrity_of,
    number_in,
    numbered,
    rows_of,
    urls,
)
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from benchmarks.torture.soak import percentile
from tracker.testing import simulated_provider

PROVIDERS = 4
# Failing, they are checked about twice a second; with time enough for one check on a busy machine.
TRACKER = f"interval_seconds = 2.0\nrecheck_seconds = {[0.4] * 100}\n"
SELDOM = "interval_seconds = 300.0"  # one that is well, and whose rows are not counted
BEFORE, AFTER = 1.0, 0.5  # seconds of quiet around a fault
RECOVER_SECONDS = 15.0
SHOW_SECONDS = 30.0
LONG = 12
PATHS = (
    "/api/providers/status",
    "/api/providers/status/n00",
    "/api/providers/best",
    "/api/providers/export/csv",
    "/api/providers/models",
    "/api/providers/health",
    "/livez",
    "/readyz",
    "/metrics",
    "/badge/n00.svg",
    "/openapi.json",
    "/",
)
HISTORY = "/api/providers/history?hours=1"


@attrs.define(eq=False)
class Watch:
    """What clients saw while a fault lasted. latencies and lags in milliseconds."""

    answers: int = 0
    bad: list[str] = attrs.field(factory=list)
    latencies: list[float] = attrs.field(factory=list)
    lags: list[float] = attrs.field(factory=list)
    states: set[str] = attrs.field(factory=set)
    most_buffered: int = 0
    dropped: int = 0

    def note_health(self, health: Any) -> None:
        database = health["database"]
        self.lags.append(health["loop_lag_ms"])
        self.states.add(database["state"])
        self.most_buffered = max(self.most_buffered, database["buffered"])
        self.dropped = database["dropped"]


async def database_faults(seconds: float, names: tuple[str, ...] = ()) -> Outcome:
    """Every fault, or those named, for so many seconds each; a lock LONG times as long."""
    table, wrong, skipped = {}, [], 0
    for name in names or tuple(FAULTS):
        needs_mount = FAULTS[name].on_tmpfs
        if needs_mount and not can_mount():
            skipped += 1
            continue
        lasting = seconds * (LONG if name == "locked" else 1)
        figures, faults = await try_fault(FAULTS[name], lasting)
        table[name] = {"passed": not faults, "seconds": lasting, **figures}
        wrong += [f"{name}: {fault}" for fault in faults]
    passed = sum(row["passed"] for row in table.values())
    totals = {"injected": len(table), "passed": passed, "skipped_for_want_of_rights": skipped}
    return Outcome({**totals, **table}, tuple(wrong))


async def try_fault(fault: Fault, seconds: float) -> tuple[Figures, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            place_for(Path(folder), fault) as place,
            numbered(PROVIDERS) as providers,
            simulated_provider("good", latency_ms=1.0) as good,
        ):
            watched = {**urls(providers), "good": good.base_url}
            return await _Trial(Path(folder), place, fault, providers, watched).run(seconds)


@attrs.define(eq=False)
class _Trial:
    folder: Path
    place: Place
    fault: Fault
    providers: dict[str, Numbered]
    watched: dict[str, str]
    known: list[Row] = attrs.field(factory=list)
    seen: Watch = attrs.field(factory=Watch)
    quiet: Watch = attrs.field(factory=Watch)

    async def run(self, seconds: float) -> tuple[Figures, list[str]]:
        async with AsyncExitStack() as stack:
            if self.fault.at_start:
                async with self._served() as server:
                    await trio.sleep(BEFORE)
                    await server.end()
                self.known = rows_of(self.place.database)
                await stack.enter_async_context(self.fault.inject(self.place))
            async with self._served() as server:
                await _until_ready(server)
                if not self.fault.at_start:
                    await self._watch_quiet(server)
                    await self._inject(server, stack)
                before = await self._counts(server)
                after = await self._watch(server, seconds, before)
                await stack.aclose()
                recovery = await self._recovered(server)
                await trio.sleep(AFTER)
                last = await self._numbers(server)
                dropped = (await server.health())["database"]["dropped"]
                code, _ = await server.end()
        return self._judged(before, after, last, recovery, dropped, code)

    def _served(self) -> Any:
        limit = f"{TRACKER}buffer_limit = {self.fault.buffer_limit}\n"
        own = {"good": SELDOM}
        return served(
            self.folder, self.watched, tracker=limit, own=own, database=self.place.database
        )

    async def _inject(self, server: Served, stack: AsyncExitStack) -> None:
        """While the server stands still, so that no row is written meanwhile."""
        self.place.pid = server.process.pid
        for _ in range(50):  # not while it holds a lock: nobody could read or copy anything
            server.send(signal.SIGSTOP)
            await until_stopped(server.process.pid)
            if await _is_free(self.place):
                break
            server.send(signal.SIGCONT)
            await trio.sleep(0.01)
        self.known = rows_of(self.place.database)
        await stack.enter_async_context(self.fault.inject(self.place))
        server.send(signal.SIGCONT)

    async def _counts(self, server: Served) -> dict[str, int]:
        """How many checks of each provider are judged already."""
        status = await server.json("/api/providers/status")
        return {name: status["providers"][name]["checks_24h"] for name in self.providers}

    async def _numbers(self, server: Served) -> dict[str, int]:
        """What is judged already: the number of the newest answer of each provider."""
        status = await server.json("/api/providers/status")
        return {
            name: number_in(status["providers"][name]["error_message"]) or 0
            for name in self.providers
        }

    async def _watch_quiet(self, server: Served) -> None:
        """The control: how late the event loop is without any fault, on this machine now."""
        with trio.move_on_after(BEFORE):
            while True:
                self.quiet.note_health(await server.health())
                await trio.sleep(0.05)

    async def _watch(
        self, server: Served, seconds: float, before: dict[str, int]
    ) -> dict[str, int]:
        """Watch for so long, and on until the fault has shown; return the checks judged by then."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_health, server)
            nursery.start_soon(self._ask_history, server)
            nursery.start_soon(self._ask_all, server)
            await trio.sleep(seconds)
            with trio.move_on_after(SHOW_SECONDS):
                while not self._has_shown(before, await self._counts(server)):  # noqa: ASYNC110
                    await trio.sleep(0.1)
            nursery.cancel_scope.cancel()
        return await self._counts(server)

    def _has_shown(self, before: dict[str, int], after: dict[str, int]) -> bool:
        """Whether all that must happen while it lasts has happened: a busy machine takes longer."""
        told = self.fault.heals or "unavailable" in self.seen.states
        dropped = self.fault.buffer_limit >= 100 or self.seen.dropped > 0
        return told and dropped and all(after[name] > before[name] for name in after)

    async def _ask_all(self, server: Served) -> None:
        while True:
            for path in PATHS:
                await self._ask(server, path)
            await trio.sleep(0.3)

    async def _watch_health(self, server: Served) -> None:
        """Each beat of the canary (0.1 s) is seen."""
        while True:
            self.seen.note_health(await server.health())
            await trio.sleep(0.05)

    async def _ask_history(self, server: Served) -> None:
        while True:
            response = await server.get(HISTORY)
            if response.status_code not in (200, 503):
                self.seen.bad.append(f"history answered {response.status_code}")
            await trio.sleep(0.2)

    async def _ask(self, server: Served, path: str) -> None:
        began = trio.current_time()
        response = await server.get(path)
        self.seen.answers += 1
        self.seen.latencies.append((trio.current_time() - began) * 1000.0)
        if response.status_code != 200:
            self.seen.bad.append(f"{path} answered {response.status_code}")

    async def _recovered(self, server: Served) -> float:
        """Seconds until health is well and nothing waits; -1 if that never comes."""
        began = trio.current_time()
        with trio.move_on_after(RECOVER_SECONDS):
            while True:
                database = (await server.health())["database"]
                if database["state"] == "ok" and database["buffered"] <= PROVIDERS:
                    return trio.current_time() - began
                await trio.sleep(0.02)
        return -1.0

    def _judged(
        self,
        before: dict[str, int],
        after: dict[str, int],
        last: dict[str, int],
        recovery: float,
        dropped: int,
        code: int,
    ) -> tuple[Figures, list[str]]:
        rows = rows_of(self.place.database)
        kept = set(self.known) <= set(rows)
        fresh = [row for row in rows if row not in set(self.known)]
        whole = fresh if self.fault.at_start else [*self.known, *fresh]
        sequence = Sequence.of(row for row in whole if row[1] != "good")
        behind = [n for n in last if sequence.last.get(n, 0) < last[n]]
        figures = {
            "answers": self.seen.answers,
            "answer_p99_ms": percentile(self.seen.latencies, 0.99),
            "lag_p50_ms": percentile(self.seen.lags, 0.5),
            "lag_max_ms": max(self.seen.lags, default=0.0),
            "lag_max_before_ms": max(self.quiet.lags, default=0.0),
            "judged_meanwhile": sum(after.values()) - sum(before.values()),
            "buffered": self.seen.most_buffered,
            "recovery_s": round(recovery, 2),
            "rows": len(whole),
            "dropped": dropped,
            "lost": max(sequence.lost - dropped, 0),
        }
        wrong = [
            *self.seen.bad[:3],
            *(f"{n} was not judged meanwhile" for n in after if after[n] <= before[n]),
            *(f"the last result of {n} is not stored" for n in behind),
        ]
        claims = {
            "it never recovered": recovery < 0,
            f"exit code {code}": code != 0,
            "rows from before are gone": self.fault.keeps and not kept,
            "health never said so": not self.fault.heals and "unavailable" not in self.seen.states,
            # A check that our own stall spoiled has no number; dropped, it is no lost answer.
            f"{sequence.lost} answers not stored, {dropped} dropped": sequence.lost > dropped,
            "order not kept": sequence.out_of_order > 0,
            "nothing was dropped": self.fault.buffer_limit < 100 and not dropped,
            "integrity": integrity_of(self.place.database) != "ok",
        }
        return figures, wrong + [text for text, is_so in claims.items() if is_so]


async def _until_ready(server: Served) -> None:
    with trio.move_on_after(RECOVER_SECONDS):
        while (await server.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (over there)
            await trio.sleep(0.05)


async def _is_free(place: Place) -> bool:
    try:
        connection = sqlite3.connect(place.database, timeout=0.0, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        connection.close()
    except sqlite3.Error:
        return False
    return True
