"""A thousand providers over TLS in one tracker: ``python -m benchmarks.tls_sweep [--count N]``.

The first sweep, in which each check makes a whole handshake, and then the steady state at a check
of each in ``INTERVAL`` seconds on kept connections. The tracker, store included, runs in a process
of its own; the providers, with certificates of a local authority, in another.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog
import trio

from benchmarks.latency import Case, upstreams
from benchmarks.steady import count
from benchmarks.table import Figure, row
from tracker import Config, run_tracker
from tracker.core.settings import Provider, Timing
from tracker.runtime.garbage_collection import tune_garbage_collector

INTERVAL = 30.0
SWEEP_SECONDS = 2.5  # the limit of a quiet machine


def measure(providers: int = 1_000, *, rounds: int = 3, seconds: float = 30.0) -> Iterator[Figure]:
    """Yield the figures of the first sweep, and of the steady state after it."""
    runs = [_run(providers, seconds) for _ in range(rounds)]
    limits = {"first sweep": SWEEP_SECONDS} if providers == 1_000 else {}
    units = {"first sweep": "s", "first sweep, CPU": "s CPU", "steady, a check": "ms CPU"}
    for key in runs[0]:
        case = f"{providers:,} over TLS: {key}"
        yield Figure(case, [run[key] for run in runs], units.get(key, ""), limit=limits.get(key))


def _run(providers: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.tls_sweep", "--one"]
    command += ["--count", str(providers), "--seconds", str(seconds)]
    run = subprocess.run(command, check=True, capture_output=True, timeout=300.0)
    found: dict[str, float] = json.loads(run.stdout)
    return found


async def _watch(urls: list[str], folder: Path, seconds: float) -> dict[str, float]:
    timing = Timing(interval_seconds=INTERVAL, timeout_seconds=10.0)
    authority = str(folder / "authority.pem")
    watched = (
        Provider(name=f"p{number:04}", base_url=url, timing=timing, ca_file=authority)
        for number, url in enumerate(urls)
    )
    config = Config(database=str(folder / "tls.db"), providers=tuple(watched))
    began, cpu = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        tracker = await nursery.start(run_tracker, config)
        while not tracker.snapshot.swept:
            await tracker.board.newer_than(tracker.snapshot.revision)
        swept, spent = time.perf_counter() - began, time.process_time() - cpu
        good = sum(each.outcome is not None for each in tracker.snapshot.providers.values())
        failed = sum(not each.usable for each in tracker.snapshot.providers.values())
        await trio.sleep(INTERVAL + 1.0)  # the grid has spread them by now
        steady = await count(tracker, seconds)
        tracker.stop()
    return {
        "first sweep": swept,
        "first sweep, CPU": spent,
        "checked": good,
        "misjudged": failed,
        "steady, a check": steady["cpu ms"],
        "steady, checks a second": steady["checks a second"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", action="store_true", help="print one run as JSON")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    if not given.one:
        for figure in measure(given.count, seconds=given.seconds):
            print(row(figure), flush=True)
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with upstreams(Case(given.count, tls=True, busy=False), folder) as urls:
            tune_garbage_collector()  # as `serve` does
            print(json.dumps(trio.run(_watch, urls, folder, given.seconds)))


if __name__ == "__main__":
    main()
