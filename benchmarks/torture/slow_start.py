"""A start on a large database while each read and write of the disk takes milliseconds.

It is opened and checked, migrated from an older schema, or taken over from the original tracker.
Meanwhile the tracker must beat, check and answer, SIGTERM must end it, and however often it is
killed half way, no more than one copy of the file may be left.
"""

import os
import signal
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

from benchmarks.torture.numbered import integrity_of
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from benchmarks.torture.system_calls import HAS_STRACE
from tracker.store.schema import APPLICATION, MIGRATIONS
from tracker.testing import simulated_provider

ANSWER_SECONDS = 2.0  # on a machine that does nothing else
END_SECONDS = 8.0
OLD_SCHEMA = 8
CALLS = "read,write,pread64,pwrite64,fsync,fdatasync"
FAST = "interval_seconds = 0.5\ntimeout_seconds = 0.5\n"
PATHS = ("/livez", "/api/providers/best", "/api/providers/status")
PROVIDER = "a"
ROW_BYTES = 110  # that a row takes with its index, about

_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
_CHECKS = f"""
INSERT INTO checks (provider_name, checked_at_ms, status, outcome, response_time_ms,
    interval_seconds, error_message, consecutive_failures, rate_limit_percent, completions)
{_NUMBERS} SELECT 'p' || (i % 50), unixepoch() * 1000 - 3600000 - i * 500, 'healthy', 'ok',
    5.0 + i % 90, 60.0, 'a message of some length for its size', 0, 0.0, 0 FROM n
"""
_ORIGINAL = f"""
INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,
    rate_limit_percent, last_check_timestamp, consecutive_failures, error_message, created_at)
{_NUMBERS} SELECT 'p' || (i % 50), 'healthy', 5.0 + i % 90, 100.0, 0.0,
    strftime('%Y-%m-%dT%H:%M:%S', 'now', '-' || (i / 2) || ' seconds'), 0, '',
    strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || (i / 2) || ' seconds') FROM n
"""
_ORIGINAL_TABLE = """
CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_name TEXT,
    status TEXT, response_time_ms REAL, uptime_percent REAL, rate_limit_percent REAL,
    last_check_timestamp TEXT, consecutive_failures INTEGER, error_message TEXT, created_at TEXT)
"""


def write_ours(path: Path, mib: float, version: int = len(MIGRATIONS)) -> int:
    """Write a database of that schema and about that size; return how many checks it has."""
    rows = int(mib * 2**20 / ROW_BYTES)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript("".join(MIGRATIONS[:version]))
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(_CHECKS, (rows,))
        connection.commit()
    return rows


def write_original(path: Path, mib: float) -> int:
    rows = int(mib * 2**20 / ROW_BYTES)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_ORIGINAL_TABLE)
        connection.execute(_ORIGINAL, (rows,))
        connection.commit()
    return rows


STARTS: dict[str, Callable[[Path, float], int]] = {
    "opened": write_ours,
    "migrated": partial(write_ours, version=OLD_SCHEMA),
    "taken over": write_original,
}


@attrs.frozen
class Disk:
    """mib: of the database; delay_ms: of each call on it. kills: starts that are killed.

    answer_seconds: the longest that a start, an answer or a first check may take.
    """

    mib: float = 75.0
    delay_ms: float = 3.0
    kills: int = 6
    answer_seconds: float = ANSWER_SECONDS

    def slow(self, path: Path) -> tuple[str, ...]:
        """Return the words that let a program have this disk for the files beside ``path``."""
        names = ("", "-wal", "-journal", ".backup-unfinished", ".backup-unfinished-journal")
        files = [word for end in names for word in ("-P", f"{path}{end}")]
        delay = f"inject={CALLS}:delay_enter={round(self.delay_ms * 1000)}"
        traced = ("-e", f"trace={CALLS}", "-e", delay)
        # -D: the tracker is the process that is started, and gets its signals itself.
        return ("strace", "-D", "-f", "--seccomp-bpf", "-o", os.devnull, *files, *traced)


async def slow_starts(disk: Disk = Disk(), names: tuple[str, ...] = tuple(STARTS)) -> Outcome:
    if not HAS_STRACE:
        return Outcome({"starts": 0, "skipped_without_strace": len(STARTS)})
    table: dict[str, Figures] = {}
    wrong: list[str] = []
    for name, write in ((name, STARTS[name]) for name in names):
        with tempfile.TemporaryDirectory() as folder:
            table[name], faults = await _try_start(Path(folder), write, disk)
        table[name] = {"passed": not faults, **table[name]}
        wrong += [f"{name}: {fault}" for fault in faults]
    return Outcome({"mib": disk.mib, "delay ms": disk.delay_ms, **table}, tuple(wrong))


async def _try_start(
    folder: Path, write: Callable[[Path, float], int], disk: Disk
) -> tuple[Figures, list[str]]:
    path = folder / "status.db"
    rows = await trio.to_thread.run_sync(write, path, disk.mib)
    wrong: list[str] = []
    async with simulated_provider(PROVIDER, latency_ms=1.0) as provider:
        start = partial(served, folder, {PROVIDER: provider.base_url}, tracker=FAST, database=path)
        # The first start ends by SIGTERM, the others by kill -9, each a little later.
        longest, first, ended, opening = 0.0, 0.0, 0.0, 0
        urls: list[float] = []
        for number in range(disk.kills + 1):
            began = trio.current_time()
            async with start(wrapped=disk.slow(path)) as server:
                urls.append(trio.current_time() - began)
                answered = await _until_checked(server)
                seconds = 3.0 if number == 0 else 0.5 * number
                longest = max(longest, answered, await _ask(server, seconds))
                first = max(first, answered)
                opening += (await server.health())["database"]["state"] != "ok"
                if number == 0:
                    code, ended = await server.end()
                    wrong += [f"exit code {code}"] if code else []
                else:
                    server.send(signal.SIGKILL)
                    await server.process.wait()
        copies = _copies(path)
        wrong += [f"copies left: {copies}"] if len(copies) > 1 else []
        began = trio.current_time()
        async with start() as server:  # on a disk that is well
            well = trio.current_time() - began
            with trio.fail_after(120.0):
                while (await server.health())["database"]["state"] != "ok":  # noqa: ASYNC110
                    await trio.sleep(0.05)
            code, _ = await server.end()
    kept = await trio.to_thread.run_sync(_count, path)
    # What is imported before takes its time on every disk, and more where others are at work; a
    # start that waited for the disk would do so each time.
    later = min(urls) - well
    wrong += [f"it listened {later:.1f} s later than else"] if later > disk.answer_seconds else []
    wrong += [f"an answer took {longest:.1f} s"] if longest > disk.answer_seconds else []
    wrong += [f"SIGTERM took {ended:.1f} s"] if ended > END_SECONDS else []
    wrong += [f"{rows - kept} of {rows} checks lost"] if kept < rows else []
    wrong += [f"copies kept: {_copies(path)}"] if len(_copies(path)) > 1 else []
    wrong += [] if opening else ["the disk was not slow enough to be in the way"]
    if (sound := integrity_of(path)) != "ok":
        wrong.append(sound)
    figures = {
        "rows": rows,
        "starts": disk.kills + 1,
        "of them still opening when they ended": opening,
        "listens later s": round(later, 2),
        "first check and answer s": round(first, 2),
        "longest answer s": round(longest, 2),
        "SIGTERM s": round(ended, 2),
        "copies": len(_copies(path)),
    }
    return figures, wrong


async def _until_checked(server: Served) -> float:
    """Return the seconds from its URL to the first answer that names the best provider."""
    began = trio.current_time()
    with trio.fail_after(60.0):
        while (await server.get("/api/providers/best")).status_code != 200:  # noqa: ASYNC110
            await trio.sleep(0.02)
    return trio.current_time() - began


async def _ask(server: Served, seconds: float) -> float:
    """Ask for so long; return the longest that an answer took."""
    longest, end = 0.0, trio.current_time() + seconds
    while trio.current_time() < end:
        for path in PATHS:
            began = trio.current_time()
            answer: httpx.Response = await server.get(path)
            longest = max(longest, trio.current_time() - began)
            assert answer.status_code == 200, (path, answer.text)
        await trio.sleep(0.02)
    return longest


def _copies(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.glob(f"{path.name}.*"))


def _count(path: Path) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM checks").fetchone()[0]
