"""A sweep of many simulated providers, and one in which a tenth of them hangs.

Each case runs the whole tracker, store included, in a process of its own; the providers run in
another. For comparison: the same requests through one shared httpx client, as many trackers do it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import structlog
import trio

from benchmarks.load import memory_mb
from benchmarks.table import Figure, row
from tracker import Config, run_tracker
from tracker.core.outcomes import Status
from tracker.core.settings import Provider, Timing
from tracker.runtime.garbage_collection import tune_garbage_collector

LATENCY_MS = 50.0
# Each has a listener and a connection: beyond this number, a process runs out of descriptors.
MOST_UPSTREAMS = 5_000
ERROR = "error_of_the_p50_ms"


@contextmanager
def upstreams(count: int, hang: int) -> Iterator[list[dict[str, Any]]]:
    """Run simulated providers in other processes; yield {"name", "base_url", "hangs"} each.

    The first of the processes has those that hang.
    """
    with ExitStack() as stack:
        listed = stack.enter_context(_some_upstreams(min(count, MOST_UPSTREAMS), hang))
        while len(listed) < count:
            more = min(count - len(listed), MOST_UPSTREAMS)
            others = stack.enter_context(_some_upstreams(more, 0))
            listed += [{**one, "name": f"{one['name']}-{len(listed)}"} for one in others]
        yield listed


@contextmanager
def _some_upstreams(count: int, hang: int) -> Iterator[list[dict[str, Any]]]:
    command = [sys.executable, "-m", "tracker.testing.many_providers", "--count", str(count)]
    command += ["--latency-ms", str(LATENCY_MS), "--hang", str(hang)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield [json.loads(process.stdout.readline()) for _ in range(count)]
        process.stdin.close()


def providers(listed: list[dict[str, Any]]) -> tuple[Provider, ...]:
    timing = Timing(interval_seconds=300.0, timeout_seconds=10.0)
    return tuple(Provider(name=u["name"], base_url=u["base_url"], timing=timing) for u in listed)


async def tracker_sweep(listed: list[dict[str, Any]], folder: str) -> dict[str, float]:
    good = {u["name"] for u in listed if not u["hangs"]}
    config = Config(database=f"{folder}/sweep.db", providers=providers(listed))
    idle = memory_mb(os.getpid())
    began, cpu = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        tracker = await nursery.start(run_tracker, config)
        with tracker.board.subscribe(1000) as feed:
            while not seen(tracker.snapshot, good):
                await feed.receive()
        wall, spent = time.perf_counter() - began, time.process_time() - cpu
        found = [tracker.snapshot.providers[name] for name in good]
        tracker.stop()
    peak = memory_mb(os.getpid(), "VmHWM")
    return {
        "wall_seconds": wall,
        "cpu_seconds": spent,
        "memory_above_idle_mb": peak - idle,
        "reported_p50_ms": statistics.median(p.response_time_ms or 0.0 for p in found),
        "misjudged": sum(p.status is not Status.HEALTHY for p in found),
    }


def seen(snapshot: Any, good: set[str]) -> bool:
    return all(snapshot.providers[name].outcome is not None for name in good)


async def shared_client_sweep(listed: list[dict[str, Any]], _: str) -> dict[str, float]:
    """Measure the comparison: all at once through one client, nothing stored or judged."""
    latencies: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=10.0, limits=limits) as client, trio.open_nursery() as n:

        async def ask(url: str) -> None:
            asked = time.perf_counter()
            await client.get(f"{url}/models")
            latencies.append((time.perf_counter() - asked) * 1000)

        for upstream in listed:
            if not upstream["hangs"]:
                n.start_soon(ask, upstream["base_url"])
    return {
        "wall_seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "reported_p50_ms": statistics.median(latencies),
    }


CASES = {"tracker": tracker_sweep, "shared client": shared_client_sweep}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--hang", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.case is None:
        run_all()
        return
    tune_garbage_collector()  # as `serve` does
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with upstreams(given.count, given.hang) as listed, tempfile.TemporaryDirectory() as folder:
        print(json.dumps(trio.run(CASES[given.case], listed, folder)))


LIMITS = {
    (1000, 0): {"wall_seconds": 1.1, "cpu_seconds": 0.9, "memory_above_idle_mb": 60.0, ERROR: 3.0},
    (100, 10): {"wall_seconds": 0.2, "misjudged": 0.0},
    (1000, 100): {"misjudged": 0.0},
}


def run_all(rounds: int = 3) -> None:
    for (count, hang), limits in LIMITS.items():
        print(f" {count} providers answering in {LATENCY_MS:g} ms, {hang} of them hanging")
        for figure in measure(count, hang, limits, rounds):
            print(row(figure))


def measure(count: int, hang: int, limits: dict[str, float], rounds: int) -> Iterator[Figure]:
    """Return the tracker's figures; both cases take turns."""
    turns = [{case: run_case(case, count, hang) for case in CASES} for _ in range(rounds)]
    for key in turns[0]["tracker"]:
        values = [turn["tracker"][key] for turn in turns]
        peers = [turn["shared client"][key] for turn in turns if key in turn["shared client"]]
        note = f"shared client {statistics.median(peers):.4g}" if peers else ""
        yield Figure(key.replace("_", " "), values, "", limit=limits.get(key), note=note)


def run_case(case: str, count: int, hang: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sweep", "--case", case]
    command += ["--count", str(count), "--hang", str(hang)]
    run = subprocess.run(command, check=True, capture_output=True, timeout=120.0)
    found: dict[str, float] = json.loads(run.stdout)
    return found | {ERROR: abs(found["reported_p50_ms"] - LATENCY_MS)}


if __name__ == "__main__":
    main()
