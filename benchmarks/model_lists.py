"""Long lists of models that change at each check, ``python -m benchmarks.model_lists``.

    --models N --rounds R

One process lists N models, 20,000 per provider (the tracker keeps no more of a list), with new
names at each request. A tracker checks them repeatedly while it answers ``/livez``, the best offer
of a model and ``/api/models``. Printed are the longest step of a task on the event loop (CPU time,
without other programs), the longest wait for ``/livez``, and how long the others take.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from itertools import count
from math import ceil
from typing import Any

import httpx
import structlog
import trio

from api.server import serve
from benchmarks.flood import HELD, StepTimer
from benchmarks.table import Figure, row
from tracker import Tracker, run_tracker
from tracker.core.settings import Config, Provider, ServerSettings, Timing
from tracker.runtime.garbage_collection import tune_garbage_collector
from tracker.runtime.thread_switching import switch_threads_often
from tracker.testing.wire import Reply, Wire

KEPT = 20_000  # of a list, by tracker/probes/model_lists.py
LOOP_MS = 50.0  # nothing may block the loop for longer
FAMILIES = ("llama-3.3-70b", "qwen3-32b", "gemma-3-27b", "mistral-small", "gpt-oss-120b")
ASKED = "llama-3.3-70b-v0"  # on every list


def list_models(models: int, said: Any) -> None:
    """Serve lists of ``models`` models, without a common name in two lists, until killed."""
    numbers = count()

    def body() -> bytes:
        number = next(numbers)
        names = (f"vendor/{FAMILIES[n % 5]}-r{number}n{n}-instruct" for n in range(models - 1))
        return json.dumps({"data": [{"id": ASKED}, *({"id": name} for name in names)]}).encode()

    async def talk(stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        with suppress(trio.BrokenResourceError):  # the client has disconnected
            while await wire.receive() is not None:
                await wire.send(Reply(status=200, body=body()).encode())

    async def listen() -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
            said.put(listeners[0].socket.getsockname()[1])

    trio.run(listen)


def serve_checking(ports: list[int]) -> None:
    """Check without a pause; each line of input asks for the steps since the last one."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    tune_garbage_collector()
    switch_threads_often()
    timer = StepTimer()

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps(timer.take()), flush=True)

    async def check_always(tracker: Tracker) -> None:
        while True:
            await tracker.check()
            await trio.sleep(0.5)

    async def track(config: Config, *, task_status: trio.TaskStatus[Tracker]) -> None:
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(partial(run_tracker, config))
            await tracker.check()
            nursery.start_soon(check_always, tracker)
            task_status.started(tracker)
            await trio.to_thread.run_sync(answer, abandon_on_cancel=True)
            tracker.stop()
            nursery.cancel_scope.cancel()

    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            database=f"{folder}/lists.db",
            providers=tuple(
                Provider(
                    name=f"provider-{n}",
                    kind="openai",
                    base_url=f"http://127.0.0.1:{port}",
                    timing=Timing(interval_seconds=3600.0),
                )
                for n, port in enumerate(ports)
            ),
            server=ServerSettings(port=0),
        )
        trio.run(partial(serve, config, track=track), instruments=[timer])


def ask(url: str, path: str, rounds: int, pause: float, said: Any) -> None:
    """Send requests repeatedly, and return how many milliseconds each answer took."""
    took: list[float] = []
    with httpx.Client(timeout=300.0) as client:
        while len(took) < rounds:
            began = time.perf_counter()
            client.get(f"{url}{path}").raise_for_status()
            took.append((time.perf_counter() - began) * 1e3)
            time.sleep(pause)
    said.put((path, took))


def measure(models: int, rounds: int) -> list[Figure]:
    said: Any = multiprocessing.Queue()
    providers = ceil(models / KEPT)
    lists = [
        multiprocessing.Process(
            target=list_models, args=(min(models - n * KEPT, KEPT), said), daemon=True
        )
        for n in range(providers)
    ]
    for each in lists:
        each.start()
    ports = [said.get() for _ in lists]
    command = [sys.executable, "-m", "benchmarks.model_lists", "--serve", *map(str, ports)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdin is not None
        assert served.stdout is not None
        url = served.stdout.readline().split()[-1]
        steps = partial(_steps, served)
        steps()
        asked = {
            "/livez": (rounds * 100, 0.02),
            f"/api/providers/best?model={ASKED}": (rounds * 4, 0.2),
            "/api/models": (rounds, 1.0),
        }
        figures = []
        askers = [
            multiprocessing.Process(target=ask, args=(url, path, *how, said))
            for path, how in asked.items()
        ]
        for asker in askers:
            asker.start()
        took: dict[str, list[float]] = dict(said.get() for _ in askers)
        held = steps()[HELD]
        served.stdin.close()
    figures.append(Figure(f"longest step, {models:,} models", [held], "ms", limit=LOOP_MS))
    figures.append(Figure("longest wait for /livez", [max(took["/livez"])], "ms"))
    figures += [Figure(path, took[path], "ms") for path in list(asked)[1:]]
    for each in lists:
        each.kill()
    return figures


def _steps(served: "subprocess.Popen[str]") -> dict[str, float]:
    assert served.stdin is not None
    assert served.stdout is not None
    served.stdin.write("\n")
    served.stdin.flush()
    taken: dict[str, float] = json.loads(served.stdout.readline())
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_lists", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", type=int, nargs="+", default=[20_000, 250_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=int, nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve_checking(given.serve)
        return 0
    for models in given.models:
        for figure in measure(models, given.rounds):
            print(row(figure), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
