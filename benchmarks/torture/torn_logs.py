"""Write-ahead logs torn at any byte: what is read back is a beginning of what was written.

Each batch of checks is one transaction. The log is cut off, or what follows a byte of it is
overwritten with zeros or noise, as a machine that lost its power leaves it.
"""

import multiprocessing
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import trio

from benchmarks.torture.flips import CLOCK, LANES, MEMORY, be_silent, row, use
from benchmarks.torture.report import Outcome
from tracker.store import open_store

BATCHES, BATCH = 40, 5
SHARE = 50
WRITTEN = "SELECT provider_name, checked_at_ms, response_time_ms FROM checks ORDER BY id"
Rows = list[tuple[str, int, float]]


async def torn_logs(logs: int) -> Outcome:
    shares = [range(first, min(first + SHARE, logs)) for first in range(0, logs, SHARE)]
    counts, wrong = Counter[str](), []
    with multiprocessing.get_context("forkserver").Pool(LANES, be_silent) as pool:
        for found, faults in await trio.to_thread.run_sync(pool.map, try_share, shares, 1):
            counts, wrong = counts + found, wrong + faults
    figures = {"logs": logs, **dict(sorted(counts.items())), "wrong": len(wrong)}
    return Outcome(figures, tuple(wrong[:20]))


def try_share(numbers: range) -> tuple[Counter[str], list[str]]:
    return trio.run(_try_share, numbers)


async def _try_share(numbers: range) -> tuple[Counter[str], list[str]]:
    counts, wrong = Counter[str](), []
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        source, taken = Path(folder) / "source", Path(folder) / "taken"
        source.mkdir()
        taken.mkdir()
        written = await write_source(source, taken)
        for number in numbers:
            home = Path(folder) / "torn"
            shutil.copytree(taken, home)
            how = tear(home / "status.db-wal", random.Random(number))
            try:
                async with open_store(str(home / "status.db"), clock=CLOCK) as store:
                    refused = await use(store, write=False)
                found = rows_of(home / "status.db")
                is_beginning = found == written[: len(found)]
                if refused or not is_beginning or len(found) % BATCH:
                    wrong.append(f"log {number}, {how}: {refused} refused, {len(found)} rows")
                counts["rows written"] += len(written)
                counts["rows read back"] += len(found)
                counts[how] += 1
            except Exception as error:  # noqa: BLE001 (that is what is looked for)
                wrong.append(f"log {number}, {how}: {type(error).__name__}: {error}")
            shutil.rmtree(home)
    return counts, wrong


async def write_source(source: Path, taken: Path) -> Rows:
    """Take a copy of the file and its log while they are in use; return the rows in them."""
    path = source / "status.db"
    async with open_store(str(path), clock=CLOCK) as store:
        for batch in range(BATCHES):
            await store.write([row(batch * BATCH + place) for place in range(BATCH)])
        for name in ("status.db", "status.db-wal"):
            shutil.copy(source / name, taken)
        return rows_of(path)


def rows_of(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(WRITTEN).fetchall()


def tear(log: Path, dice: random.Random) -> str:
    """Spoil it from a byte on; return how."""
    content = bytearray(log.read_bytes())
    at = dice.randrange(len(content))
    how = dice.choice(["cut off", "zeros", "noise", "one page lost"])
    if how == "cut off":
        del content[at:]
    elif how == "zeros":
        content[at:] = bytes(len(content) - at)
    elif how == "noise":
        content[at:] = dice.randbytes(len(content) - at)
    else:
        content[at : at + 4096] = bytes(len(content[at : at + 4096]))
    log.write_bytes(content)
    return how
