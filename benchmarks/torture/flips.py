"""Databases with flipped bits: each is read, written and pruned, or says why it cannot be."""

import logging
import multiprocessing
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
import trio

from benchmarks.torture.report import Outcome
from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord
from tracker.store import Store, StoreUnavailable, open_store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW)
ROWS = 400
FLIPPED = (1, 8, 64)  # bits
LANES, SHARE = 2, 250  # processes, and databases that one takes at a time
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nobody's disk is asked


def row(number: int) -> CheckRecord:
    result = CheckResult(
        kind=OutcomeKind.OK,
        provider=f"p{number % 4}",
        at=NOW - timedelta(minutes=number),
        latency_ms=float(number),
    )
    return CheckRecord(
        result=result,
        status=Status.HEALTHY,
        interval_seconds=60.0,
        consecutive_failures=0,
        rate_limit_percent=0.0,
        state="{}",
    )


async def use(store: Store, *, write: bool = True) -> int:
    """Everything that a tracker does with it, or reads; how much of that was unavailable."""
    since, refused = NOW - timedelta(days=7), 0
    jobs: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: store.load(since),
        lambda: store.write([row(0)]),
        lambda: store.history(since=since, raw=True),
        lambda: store.history(since=since, resolution=300.0),
        lambda: store.changes(since=since),
        store.load_incidents,
        lambda: store.prune(since),
    )
    for job in jobs if write else jobs[:1] + jobs[2:-1]:
        try:
            await job()
        except StoreUnavailable:
            refused += 1
    return refused


def clear(folder: Path) -> int:
    """Remove what is left of a database; return whether it was set aside as damaged."""
    found = [each.name for each in folder.glob("flipped.db*")]
    for name in found:
        (folder / name).unlink()
    return any(".corrupt-" in name for name in found)


async def flipped_bits(databases: int) -> Outcome:
    """So many, shared between LANES processes; the seed of each database is its number."""
    begin = range(0, databases, SHARE)
    shares = [range(first, min(first + SHARE, databases)) for first in begin]
    counts, wrong = Counter[str](), []
    with multiprocessing.get_context("forkserver").Pool(LANES, be_silent) as pool:
        for found, faults in await trio.to_thread.run_sync(pool.map, try_share, shares, 1):
            counts, wrong = counts + found, wrong + faults
    figures = {"databases": databases, **dict(sorted(counts.items())), "crashes": len(wrong)}
    return Outcome(figures, tuple(wrong[:20]))


def be_silent() -> None:
    """For a process of a pool: what is set aside is told by its file."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def try_share(numbers: range) -> tuple[Counter[str], list[str]]:
    return trio.run(_try_share, numbers)


async def _try_share(numbers: range) -> tuple[Counter[str], list[str]]:
    counts, wrong = Counter[str](), []
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        sound = Path(folder) / "sound.db"
        async with open_store(str(sound), clock=CLOCK) as store:
            await store.write([row(number) for number in range(ROWS)])
        content = sound.read_bytes()
        for number in numbers:
            dice = random.Random(number)
            path = Path(folder) / "flipped.db"
            damaged = bytearray(content)
            for _ in range(dice.choice(FLIPPED)):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            path.write_bytes(damaged)
            try:
                async with open_store(str(path), clock=CLOCK) as store:
                    refused = await use(store)
                    counts["refused with a reason" if refused else "used"] += 1
                    counts["with rows left out"] += store.left_out > 0
            except Exception as error:  # noqa: BLE001 (that is what is looked for)
                wrong.append(f"database {number}: {type(error).__name__}: {error}")
            counts["set aside as damaged"] += clear(Path(folder))
    return counts, wrong
