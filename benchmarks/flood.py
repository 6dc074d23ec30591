"""A flood of reports beside requests: its effect on ``/best``, the event loop and the memory.

    python -m benchmarks.flood [--rate R] [--seconds S] [--rounds N] [--batch B]

One process reports R calls a second in batches of B, while another asks for ``/best`` every two
milliseconds. Three kinds of rounds take turns: quiet; the flood to a server that refuses all of it
("elsewhere": what the flood costs the machine); the flood to the tracker. Prints the latency of the
answers, the longest time that one step of a task blocked the event loop (CPU time, without other
programs), what became of the reports, and the memory.
"""

import argparse
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from typing import Any
from urllib.parse import SplitResult, urlsplit

import attrs
import httpx
import structlog
import trio

from api.server import serve
from benchmarks.load import memory_mb, read_answer
from benchmarks.served import TOKEN, open_check
from tracker import Tracker, run_tracker
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider, ReportSettings, ServerSettings
from tracker.runtime.garbage_collection import tune_garbage_collector
from tracker.runtime.thread_switching import switch_threads_often

PROVIDERS = 15
ASK_EVERY = 0.002  # seconds
HELD = "longest step ms"
KINDS = ("quiet", "elsewhere", "flood")


@attrs.define(eq=False)
class StepTimer(trio.abc.Instrument):
    """The CPU time that each step of a task takes, in milliseconds."""

    taken: list[float] = attrs.field(factory=list)
    _began: float = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.taken.append((time.thread_time() - self._began) * 1e3)

    def take(self) -> dict[str, float]:
        taken, self.taken = sorted(self.taken), []
        return {HELD: taken[-1], "p99.9": taken[len(taken) * 999 // 1000]} if taken else {}


def serve_instrumented() -> None:
    """Serve until the input ends; each line of it asks for the steps since the last one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    tune_garbage_collector()
    switch_threads_often()
    timer = StepTimer()

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps(timer.take()), flush=True)

    async def track(config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(partial(run_tracker, config, open_check=open_check))
            await tracker.check()
            task_status.started(tracker)
            await trio.to_thread.run_sync(answer, abandon_on_cancel=True)
            tracker.stop()

    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            database=f"{folder}/flood.db",
            providers=tuple(
                Provider(name=f"provider-{n}", base_url="http://127.0.0.1:1")
                for n in range(PROVIDERS)
            ),
            server=ServerSettings(port=0),
            reports=ReportSettings(token=Secret(TOKEN)),
        )
        trio.run(partial(serve, config, track=track), instruments=[timer])


def batch(number: int, size: int) -> bytes:
    """Return calls as a busy proxy has them: most are good, some fail, all have headers."""
    at = datetime.now(UTC).isoformat()
    limits = {"x-ratelimit-remaining-requests": "57", "x-ratelimit-reset-requests": "1.2s"}
    reports: list[dict[str, Any]] = []
    for n in range(number * size, (number + 1) * size):
        told: dict[str, Any] = {
            "id": f"call-{n}",
            "at": at,
            "provider": f"provider-{n % PROVIDERS}",
        }
        told |= {"model": f"model-{n % 40}", "latency_ms": 200.0 + n % 900, "limits": limits}
        if n % 10:
            told |= {"outcome": "ok", "ttft_ms": 90.0, "output_tokens": 120}
        else:
            message = f"The server had an error while processing your request req_{n}"
            told |= {"http_status": 500, "error": {"type": "server_error", "message": message}}
        reports.append(told)
    return json.dumps({"reporter": f"proxy-{number % 4}", "reports": reports}).encode()


def flood(url: str, rate: float, size: int, seconds: float, first: int, said: Any) -> None:
    """Report for that time; ``said`` gets a message once all is built, and then the counts."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    counts: Counter[str] = Counter()
    every = [0.0]
    batches = [batch(first + n, size) for n in range(ceil(rate * seconds / size))]
    said.put({})
    began = time.perf_counter()
    with httpx.Client(trust_env=False, headers=headers, timeout=30.0) as client:
        for number, body in enumerate(batches):
            time.sleep(max(began + number * size / rate - time.perf_counter(), 0.0))
            answer = client.post(f"{url}/api/reports", content=body)
            told = answer.json()
            every.append(told["send_every_seconds"])
            counts["accepted" if answer.status_code == 202 else "429"] += size
    said.put({**counts, "seconds": round(time.perf_counter() - began, 1), "every": max(every)})


class Refuse(BaseHTTPRequestHandler):
    """Reads a batch and answers that there are too many."""

    protocol_version = "HTTP/1.1"
    answer = b'{"send_every_seconds": 30}'

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(429)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def refusing() -> Iterator[str]:
    """Run a server of its own process that refuses every report; yields its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        process = multiprocessing.get_context("fork").Process(target=server.serve_forever)
        process.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            process.terminate()
            process.join()


def ask(url: SplitResult, seconds: float) -> list[float]:
    """Return the milliseconds that each answer took."""
    request = b"GET /api/providers/best HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with socket.create_connection((url.hostname, url.port or 80)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kept = True
            while kept and (began := time.perf_counter()) < end:
                connection.sendall(request)
                kept = read_answer(connection)
                taken.append((time.perf_counter() - began) * 1e3)
                time.sleep(ASK_EVERY)
    return taken


def tell(what: str, taken: list[float], steps: list[dict[str, float]]) -> None:
    taken.sort()
    p50, p99 = statistics.median(taken), taken[len(taken) * 99 // 100]
    held = max(step[HELD] for step in steps)
    usual = statistics.median(step["p99.9"] for step in steps)
    print(
        f"  {what:<10}/best p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   of {len(taken):>6}   "
        f"one step held the loop {held:5.2f} ms at most, 99.9 % of them {usual:5.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve_instrumented()
        return
    command = [sys.executable, "-m", "benchmarks.flood", "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            measure(server, given)
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(10.0)


def take_steps(server: "subprocess.Popen[str]") -> dict[str, float]:
    assert server.stdout is not None
    assert server.stdin is not None
    server.stdin.write("\n")
    server.stdin.flush()
    found: dict[str, float] = json.loads(server.stdout.readline())
    return found


def ask_beside(
    url: str, target: str | None, given: argparse.Namespace, first: int
) -> tuple[list[float], dict[str, float]]:
    """Ask the tracker while reports flood ``target``; return the milliseconds, and counts."""
    if target is None:
        return ask(urlsplit(url), given.seconds), {}
    said: Any = multiprocessing.Queue()
    flooding = multiprocessing.Process(
        target=flood, args=(target, given.rate, given.batch, given.seconds, first, said)
    )
    flooding.start()
    said.get()
    answers = ask(urlsplit(url), given.seconds)
    told = said.get()
    flooding.join()
    return answers, told


def measure(server: "subprocess.Popen[str]", given: argparse.Namespace) -> None:
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
    steps: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    counts: Counter[str] = Counter()
    every, before, first = 0.0, memory_mb(server.pid), 0
    take_steps(server)  # the steps of the start
    with refusing() as elsewhere:
        targets = {"quiet": None, "elsewhere": elsewhere, "flood": url}
        for _ in range(given.rounds):
            for kind, target in targets.items():
                answers, told = ask_beside(url, target, given, first)
                taken[kind] += answers
                steps[kind].append(take_steps(server))
                if kind == "flood":
                    every = max(every, told.pop("every"))
                    counts.update(told)
                    first += 1_000_000
    for kind in KINDS:
        tell(kind, taken[kind], steps[kind])
    print(
        f"  reports: {counts['accepted']} accepted, {counts['429']} refused with 429 in "
        f"{counts['seconds']:.0f} s; send_every_seconds up to {every:g}; memory {before:.0f} MB "
        f"before, {memory_mb(server.pid):.0f} after"
    )


if __name__ == "__main__":
    main()
