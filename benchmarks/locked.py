"""/best while another process holds the database exclusively, and whether a result is lost.

    python -m benchmarks.locked

The tracker checks a hundred providers every second meanwhile.
"""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks.load import Load, load
from benchmarks.serving import served
from benchmarks.table import Figure, row

HELD_SECONDS = 4.0
PROVIDERS, INTERVAL = 100, 1.0


def measure(held: float = HELD_SECONDS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "locked.db"))
        with served("ours", str(PROVIDERS), path, str(INTERVAL)) as (pid, url):
            ask = partial(load, pid, f"{url}/api/providers/best", connections=4, seconds=held)
            before = ask()
            during = _held(path, ask)
            told = _checks_told(f"{url}/api/providers/status")
        return [*_latencies(before, during), _kept(path, told)]


def _held(path: str, ask: Callable[[], Load]) -> Load:
    """Return what ``ask`` finds while the database is locked exclusively."""
    other = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        other.execute("BEGIN EXCLUSIVE")
        found = ask()
        other.execute("ROLLBACK")
        return found
    finally:
        other.close()


def _checks_told(url: str) -> int:
    """Return how many checks the tracker has in memory."""
    with urlopen(url, timeout=10.0) as answer:
        providers = json.load(answer)["providers"]
    return sum(provider["checks_24h"] for provider in providers.values())


def _latencies(before: Load, during: Load) -> list[Figure]:
    return [
        Figure("/best, p99", [before.p99], "ms", note=f"p50 {before.p50:.2f} ms"),
        Figure(
            "/best, p99, the database held for 4 s",
            [during.p99],
            "ms",
            ratio=during.p99 / before.p99,
            limit=2.0,
            note=f"p50 {during.p50:.2f} ms",
        ),
    ]


def _kept(path: str, told: int) -> Figure:
    """Return how many published checks are missing in the database after the tracker's end."""
    with closing(sqlite3.connect(path)) as own:
        (stored,) = own.execute("SELECT count(*) FROM checks").fetchone()
    note = f"{told} checks were published, {stored} are stored"
    return Figure("results lost", [max(told - stored, 0)], "", limit=0.0, note=note)


if __name__ == "__main__":
    for figure in measure():
        print(row(figure))
