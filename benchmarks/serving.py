"""CPU time per request: ours with and without the fast path, and other servers that do nothing.

    python -m benchmarks.serving

The sides take turns, a round each; each figure is the median of the rounds.
"""

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from benchmarks.load import Load, load
from benchmarks.served import BODY
from benchmarks.table import Figure, row
from tests.helpers.ports import lasting_port

# The original tracker's time for /best over 30,000 rows, on an idle machine of two cores where an
# empty quart-trio handler took 402 (both in microseconds).
ORIGINAL, EMPTY_THERE = 1_686.0, 402.0
UVICORN = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def nothing(request):
    return Response(b"x" * 300, media_type="application/json")
uvicorn.run(Starlette(routes=[Route("/", nothing)]), port=int(sys.argv[1]), log_level="error",
            access_log=False)
"""
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log /dev/null; worker_processes 1;
events {{}}
http {{ access_log off; keepalive_requests 1000; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}
"""


@attrs.frozen
class Side:
    what: str
    pid: int
    url: str


@contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process, ended with the block: by the end of its input, or else by a signal."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        try:
            yield started
        finally:
            started.stdin.close()
            try:
                started.wait(5.0)
            except subprocess.TimeoutExpired:
                started.kill()


@contextmanager
def served(*arguments: str) -> Iterator[tuple[int, str]]:
    """Run one of benchmarks.served; yield its process and its URL."""
    with process([sys.executable, "-m", "benchmarks.served", *arguments]) as started:
        assert started.stdout is not None
        yield started.pid, started.stdout.readline().decode().strip()


@contextmanager
def peer(command: list[str], url: str) -> Iterator[tuple[int, str]]:
    """Run another project's server; yield it once it listens."""
    with process(command) as started:
        wait_for(url)
        yield started.pid, url
        started.terminate()


def wait_for(url: str, seconds: float = 10.0) -> None:
    """Wait until the port accepts connections. Raises ConnectionError after a time."""
    parts, began = urlsplit(url), time.perf_counter()
    while time.perf_counter() - began < seconds:
        with suppress(OSError), socket.create_connection((parts.hostname, parts.port or 80), 1.0):
            return
        time.sleep(0.05)
    raise ConnectionError(f"nobody listens on {url}")


@contextmanager
def sides(python: str | None) -> Iterator[list[Side]]:
    """Return every side available here; print what is missing."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pid, url = stack.enter_context(served("ours"))
        found = [
            Side("ours, fast path, /best", pid, f"{url}/api/providers/best"),
            Side("ours, fast path, /status", pid, f"{url}/api/providers/status"),
        ]
        pid, url = stack.enter_context(served("ordinary"))
        found.append(Side("ours, ordinary route, /best", pid, f"{url}/api/providers/best"))
        found.append(Side("quart-trio, empty handler", *stack.enter_context(served("empty"))))
        if python is None:
            print("uvicorn and starlette are not measured: give --peers PYTHON, one that has them")
        else:
            port = lasting_port()
            command = [python, "-c", UVICORN, str(port)]
            started = stack.enter_context(peer(command, f"http://127.0.0.1:{port}/"))
            found.append(Side("uvicorn + starlette, empty handler", *started))
        if (nginx := shutil.which("nginx")) is None:
            print("nginx is not installed here, so it is not measured")
        else:
            port = lasting_port()
            settings = Path(folder, "nginx.conf")
            settings.write_text(NGINX.format(folder=folder, port=port))
            Path(folder, "best").write_bytes(BODY)
            command = [nginx, "-p", folder, "-c", str(settings), "-e", "/dev/null"]
            started = stack.enter_context(peer(command, f"http://127.0.0.1:{port}/best"))
            found.append(Side("nginx, a file", *started))
        yield found


def measure(python: str | None = None, *, rounds: int = 7, seconds: float = 1.0) -> list[Figure]:
    with sides(python) as found:
        taken: dict[str, list[Load]] = {side.what: [] for side in found}
        for _ in range(rounds):
            for side in found:
                taken[side.what].append(load(side.pid, side.url, seconds=seconds))
    return list(figures(taken))


def figures(taken: dict[str, list[Load]]) -> Iterator[Figure]:
    empty = "quart-trio, empty handler"
    limits = {
        "ours, fast path, /best": ORIGINAL / 50.0 / EMPTY_THERE,
        "ours, fast path, /status": ORIGINAL / 50.0 / EMPTY_THERE,
        "ours, ordinary route, /best": 1.2,
    }
    for what, loads in taken.items():
        ratios = [one.cpu_us / other.cpu_us for one, other in zip(loads, taken[empty], strict=True)]
        yield Figure(
            what,
            [one.cpu_us for one in loads],
            "µs CPU",
            ratio=statistics.median(ratios),
            limit=limits.get(what),
            note=f"p99 {statistics.median([one.p99 for one in loads]):.1f} ms",
        )


if __name__ == "__main__":
    for figure in measure(sys.argv[1] if len(sys.argv) > 1 else None):
        print(row(figure))
