"""kill -9 at random moments: every row that a reader has seen committed is there afterwards.

The database is judged in a copy of its files as the kill left them, so that the next round's
tracker recovers them by itself.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import attrs
import trio

from benchmarks.torture.forking import Forge, forge
from benchmarks.torture.numbered import Row, Sequence, integrity_of, numbered, rows_of, urls
from benchmarks.torture.report import Outcome
from benchmarks.torture.served import write_config

PROVIDERS = 30
TRACKER = "interval_seconds = 0.1\nrecheck_seconds = [0.1]\n"
LOOK_SECONDS = 0.01
ROUNDS_A_DATABASE = 50  # then a fresh one: its rows are compared after every round
EARLY = 0.02  # the chance, at each look, not to wait for the first row any longer
FIRST_ROW_SECONDS = 10.0
LONGEST_LIFE = 0.4  # seconds

HALVES = """
SELECT count(*) FROM
    (SELECT provider_name, max(id) AS newest FROM checks GROUP BY provider_name)
    FULL JOIN provider_states USING (provider_name)
WHERE newest IS NOT last_check_id
"""


@attrs.define(eq=False)
class Toll:
    """acknowledged: rows seen committed before a kill. lost: of those, not there after it.

    half_batches: how often a check was there without the state stored with it, or the reverse.
    """

    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    damaged: int = 0
    half_batches: int = 0
    out_of_order: int = 0
    killed_before_the_first_row: int = 0
    rows: int = 0

    def add(self, other: "Toll") -> None:
        for name, number in attrs.asdict(other).items():
            setattr(self, name, getattr(self, name) + number)


async def kills(rounds: int, lanes: int = 2, seed: int = 1) -> Outcome:
    """lanes: so many at once, each on databases of its own."""
    total = Toll()
    left = iter(range(rounds))
    with tempfile.TemporaryDirectory() as folder:
        async with trio.open_nursery() as nursery:
            for lane in range(lanes):
                home = Path(folder) / str(lane)
                home.mkdir()
                nursery.start_soon(_lane, home, left, random.Random(f"{seed}:{lane}"), total)
    figures = {**attrs.asdict(total), "providers": PROVIDERS, "seed": seed}
    bad = ("lost", "damaged", "half_batches", "out_of_order")
    return Outcome(figures, tuple(f"{figures[n]} {n}" for n in bad if figures[n]))


async def _lane(home: Path, left: Iterable[int], dice: random.Random, total: Toll) -> None:
    known: dict[int, Row] = {}
    async with numbered(PROVIDERS) as providers, forge(home) as forks:
        file = write_config(home, urls(providers), tracker=TRACKER)
        for number, _ in enumerate(left):
            if number % ROUNDS_A_DATABASE == 0:
                _forget(home)
                known = {}
            total.add(await _round(home, file, forks, known, dice))
            if total.rounds % 50 == 0:
                print(attrs.asdict(total), flush=True)


def _forget(home: Path) -> None:
    for old in home.glob("status.db*"):
        old.unlink()


async def _round(
    home: Path, file: Path, forks: Forge, known: dict[int, Row], dice: random.Random
) -> Toll:
    before, database = len(known), home / "status.db"
    await forks.start("--config", str(file), "--database", str(database), "--log-level", "error")
    with trio.move_on_after(FIRST_ROW_SECONDS):
        while len(known) == before and dice.random() > EARLY:
            await _look(database, known)
    with trio.move_on_after(dice.uniform(0.0, LONGEST_LIFE)):
        while True:
            await _look(database, known)
    await forks.kill()
    found, sound, halves = await trio.to_thread.run_sync(_inspect, home)
    order = Sequence.of(row for row in found if row[0] > max(known, default=0))
    toll = Toll(
        rounds=1,
        acknowledged=len(known) - before,
        lost=len(set(known.values()) - set(found)),
        damaged=sound != "ok",
        half_batches=halves,
        out_of_order=order.out_of_order,
        killed_before_the_first_row=len(known) == before,
        rows=len(found) - before,
    )
    known.update((row[0], row) for row in found)
    return toll


async def _look(database: Path, known: dict[int, Row]) -> None:
    """Note every row that another process can read by now."""
    # The file may not be made, or be locked for its recovery.
    with suppress(sqlite3.Error):
        known.update((row[0], row) for row in rows_of(database, max(known, default=0)))
    await trio.sleep(LOOK_SECONDS)


def _inspect(home: Path) -> tuple[list[Row], str, int]:
    """All rows, the integrity check's answer, and how many providers have half of a batch."""
    copies = home / "copy"
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir()
    for file in home.glob("status.db*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, copies)
    copy = copies / "status.db"
    if not copy.exists() or not copy.stat().st_size:
        return [], "ok", 0  # killed before anything was written
    sound = integrity_of(copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            return rows_of(copy), sound, connection.execute(HALVES).fetchone()[0]
        except sqlite3.OperationalError:  # killed before the tables were made
            return [], sound, 0
