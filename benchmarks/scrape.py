"""What a scrape of ``/metrics`` costs: ``python -m benchmarks.scrape [--count N]``.

A real tracker of a thousand providers, whose checks are made up; none, fifty or all of them were
checked since the scrape before. Fifty are what is checked in 15 seconds, the usual time between
scrapes, when each is checked every five minutes. CPU time of writing the page, uncompressed.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
import trio

from api.exports.metrics import MetricsPage
from benchmarks.table import Figure, row
from tracker import Config, run_tracker
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.settings import Provider
from tracker.probes.check import Check, FunctionCheck
from tracker.runtime.garbage_collection import tune_garbage_collector
from tracker.runtime.tracker import Tracker

LIMIT_MS = 5.0
OPENMETRICS = "application/openmetrics-text"
CHANGED = (0, 50, 1_000)

_latency_ms = itertools.cycle((181.0, 245.5, 240.9, 402.7, 199.4, 911.2))


async def answer() -> CheckResult:
    """Make up a check's result: each has another latency than the one before."""
    return CheckResult(
        kind=OutcomeKind.OK, facts=Facts(reachable=True), latency_ms=next(_latency_ms)
    )


@asynccontextmanager
async def open_check(_: Provider) -> AsyncIterator[Check]:
    yield FunctionCheck(answer)


async def scrape(count: int, rounds: int) -> list[tuple[int, list[float]]]:
    names = [f"provider-{number:04}" for number in range(count)]
    found: list[tuple[int, list[float]]] = []
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            database=f"{folder}/scrape.db",
            schedule=False,
            providers=tuple(Provider(name=name, base_url="http://127.0.0.1:1") for name in names),
        )
        async with trio.open_nursery() as nursery:
            tracker: Tracker = await nursery.start(run_tracker_with_checks, config)
            page = MetricsPage()
            await tracker.check()
            write(page, tracker)
            for changed in (min(each, count) for each in CHANGED):
                values: list[float] = []
                found.append((changed, values))
                for _ in range(rounds):
                    if changed:
                        await tracker.check(*names[:: count // changed])
                    values.append(write(page, tracker))
            tracker.stop()
    return found


async def run_tracker_with_checks(
    config: Config, *, task_status: trio.TaskStatus[Tracker] = trio.TASK_STATUS_IGNORED
) -> None:
    await run_tracker(config, open_check=open_check, task_status=task_status)


def write(page: MetricsPage, tracker: Tracker) -> float:
    """Return the milliseconds of CPU of one page."""
    snapshot, health = tracker.snapshot, tracker.health()
    began = time.thread_time()
    page.encode(snapshot, health, OPENMETRICS)
    return (time.thread_time() - began) * 1000.0


def measure(count: int = 1_000, *, rounds: int = 7) -> Iterator[Figure]:
    for changed, values in trio.run(scrape, count, rounds):
        what = f"{count:,} providers, {changed:,} changed"
        yield Figure(what, values, "ms CPU", limit=LIMIT_MS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    tune_garbage_collector()  # as `serve` does
    for figure in measure(given.count, rounds=given.rounds):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
