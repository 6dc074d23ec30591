"""The wall clock moved under a real server, by libfaketime; the steady clock stays."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import trio

from benchmarks.torture.odd_databases import PROVIDER, write_sound
from benchmarks.torture.report import Figures
from benchmarks.torture.served import Served, served
from tracker.testing import ProviderBehavior, SimulatedProvider

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")  # Debian's
HAS_LIBRARY = LIBRARIES.exists()
AHEAD_SECONDS = 8 * 86_400.0
SECONDS = 3.0
ROWS = 50  # of the last 50 minutes
HOURS = 167  # of a week, with a check each
STARTS_AHEAD = {"1 h": 3_600.0, "20 h": 20 * 3_600.0, "3 days": 3 * 86_400.0}
FAST = "interval_seconds = 0.5\nrecheck_seconds = [0.5]\ndegraded_latency_ms = 2000.0\n"


@attrs.define(eq=False)
class MovedClock:
    """libfaketime's, moved by a file; the monotonic clock stays."""

    file: Path

    def move(self, seconds: float) -> None:
        new = self.file.with_name("moved")
        new.write_text(f"{seconds:+.0f}s\n")
        new.replace(self.file)

    def variables(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARIES),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # otherwise waits for Python's lock spin
            "TZ": "Europe/Berlin",
        }


async def eight_days_ahead(folder: Path) -> tuple[Figures, list[str]]:
    """Once at a start and once while it runs; the provider fails all the while.

    Nothing may be deleted, and no failure of the future may count in a window that ends now,
    neither before nor after the next start.
    """
    clock, path = MovedClock(folder / "faketime"), folder / "status.db"
    await write_sound(path, ROWS)
    provider = SimulatedProvider(name=PROVIDER, latency_ms=5.0)
    wrong: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(provider.serve)
        watched = {PROVIDER: provider.base_url}
        clock.move(AHEAD_SECONDS)
        provider.mood = ProviderBehavior.SERVER_ERROR
        async with served(folder, watched, tracker=FAST, **clock.variables()) as server:
            await trio.sleep(SECONDS)
            clock.move(0.0)
            provider.mood = ProviderBehavior.OK
            wrong += await _look(server, "after a start ahead")
            provider.mood = ProviderBehavior.SERVER_ERROR
            clock.move(AHEAD_SECONDS)
            await trio.sleep(SECONDS)
            clock.move(0.0)
            provider.mood = ProviderBehavior.OK
            wrong += await _look(server, "after a leap")
            code, _ = await server.end()
        wrong += [f"exit code {code}"] if code else []
        wrong += [] if b"history kept for longer" in server.said else ["the log does not say why"]
        clock.move(0.0)
        async with served(folder, watched, tracker=FAST, **clock.variables()) as server:
            wrong += await _look(server, "after the next start")
            code, _ = await server.end()
        nursery.cancel_scope.cancel()
    wrong += [f"exit code {code}"] if code else []
    wrong += [] if b"checks set apart" in server.said else ["the log does not tell of the future"]
    kept, ahead, failed = _count(path, ROWS)
    wrong += [] if kept == ROWS else [f"{ROWS - kept} of {ROWS} rows deleted"]
    wrong += [] if ahead and failed else ["no check was made ahead"]
    return {"rows_before": ROWS, "kept": kept, "rows_ahead": ahead}, wrong


async def starts_ahead(folder: Path) -> tuple[Figures, list[str]]:
    """A start with the clock ahead, of a tracker whose rows are up to a week old; no provider
    tells the time. On the same start of the machine, and on another, of which nothing is known.

    Nothing may be deleted; with the clock right again, nothing waits any longer.
    """
    clock, path = MovedClock(folder / "faketime"), folder / "status.db"
    await write_sound(path, HOURS, timedelta(hours=1))
    provider = SimulatedProvider(name=PROVIDER, latency_ms=5.0)
    wrong: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(provider.serve)
        watched = {PROVIDER: provider.base_url}

        async def run(ahead: float) -> bytes:
            clock.move(ahead)
            async with served(folder, watched, tracker=FAST, **clock.variables()) as server:
                with trio.move_on_after(20.0):
                    while not _compared(path, ahead):  # noqa: ASYNC110 (a file's)
                        await trio.sleep(0.1)  # the pruning follows at once
                    await trio.sleep(1.0)
                code, _ = await server.end()
            wrong.extend([f"exit code {code}"] if code else [])
            wrong.extend([] if _compared(path, ahead) else ["the clocks were not compared"])
            return bytes(server.said)

        await run(0.0)
        for name, ahead in STARTS_AHEAD.items():
            for machine in ("same", "other"):
                if machine == "other":
                    _change_boot(path)
                said = await run(ahead)
                case = f"{name} ahead on the {machine} start of the machine"
                kept = _count(path, HOURS)[0]
                wrong += [] if kept == HOURS else [f"{HOURS - kept} rows deleted: {case}"]
                told = b"clock jumped" in said or b"history kept for longer" in said
                wrong += [] if told else [f"the log says nothing: {case}"]
                said = await run(0.0)
                stays = b"history kept for longer" in said
                wrong += [f"history is kept after {case}"] if stays else []
        nursery.cancel_scope.cancel()
    return {"starts_ahead": 2 * len(STARTS_AHEAD), "rows_before": HOURS, "kept": kept}, wrong


def _compared(path: Path, ahead: float) -> bool:
    """Whether the file tells of a comparison with about this clock."""
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT wall FROM clock").fetchone()
    now = datetime.now(UTC).timestamp() + ahead
    return row is not None and now - row[0] < 15.0 and row[0] - now < 1.0


def _change_boot(path: Path) -> None:
    """Make the file one that was written before the machine was started."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE clock SET boot = 'another'")
        connection.commit()


async def _look(server: Served, when: str) -> list[str]:
    """Wait until the provider is healthy again; what is wrong with what is told then."""
    status: Any = {}
    with trio.move_on_after(20.0) as waited:
        while status.get("status") != "healthy":
            await trio.sleep(0.1)
            status = (await server.json("/api/providers/status"))["providers"][PROVIDER]
    if waited.cancelled_caught:
        return [f"{when}: {status}"]
    history = await server.json(f"/api/providers/history/{PROVIDER}?hours=24&resolution=raw")
    points = [datetime.fromisoformat(p["timestamp"]) for p in history["providers"][PROVIDER]]
    latest = datetime.now(UTC) + timedelta(seconds=60)
    wrong = [f"{when}: history from the future"] if any(p > latest for p in points) else []
    wrong += [f"{when}: {len(points)} points"] if len(points) < ROWS else []
    uptime = status["uptime_percent"]
    wrong += [f"{when}: uptime {uptime}"] if uptime is None or uptime < 90.0 else []
    return wrong


def _count(path: Path, rows: int) -> tuple[int, int, int]:
    """Rows of the first ``rows`` ones, rows that were checked ahead, and failed ones of these."""
    half = (datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS / 2)).timestamp() * 1000
    with closing(sqlite3.connect(path)) as connection:
        (kept,) = connection.execute(
            "SELECT count(*) FROM checks WHERE id <= ?", (rows,)
        ).fetchone()
        ahead, failed = connection.execute(
            "SELECT count(*), sum(outcome NOT IN ('ok', 'slow')) FROM checks "
            "WHERE checked_at_ms > ?",
            (half,),
        ).fetchone()
    return kept, ahead, failed or 0
