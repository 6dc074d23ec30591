"""What a check costs in steady operation: ``python -m benchmarks.steady``.

    --count N --rate R    R checks a second among N providers, over plain HTTP on kept connections

The whole tracker, store included, in a process of its own; the providers run in another. After the
first sweep its CPU time is counted for a while and divided by the checks. Its parts are
distinguished afterwards, for each sample wakes the event loop: by samples of the main thread's
stack, one per millisecond of CPU: transport (the request, its bytes, its dialect), judging
(handling a result), publishing (snapshots), and the rest, which is trio and the actors' timers.
Storing is what other threads spend. For comparison: aiohttp, if it is installed, making the same
requests at the same times, without judging, storing or publishing.
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any

import attrs
import structlog
import trio

from benchmarks.sweep import upstreams
from benchmarks.table import Figure, row
from tracker import Config, run_tracker
from tracker.core.settings import Provider, Timing
from tracker.runtime.garbage_collection import tune_garbage_collector

LIMIT_MS = 1.2
SAMPLE_SECONDS = 0.001
# The functions where each part begins; the outermost one in a stack decides.
PARTS = {"publish": "publishing", "process": "judging", "probe": "transport"}
PEER = """
import asyncio, json, sys, time
try:
    import aiohttp
except ImportError:
    print("{}")
    raise SystemExit
async def main(urls, interval, seconds):
    asked = 0
    async def keep_asking(session, url, offset):
        nonlocal asked
        await asyncio.sleep(offset)
        while True:
            began = time.perf_counter()
            async with session.get(url + "/models") as answer:
                await answer.read()
            asked += 1
            await asyncio.sleep(interval - (time.perf_counter() - began))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tasks = [asyncio.create_task(keep_asking(session, url, n * interval / len(urls)))
                 for n, url in enumerate(urls)]
        await asyncio.sleep(interval + 1.0)
        before, cpu = asked, time.process_time()
        await asyncio.sleep(seconds)
        print(json.dumps({"cpu ms": (time.process_time() - cpu) / (asked - before) * 1000}))
        for task in tasks:
            task.cancel()
asyncio.run(main(json.loads(sys.stdin.read()), float(sys.argv[1]), float(sys.argv[2])))
"""


@attrs.define
class Sampler:
    """Counts samples of the main thread by part."""

    seen: Counter[str] = attrs.field(factory=Counter)

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)

    def _take(self, _: int, frame: FrameType | None) -> None:
        part = "rest"
        while frame is not None:
            part = PARTS.get(frame.f_code.co_name, part)
            frame = frame.f_back
        self.seen[part] += 1

    def shares(self) -> dict[str, float]:
        total = sum(self.seen.values()) or 1
        return {part: count / total for part, count in self.seen.items()}


async def run_steady(
    listed: list[dict[str, Any]], folder: str, interval: float, seconds: float
) -> dict[str, float]:
    timing = Timing(interval_seconds=interval, timeout_seconds=min(10.0, interval))
    config = Config(
        database=f"{folder}/steady.db",
        providers=tuple(
            Provider(name=u["name"], base_url=u["base_url"], timing=timing) for u in listed
        ),
    )
    async with trio.open_nursery() as nursery:
        tracker = await nursery.start(run_tracker, config)
        while not tracker.snapshot.swept:
            await tracker.board.newer_than(tracker.snapshot.revision)
        await trio.sleep(interval + 1.0)  # by now the grid has spread the checks
        found = await count(tracker, seconds)
        tracker.stop()
    return found


async def count(tracker: Any, seconds: float) -> dict[str, float]:
    checks, revision = made(tracker), tracker.snapshot.revision
    cpu, main = time.process_time(), time.thread_time()
    await trio.sleep(seconds)
    cpu, main = time.process_time() - cpu, time.thread_time() - main
    checks = made(tracker) - checks
    snapshots = tracker.snapshot.revision - revision
    each = 1000.0 / checks
    sampler = Sampler()
    sampler.start()
    await trio.sleep(seconds)
    sampler.stop()
    parts = {part: share * main * each for part, share in sampler.shares().items()}
    return {
        "cpu ms": cpu * each,
        **parts,
        "storing": (cpu - main) * each,
        "checks a second": checks / seconds,
        "snapshots a second": snapshots / seconds,
    }


def made(tracker: Any) -> int:
    """Return the number of checks since the start."""
    providers = tracker.snapshot.providers.values()
    return sum(number for p in providers for _, number in p.outcome_counts)


def run_case(count: int, rate: float, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.steady", "--one"]
    command += ["--count", str(count), "--rate", str(rate), "--seconds", str(seconds)]
    run = subprocess.run(command, check=True, capture_output=True, timeout=900.0)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def run_peer(count: int, rate: float, seconds: float, python: str) -> dict[str, float]:
    with upstreams(count, 0) as listed:
        run = subprocess.run(
            [python, "-c", PEER, str(count / rate), str(seconds)],
            input=json.dumps([u["base_url"] for u in listed]),
            check=True,
            capture_output=True,
            text=True,
            timeout=900.0,
        )
    found: dict[str, float] = json.loads(run.stdout)
    return found


def measure(
    cases: tuple[tuple[int, float], ...] = ((500, 100.0), (500, 25.0), (10_000, 100.0)),
    *,
    rounds: int = 1,
    seconds: float = 60.0,
    python: str = sys.executable,
) -> Iterator[Figure]:
    for providers, rate in cases:
        runs = [run_case(providers, rate, seconds) for _ in range(rounds)]
        peers = [run_peer(providers, rate, seconds, python) for _ in range(rounds)]
        yield from figures(f"{providers:,} providers, {rate:g} checks/s", runs, peers)


def figures(
    case: str, runs: list[dict[str, float]], peers: list[dict[str, float]]
) -> Iterator[Figure]:
    note = "aiohttp is not installed, so it is not measured"
    if peers[0]:
        peer = statistics.median([each["cpu ms"] for each in peers])
        ours = statistics.median([each["cpu ms"] for each in runs])
        note = f"aiohttp alone {peer:.3f}: {ours / peer:.1f} ×"
    for key in runs[0]:
        values = [run.get(key, 0.0) for run in runs]
        if key == "cpu ms":
            yield Figure(f"{case}: a check", values, "ms CPU", limit=LIMIT_MS, note=note)
        else:
            yield Figure(f"  of it {key}" if "second" not in key else f"  {key}", values, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", action="store_true", help="print one run as JSON")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    if not given.one:
        for figure in measure(((given.count, given.rate),), seconds=given.seconds):
            print(row(figure), flush=True)
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with upstreams(given.count, 0) as listed, tempfile.TemporaryDirectory() as folder:
        tune_garbage_collector()  # as `serve` does
        interval = given.count / given.rate
        print(json.dumps(trio.run(run_steady, listed, folder, interval, given.seconds)))


if __name__ == "__main__":
    main()
