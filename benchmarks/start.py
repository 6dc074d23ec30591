"""How soon a tracker of many providers answers: ``python -m benchmarks.start [--count N]``.

``provider-status serve`` in a process of its own, over providers on loopback that two other
processes simulate. Wall time and CPU from its start to the first answer of ``/livez``, and to the
end of the first sweep; memory at its highest. Then, while checks go on and snapshots are published,
``/best`` is asked every ten milliseconds, and beside it a server of a few lines that does nothing:
what that one takes is the machine's.
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.load import cpu_seconds, memory_mb
from benchmarks.sweep import upstreams
from benchmarks.table import Figure, row
from tests.helpers.ports import lasting_port

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
LIMITS = {"first answer": 5.0, "first sweep": 20.0, "memory": 600.0}  # of 10,000 providers


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
        command = [sys.executable, "-c", MAIN, "serve", "--config", str(file)]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                for path, what in (("livez", "first answer"), ("readyz", "first sweep")):
                    _wait(f"http://127.0.0.1:{port}/{path}", began)
                    taken, cpu = time.perf_counter() - began, cpu_seconds(run.pid)
                    case = f"{count:,} providers: {what}"
                    yield Figure(case, [taken], "s", limit=limits.get(what))
                    yield Figure("  of it CPU", [cpu], "s CPU")
                peak = memory_mb(run.pid, "VmHWM")
                yield Figure("  memory at its highest", [peak], "MB", limit=limits.get("memory"))
                yield from _ask(port)
            finally:
                run.terminate()


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
    """Return once it answers 200. Raises TimeoutError."""
    while time.perf_counter() - began < GIVE_UP_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=30.0):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer 200 within {GIVE_UP_SECONDS:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    for figure in measure(parser.parse_args().count):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
