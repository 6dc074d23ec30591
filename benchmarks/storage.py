"""Figures of the store over two million checks: ``python -m benchmarks.storage [SWEEPS]``

Builds a database of 1,000 providers in a temporary folder and prints one line per figure: the time
to write and read it, and what /best and /status cost over it and over an empty one.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import trio

from benchmarks.load import load
from benchmarks.serving import served
from benchmarks.table import Figure, row
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord, Record
from tracker.store import Store, open_store

PROVIDERS = 1_000
SWEEPS = int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 2_000
SPACING = timedelta(minutes=5)
# 300 characters, the length to which the tracker cuts a message
STATE = '{"window": [' + ", ".join(["1"] * 100) + "]}"


def sweep(at: datetime, chance: random.Random) -> list[Record]:
    """Return a check of every provider, in the order of their answers."""
    return [
        CheckRecord(
            result=CheckResult(
                kind=OutcomeKind.OK,
                provider=f"provider-{number:04}",
                at=at + timedelta(milliseconds=place),
                latency_ms=chance.lognormvariate(5.5, 0.4),
                http_status=200,
            ),
            status=Status.HEALTHY,
            interval_seconds=300.0,
            consecutive_failures=0,
            rate_limit_percent=12.5,
            state=STATE,
        )
        for place, number in enumerate(chance.sample(range(PROVIDERS), PROVIDERS))
    ]


async def fill(store: Store, began: datetime, chance: random.Random) -> None:
    for number in range(0, SWEEPS, 20):
        batch = [r for n in range(20) for r in sweep(began + (number + n) * SPACING, chance)]
        await store.write(batch)


Job = Callable[[], Awaitable[object]]


async def timed(label: str, jobs: Sequence[Job]) -> None:
    taken = []
    for job in jobs:
        began = time.perf_counter()
        await job()
        taken.append((time.perf_counter() - began) * 1000.0)
    spread = f"({min(taken):.2f} to {max(taken):.2f}, {len(jobs)} rounds)"
    print(f"{label:48} {statistics.median(taken):9.2f} ms   {spread}")


async def lag_during(job: Job) -> float:
    """Return the event loop's worst delay while ``job`` runs, in milliseconds."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            await trio.sleep(0.001)
            worst = max(worst, (time.perf_counter() - began - 0.001) * 1000.0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await job()
        nursery.cancel_scope.cancel()
    return worst


async def build(path: str, began: datetime, chance: random.Random) -> None:
    async with open_store(path) as store:
        started = time.perf_counter()
        await fill(store, began, chance)
        taken = time.perf_counter() - started
    print(f"stored {PROVIDERS * SWEEPS:,} checks in {taken:.1f} s")


async def measure(path: str) -> None:
    chance = random.Random(1)
    end = datetime.now(UTC)
    began = end - SWEEPS * SPACING
    await build(path, began, chance)
    started = time.perf_counter()
    async with open_store(path) as store:
        print(f"opened and probed in {(time.perf_counter() - started) * 1000.0:.0f} ms")
        await measure_writes(store, end, began, chance)
        await sum_up(store, began)
        await measure_reads(store, end)


async def sum_up(store: Store, began: datetime) -> None:
    """Do at once what a tracker does in the background after each hour."""
    started, steps, longest = time.perf_counter(), 0, 0.0
    more = True
    while more:
        step = time.perf_counter()
        more = await store.sum_up(began)
        steps, longest = steps + 1, max(longest, time.perf_counter() - step)
    taken = time.perf_counter() - started
    print(f"summed up in {taken:.1f} s, {steps} steps, the longest {longest * 1000.0:.0f} ms")


async def measure_writes(
    store: Store, end: datetime, began: datetime, chance: random.Random
) -> None:
    coming = [sweep(end + number * SPACING, chance) for number in range(40)]
    single = [[record] for record in sweep(end + 40 * SPACING, chance)[:100]]
    await timed("store a sweep of 1,000", [partial(store.write, records) for records in coming])
    await timed("store one check", [partial(store.write, records) for records in single])
    await timed("prune, nothing due", [partial(store.prune, began)] * 20)


async def measure_reads(store: Store, end: datetime) -> None:
    day, week = end - timedelta(days=1), end - timedelta(days=7)
    one = partial(store.history, ["provider-0500"])
    names = [f"provider-{number:04}" for number in range(PROVIDERS)]  # as the API asks
    hourly = partial(store.history, names, since=week, resolution=3600)
    quarters = partial(store.history, names, since=day, resolution=900)
    load = partial(store.load, week)
    await timed("history of one, 24 h", [partial(one, since=day)] * 5)
    await timed("history of one, 7 d", [partial(one, since=week)] * 5)
    await timed("24 h of all, buckets of 15 min with p95", [quarters] * 3)
    await timed("7 d of all, buckets of 1 h with p95", [hourly] * 3)
    await timed("7 d of all, buckets of 6 h with p95", [partial(hourly, resolution=21_600)])
    await timed("load 7 d", [load] * 3)
    print(f"worst event loop lag during load {await lag_during(load):.1f} ms")
    print(f"worst event loop lag during 7 d of all {await lag_during(hourly):.1f} ms")
    started = time.perf_counter()
    with trio.move_on_after(0.1):
        await hourly()
    late = (time.perf_counter() - started - 0.1) * 1000.0
    print(f"a history cut off after 100 ms returned {late:.1f} ms later")


def measure_serving(path: str, empty: str, rounds: int = 5) -> Iterator[Figure]:
    """Measure the CPU time of an answer over the full database, and its ratio to an empty one."""
    count = str(PROVIDERS)
    with served("ours", count, path) as full, served("ours", count, empty) as bare:
        for what in ("best", "status"):
            pairs = [
                [
                    load(pid, f"{url}/api/providers/{what}", seconds=0.7).cpu_us
                    for pid, url in (full, bare)
                ]
                for _ in range(rounds)
            ]
            ratio = statistics.median(one / other for one, other in pairs)
            yield Figure(
                f"/{what} of 1,000 over {PROVIDERS * SWEEPS:,} checks",
                [one for one, _ in pairs],
                "µs CPU",
                ratio=ratio,
                note="beside an empty database",
            )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "benchmark.db")
        trio.run(measure, path)
        for figure in measure_serving(path, str(Path(folder) / "empty.db")):
            print(row(figure))


if __name__ == "__main__":
    main()
