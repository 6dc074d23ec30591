"""Databases with flipped bits: each is read, written and pruned, or says why it cannot be."""

import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.torture.report import Outcome
from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord
from tracker.store import Store, StoreUnavailable, open_store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOW)
ROWS = 400
FLIPPED = (1, 8, 64)  # bits


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


async def use(store: Store) -> int:
    """Everything that a tracker does with it; how much of that was unavailable."""
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
    for job in jobs:
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
    dice, counts = random.Random(1), Counter[str]()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.db"
        async with open_store(str(sound), clock=CLOCK) as store:
            await store.write([row(number) for number in range(ROWS)])
        content = sound.read_bytes()
        for number in range(databases):
            path = Path(folder) / "flipped.db"
            damaged = bytearray(content)
            for _ in range(dice.choice(FLIPPED)):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            path.write_bytes(damaged)
            try:
                async with open_store(str(path), clock=CLOCK) as store:
                    counts["refused with a reason" if await use(store) else "used"] += 1
            except Exception as error:  # noqa: BLE001 (that is what is looked for)
                wrong.append(f"database {number}: {type(error).__name__}: {error}")
            counts["set aside"] += clear(Path(folder))
    return Outcome({"databases": databases, **counts, "crashes": len(wrong)}, tuple(wrong[:20]))
