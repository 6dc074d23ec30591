"""Many providers with random moods for long, clients that ask, a database that is locked at times.

missed: ticks of a provider's grid at which no check began although none was postponed.
"""

import json
import math
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import ROOT, Served, served
from benchmarks.torture.vital import Vital

INTERVAL, TIMEOUT, SLOW_MS = 1.0, 0.8, 300.0
TRACKER = f"""
interval_seconds = {INTERVAL}
timeout_seconds = {TIMEOUT}
degraded_latency_ms = {SLOW_MS}
recheck_seconds = [0.2]
"""
WARM_UP = 0.2  # share of the time
SAMPLE_SECONDS = 5.0
LOCK_EVERY, LOCK_FOR = 60.0, (1.0, 10.0)
STATUS_EVERY = 0.5
POSTPONED = ("rate_limited", "quota_exhausted")
# What statistics remember by design: of a check for a week, of a success for a day as well.
CHECK_BYTES, SUCCESS_BYTES = 18, 8


@attrs.define(eq=False)
class Seen:
    vitals: list[Vital] = attrs.field(factory=list)
    latencies: list[float] = attrs.field(factory=list)
    locked: list[float] = attrs.field(factory=list)  # latencies while the database was locked
    lags: list[float] = attrs.field(factory=list)
    refused: int = 0
    locks: int = 0
    is_locked: bool = False


async def soak(minutes: float, count: int = 200, seed: int = 1) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return await _soak(Path(folder), minutes, count, seed)


async def _soak(folder: Path, minutes: float, count: int, seed: int) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.torture.upstreams"]
    command += ["--count", str(count), "--seed", str(seed)]
    with subprocess.Popen(  # noqa: ASYNC220 (nothing else runs yet)
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as upstreams:
        assert upstreams.stdout is not None
        assert upstreams.stdin is not None
        listed = [json.loads(upstreams.stdout.readline()) for _ in range(count)]
        seen, urls = Seen(), {each["name"]: each["base_url"] for each in listed}
        async with served(folder, urls, tracker=TRACKER) as server:
            with trio.move_on_after(minutes * 60.0):
                await _watch(server, seen, random.Random(seed))
            health = await server.health()
            code, took = await server.end()
        upstreams.stdin.close()
        tally = json.loads(upstreams.stdout.readlines()[-1])
    return _judged(folder / "status.db", seen, tally, health, code, took)


async def _watch(server: Served, seen: Seen, dice: random.Random) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_sample, server, seen)
        nursery.start_soon(_ask, server, seen)
        nursery.start_soon(_lock_now_and_then, server, seen, dice)
        nursery.start_soon(_listen, server)


async def _sample(server: Served, seen: Seen) -> None:
    while True:
        seen.vitals.append(Vital.of(server.process.pid, trio.current_time()))
        seen.lags.append((await server.health())["loop_lag_ms"])
        await trio.sleep(SAMPLE_SECONDS)


async def _ask(server: Served, seen: Seen) -> None:
    while True:
        for path in ("/api/providers/status", "/api/providers/best"):
            began = trio.current_time()
            response = await server.get(path)
            took = trio.current_time() - began
            (seen.locked if seen.is_locked else seen.latencies).append(took * 1000.0)
            best = path.endswith("best")
            seen.refused += response.status_code not in ((200, 503) if best else (200,))
        await trio.sleep(STATUS_EVERY)


async def _listen(server: Served) -> None:
    """A reader of the events, for as long as it lasts."""
    async with server.client.stream("GET", "/api/providers/events", timeout=None) as response:
        async for _ in response.aiter_bytes():
            pass


async def _lock_now_and_then(server: Served, seen: Seen, dice: random.Random) -> None:
    while True:
        await trio.sleep(LOCK_EVERY * dice.uniform(0.5, 1.5))
        with closing(sqlite3.connect(server.database, isolation_level=None, timeout=5)) as other:
            other.execute("BEGIN EXCLUSIVE")
            seen.is_locked, seen.locks = True, seen.locks + 1
            await trio.sleep(dice.uniform(*LOCK_FOR))
            other.execute("ROLLBACK")
        seen.is_locked = False


def _judged(
    database: Path, seen: Seen, tally: dict[str, Any], health: Any, code: int, took: float
) -> Outcome:
    with closing(sqlite3.connect(database)) as connection:
        checks = connection.execute(
            "SELECT provider_name, checked_at_ms, outcome FROM checks ORDER BY provider_name, id"
        ).fetchall()
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    found = Counter(outcome for _, _, outcome in checks)
    expected = Counter(tally["expected"])
    found_answered = {k: v for k, v in found.items() if k not in ("connect", "internal")}
    surplus = {k: v - expected[k] for k, v in found_answered.items() if v > expected[k]}
    remembered = len(checks) * CHECK_BYTES + (found["ok"] + found["slow"]) * SUCCESS_BYTES
    slopes, seconds = _slopes(seen.vitals), seen.vitals[-1].at - seen.vitals[0].at
    figures: Figures = {
        "minutes": round(seconds / 60.0, 1),
        "providers": len({name for name, *_ in checks}),
        "checks": len(checks),
        "mood_changes": tally["mood_changes"],
        "kinds_found": len(found),
        "missed_ticks": missed(checks),
        "overlaps": tally["overlaps"],
        "load_average_of_the_machine": round(os.getloadavg()[1], 1),
        "internal_outcomes": found["internal"],
        "more_of_a_kind_than_the_providers_caused": surplus or "none",
        "database_locks": seen.locks,
        "dropped": health["database"]["dropped"],
        "stalls": health["stalls"],
        "worst_loop_lag_ms": health["worst_loop_lag_ms"],
        "loop_lag_p99_ms": percentile(seen.lags, 0.99),
        "asked": len(seen.latencies) + len(seen.locked),
        "wrong_answers": seen.refused,
        "answer_p50_ms": percentile(seen.latencies, 0.5),
        "answer_p99_ms": percentile(seen.latencies, 0.99),
        "answer_p99_ms_while_locked": percentile(seen.locked, 0.99),
        **slopes,
        "remembered_checks_kib_per_minute": round(remembered / 1024 / (seconds / 60.0), 1),
        "exit_code": code,
        "exit_seconds": round(took, 2),
        "integrity_check": sound,
    }
    wrong = [
        f"{name} is {figures[name]}"
        for name in ("overlaps", "dropped", "wrong_answers", "exit_code")
        if figures[name]
    ]
    if sound != "ok":
        wrong.append(sound)
    return Outcome(figures, tuple(wrong))


def missed(checks: list[tuple[str, int, str]]) -> int:
    """Whole intervals without a check, but after those that ask to wait."""
    total = 0
    for (name, at, outcome), (following, later, _) in pairwise(checks):
        if name == following and outcome not in POSTPONED:
            total += max(round((later - at) / 1000.0 / INTERVAL) - 1, 0)
    return total


def _slopes(vitals: list[Vital]) -> Figures:
    warm = vitals[math.floor(len(vitals) * WARM_UP) :]
    minutes = [v.at / 60.0 for v in warm]

    def slope(values: list[float]) -> float:
        if len(values) < 2:
            return 0.0
        return round(statistics.linear_regression(minutes, values).slope, 3)

    return {
        "memory_mib": f"{warm[0].rss / 2**20:.1f} → {warm[-1].rss / 2**20:.1f}",
        "memory_slope_kib_per_minute": slope([v.rss / 1024 for v in warm]),
        "descriptors": f"{warm[0].descriptors} → {warm[-1].descriptors}",
        "descriptors_slope_per_minute": slope([float(v.descriptors) for v in warm]),
        "threads": f"{warm[0].threads} → {warm[-1].threads}",
        "threads_slope_per_minute": slope([float(v.threads) for v in warm]),
    }


def percentile(values: list[float], share: float) -> float:
    """Nearest rank; 0.0 of nothing."""
    if not values:
        return 0.0
    return round(sorted(values)[max(math.ceil(share * len(values)) - 1, 0)], 2)
