"""System calls on the database's files that fail or take long, injected into the process by strace.

The trials are those of database.py: checks, judgement and answers go on, and nothing is lost.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from benchmarks.torture.damage import Fault, Place
from benchmarks.torture.database import try_fault
from benchmarks.torture.numbered import Sequence, numbered, rows_of, urls
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import served

WRITES = "write,pwrite64,fsync,fdatasync,ftruncate,fallocate"
HAS_STRACE = shutil.which("strace") is not None
ATTACHED = b"attached"
SLOW_MS = 50  # for each call on the files
ANSWER_SECONDS = 2.0  # the longest that a beat or an answer may take while the disk is slow


@asynccontextmanager
async def strace(place: Place, calls: str, what: str) -> AsyncIterator[None]:
    """Let these calls on the database's files end so, for as long as the block lasts."""
    files = [place.database.with_name(f"{place.database.name}{end}") for end in ("", "-wal")]
    paths = [word for file in files for word in ("-P", str(file))]
    async with tracing(place.pid, *paths, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"):
        yield


@asynccontextmanager
async def tracing(pid: int, *words: str) -> AsyncIterator[None]:
    command = ["strace", "-f", "-o", os.devnull, *words, "-p", str(pid)]
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stderr=subprocess.PIPE, check=False)
        process: trio.Process = await nursery.start(run)
        try:
            said = b""
            while ATTACHED not in said:
                said += (data := await process.stderr.receive_some())
                if not data:
                    raise RuntimeError(f"strace ended: {said.decode(errors='replace')}")
            yield
        finally:
            process.send_signal(signal.SIGINT)


def failing(error: str, calls: str = WRITES, *, shows: bool = True) -> Fault:
    """``shows``: whether health must say so."""
    what = f"error={error}"
    return Fault(inject=partial(strace, calls=calls, what=what), heals=not shows)


FAULTS = {
    "EIO where it writes": failing("EIO"),
    # A write-ahead log is synced at its checkpoints only: nothing may be noticed, nor be lost.
    "EIO where it syncs": failing("EIO", "fsync,fdatasync", shows=False),
    "EIO everywhere": failing("EIO", f"{WRITES},read,pread64"),
    "ENOSPC where it writes": failing("ENOSPC"),
    "EDQUOT where it writes": failing("EDQUOT"),
}


async def system_call_faults(seconds: float) -> Outcome:
    if not HAS_STRACE:
        return Outcome({"injected": 0, "skipped_without_strace": len(FAULTS) + 2})
    table, wrong = {}, []
    trials: dict[str, Any] = {name: partial(try_fault, f, seconds) for name, f in FAULTS.items()}
    trials |= {
        f"each call takes {SLOW_MS} ms": partial(slow_disk, seconds),
        "EMFILE where a socket is opened": partial(no_sockets, seconds),
    }
    for name, trial in trials.items():
        figures, faults = await trial()
        told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in figures.items())
        table[name] = {"passed": not faults, "seconds": seconds, "figures": told}
        wrong += [f"{name}: {fault}" for fault in faults]
    passed = sum(row["passed"] is True for row in table.values())
    return Outcome({"injected": len(table), "passed": passed, **table}, tuple(wrong))


async def slow_disk(seconds: float) -> tuple[Figures, list[str]]:
    """From the start: opening and reading are slow too."""
    with tempfile.TemporaryDirectory() as folder:
        async with numbered(4) as providers:
            fast = "interval_seconds = 0.5\nrecheck_seconds = [0.5]\n"
            async with served(Path(folder), urls(providers), tracker=fast) as server:
                place = Place(Path(folder), server.process.pid)
                calls = f"{WRITES},pread64,read"
                longest, answers = 0.0, 0
                async with strace(place, calls, f"delay_enter={SLOW_MS * 1000}"):
                    end = trio.current_time() + seconds
                    while trio.current_time() < end:
                        for path in ("/livez", "/api/providers/best", "/api/providers/status"):
                            began = trio.current_time()
                            response = await server.get(path)
                            longest = max(longest, trio.current_time() - began)
                            answers += response.status_code in (200, 503)
                        await trio.sleep(0.05)
                    reported = sum(each.answered for each in providers.values())
                    code, ended = await server.end()
        sequence = Sequence.of(rows_of(server.database))
    figures = {
        "answers": answers,
        "longest_answer_ms": round(longest * 1000.0, 1),
        "checks": reported,
        "rows": sequence.rows,
        "lost": sequence.lost,
        "exit_seconds": round(ended, 2),
        "exit_code": code,
    }
    wrong = [f"an answer took {longest:.1f} s"] if longest > ANSWER_SECONDS else []
    wrong += [f"{sequence.lost} lost"] if sequence.lost else []
    wrong += [f"exit code {code}"] if code else []
    wrong += [f"SIGTERM took {ended:.1f} s"] if ended > 10.0 else []
    return figures, wrong


async def no_sockets(seconds: float) -> tuple[Figures, list[str]]:
    """Checks that need a new connection cannot have one; no provider is blamed for it."""
    with tempfile.TemporaryDirectory() as folder:
        async with numbered(4, close=True) as providers:
            fast = "interval_seconds = 0.5\nrecheck_seconds = [0.5]\n"
            async with served(Path(folder), urls(providers), tracker=fast) as server:
                await trio.sleep(1.0)
                words = ("-e", "trace=socket", "-e", "inject=socket:error=EMFILE")
                kinds: set[str] = set()
                async with tracing(server.process.pid, *words):
                    end = trio.current_time() + seconds
                    while trio.current_time() < end:
                        status = (await server.json("/api/providers/status"))["providers"]
                        kinds |= {each["outcome"] for each in status.values()}
                        await trio.sleep(0.1)
                code, _ = await server.end()
    figures = {"outcomes": "/".join(sorted(kinds)), "exit_code": code}
    wrong = [f"blamed: {kinds}"] if kinds - {"server", "internal"} else []
    wrong += [] if "internal" in kinds else ["no check was hindered"]
    wrong += [f"exit code {code}"] if code else []
    return figures, wrong
