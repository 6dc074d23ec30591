"""How soon a tracker answers: ``python -m benchmarks.start [--count N] [--few ROUNDS]``.

``provider-status serve`` in a process of its own, over providers on loopback that two other
processes simulate, and from compiled modules, as an installed package has them. First eight
providers with a stored history of seven days: wall time and CPU from the start to the first
answers of ``/livez`` and ``/best``. Then many without history: to the first answer of ``/livez``,
and to the end of the first sweep; memory at its highest. Then, while checks go on and snapshots are
published, ``/best`` is asked every ten milliseconds, and beside it a server of a few lines that
does nothing: what that one takes is the machine's.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import trio

from benchmarks.load import cpu_seconds, memory_mb
from benchmarks.sweep import upstreams
from benchmarks.table import Figure, row
from tests.helpers.ports import lasting_port
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.records import CheckRecord
from tracker.store import open_store

GIVE_UP_SECONDS = 180.0
MAIN = "import api.cli; api.cli.main()"
ASKED_SECONDS, PAUSE_SECONDS = 30.0, 0.01
BEST = b"GET /api/providers/best HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
BEST_P99_MS, LAG_MS = 5.0, 20.0
CONTROL = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
"""
FEW, DAYS, SPACING = 8, 7, timedelta(minutes=5)
FEW_SECONDS = 0.5
LIMITS = {"first answer": 5.0, "first sweep": 20.0, "memory": 600.0}  # of 10,000 providers


def measure_few(rounds: int = 5) -> Iterator[Figure]:
    """Yield how soon eight providers with seven days of history are answered for."""
    seen: dict[str, list[tuple[float, float]]] = {"livez": [], "api/providers/best": []}
    with upstreams(FEW, 0) as listed, tempfile.TemporaryDirectory() as folder:
        names = [one["name"] for one in listed]
        trio.run(_remember, f"{folder}/start.db", names)
        port = lasting_port()
        file = _configure(Path(folder), port, [(one["name"], one) for one in listed])
        _compile(folder)
        for _ in range(rounds):
            began = time.perf_counter()
            with _started(file, folder) as run:
                for path, figures in seen.items():
                    _wait(f"http://127.0.0.1:{port}/{path}", began)
                    figures.append((time.perf_counter() - began, cpu_seconds(run.pid)))
    for path, figures in seen.items():
        case = f"{FEW} providers, {DAYS} days of history: first answer of /{path}"
        yield Figure(case, [taken for taken, _ in figures], "s", limit=FEW_SECONDS)
        yield Figure("  of it CPU", [cpu for _, cpu in figures], "s CPU")


async def _remember(database: str, names: list[str]) -> None:
    """Store a check of each every five minutes for seven days."""
    chance, now = random.Random(1), datetime.now(UTC)
    checks = [
        CheckRecord(
            result=CheckResult(
                kind=OutcomeKind.OK,
                provider=name,
                at=now - back * SPACING,
                latency_ms=chance.lognormvariate(4.0, 0.4),
                http_status=200,
            ),
            status=Status.HEALTHY,
            interval_seconds=300.0,
            consecutive_failures=0,
            rate_limit_percent=0.0,
            state="{}",
        )
        for back in range(timedelta(days=DAYS) // SPACING, 0, -1)
        for name in names
    ]
    async with open_store(database) as store:
        await store.write(checks)


def _environment(folder: str) -> dict[str, str]:
    """Return an environment in which modules are compiled once, whatever ours says."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _compile(folder: str) -> None:
    """Compile the modules of ``serve`` into the folder."""
    command = [sys.executable, "-c", "import api.cli.serve"]
    subprocess.run(command, check=True, env=_environment(folder), timeout=120.0)


@contextmanager
def _started(file: Path, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``serve`` while the block lasts."""
    command = [sys.executable, "-c", MAIN, "serve", "--config", str(file)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=_environment(folder), stdout=quiet, stderr=quiet) as run:
        try:
            yield run
        finally:
            run.terminate()


def measure(count: int = 10_000) -> Iterator[Figure]:
    """Yield the figures of one start; their limits are those of 10,000 providers."""
    limits = LIMITS if count == 10_000 else {}
    # the descriptors of one process suffice for so many listeners and connections
    half = count // 2
    with (
        upstreams(half, 0) as some,
        upstreams(count - half, 0) as others,
        tempfile.TemporaryDirectory() as folder,
    ):
        listed = [(f"a{one['name']}", one) for one in some]
        listed += [(f"b{one['name']}", one) for one in others]
        port = lasting_port()
        file = _configure(Path(folder), port, listed)
        _compile(folder)
        began = time.perf_counter()
        with _started(file, folder) as run:
            for path, what in (("livez", "first answer"), ("readyz", "first sweep")):
                _wait(f"http://127.0.0.1:{port}/{path}", began)
                taken, cpu = time.perf_counter() - began, cpu_seconds(run.pid)
                case = f"{count:,} providers: {what}"
                yield Figure(case, [taken], "s", limit=limits.get(what))
                yield Figure("  of it CPU", [cpu], "s CPU")
            peak = memory_mb(run.pid, "VmHWM")
            yield Figure("  memory at its highest", [peak], "MB", limit=limits.get("memory"))
            yield from _ask(port)


def _ask(port: int) -> Iterator[Figure]:
    """Yield how long ``/best`` takes in steady state, and how late the event loop is."""
    with subprocess.Popen([sys.executable, "-c", CONTROL], stdout=subprocess.PIPE) as control:
        assert control.stdout is not None
        other = int(control.stdout.readline())
        took: dict[int, list[float]] = {port: [], other: []}
        with (
            socket.create_connection(("127.0.0.1", port)) as ours,
            socket.create_connection(("127.0.0.1", other)) as beside,
        ):
            began = time.perf_counter()
            while True:
                for sock, place in ((ours, port), (beside, other)):
                    took[place].append(_time_answer(sock, BEST % port))
                if time.perf_counter() - began >= ASKED_SECONDS:
                    break
                time.sleep(PAUSE_SECONDS)
    for place, what, limit in ((port, "/best", BEST_P99_MS), (other, "the control", None)):
        values = sorted(took[place])
        note = f"p50 {statistics.median(values):.2f}, worst {values[-1]:.1f}, of {len(values)}"
        yield Figure(f"  {what}: p99", [values[len(values) * 99 // 100]], "ms", None, limit, note)
    began = time.perf_counter()
    lag = _loop_lag(port)
    yield Figure("  health answers", [(time.perf_counter() - began) * 1000.0], "ms")
    note = "the beat before that answer"
    yield Figure("  event loop late", [lag], "ms", None, LAG_MS, note)


def _time_answer(sock: socket.socket, request: bytes) -> float:
    """Return the milliseconds to the first bytes of the answer, which are all of it."""
    began = time.perf_counter()
    sock.sendall(request)
    sock.recv(65_536)
    return (time.perf_counter() - began) * 1000.0


def _loop_lag(port: int) -> float:
    """Return by how many milliseconds the latest beat of the event loop was late."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/api/providers/health", timeout=30.0
    ) as answer:
        found: float = json.load(answer)["loop_lag_ms"]
    return found


def _configure(folder: Path, port: int, listed: list[tuple[str, dict[str, Any]]]) -> Path:
    lines = [f'[tracker]\ndiscover = false\ndatabase = "{folder}/start.db"']
    lines.append(f"[server]\nport = {port}")
    lines += [
        f'[providers.{name}]\nkind = "openai"\nbase_url = "{one["base_url"]}"'
        for name, one in listed
    ]
    file = folder / "tracker.toml"
    file.write_text("\n".join(lines))
    return file


def _wait(url: str, began: float) -> None:
    """Return once it answers 200. Raises TimeoutError.

    It is asked again after a hundredth of the time so far: every ten milliseconds, two thousand
    questions were a fifteenth of the CPU of the first sweep of 10,000.
    """
    while (taken := time.perf_counter() - began) < GIVE_UP_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=30.0):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(max(0.01, taken / 100.0))
    raise TimeoutError(f"{url} did not answer 200 within {GIVE_UP_SECONDS:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="0: eight with history alone")
    parser.add_argument("--few", type=int, default=5, help="rounds of the eight with history")
    given = parser.parse_args()
    for figure in chain(
        measure_few(given.few) if given.few else (), measure(given.count) if given.count else ()
    ):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
