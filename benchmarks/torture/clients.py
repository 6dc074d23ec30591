"""Clients that mean harm, on a tracker that may open 1,024 files: /best answers, checks go on."""

import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import trio

from benchmarks.torture.process import OURS
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import ROOT, Served, served
from benchmarks.torture.vital import Vital, sockets_of
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.testing import simulated_provider
from tracker.testing.many_providers import raise_file_limit

DESCRIPTORS = 1_024
SECONDS = 5.0  # of asking once the whole crowd has come
COMING_SECONDS = 60.0  # for the crowd: a process that starts on a busy machine
ANSWER_MS = 500.0  # the longest that an answer may take to somebody else meanwhile
MEMORY_MIB = 100.0
FIRST = ("chrt", "-r", "5")
GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
PINGS = bytes((0, 0, 8, 6, 0, 0, 0, 0, 0)) + bytes(8)
UPGRADE = (
    b"GET /api/providers/status HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
)


async def drip(stream: trio.SocketStream) -> None:
    """A head that never ends, a byte now and then."""
    await stream.send_all(b"GET /api/providers/best HTTP/1.1\r\nHost: localhost\r\nX: ")
    while True:
        await trio.sleep(0.5)
        await stream.send_all(b"a")


async def open_half(stream: trio.SocketStream) -> None:
    while await stream.receive_some():
        pass


async def follow(stream: trio.SocketStream) -> None:
    await stream.send_all(ASK % b"/api/providers/events")
    while await stream.receive_some():
        pass


async def read_nothing(stream: trio.SocketStream) -> None:
    """Ask for large answers one after the other, and take none."""
    while True:
        await stream.send_all(ASK % b"/openapi.json")


async def flood_http_2(stream: trio.SocketStream) -> None:
    await stream.send_all(PREFACE)
    while True:
        await stream.send_all(PINGS * 1_000)


async def upgrade(stream: trio.SocketStream) -> None:
    await stream.send_all(UPGRADE + PREFACE)
    while True:
        await stream.send_all(PINGS * 1_000)


@attrs.frozen
class Crowd:
    count: int
    behave: Callable[[trio.SocketStream], Awaitable[None]]


def crowds(count: int) -> dict[str, Crowd]:
    few = max(count // 6, 10)
    return {
        f"{count:,} half-open": Crowd(count, open_half),
        f"{count:,} whose heads never end": Crowd(count, drip),
        f"{count:,} event streams": Crowd(count, follow),
        f"{few:,} that read nothing": Crowd(few, read_nothing),
        f"{few:,} that begin HTTP/2": Crowd(few, flood_http_2),
        f"{few:,} that upgrade to h2c": Crowd(few, upgrade),
    }


async def hostile_clients(count: int, seconds: float = SECONDS, *, first: bool = False) -> Outcome:
    """first: the tracker and the one who asks come before all else on the machine, the crowd and
    other people's programs, so that their waiting for a processor is not in the figures.
    """
    raise_file_limit()
    table, wrong = {}, []
    with coming_first() if first else nullcontext():
        for name, crowd in crowds(count).items():
            figures, faults = await try_crowd(crowd, seconds, FIRST if first else ())
            table[name] = {"passed": not faults, **figures}
            wrong += [f"{name}: {fault}" for fault in faults]
    return Outcome({"descriptors": DESCRIPTORS, "first": first, **table}, tuple(wrong))


@contextmanager
def coming_first() -> Iterator[None]:
    """Raises PermissionError without the right to it. What is started meanwhile does not."""
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(6))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


async def try_crowd(
    crowd: Crowd, seconds: float, priority: tuple[str, ...] = ()
) -> tuple[Figures, list[str]]:
    wrapped = (*priority, "prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        good = await stack.enter_async_context(simulated_provider("good", latency_ms=1.0))
        fast = "interval_seconds = 2.0\ntimeout_seconds = 2.0\n"
        watched = {"good": good.base_url}
        starting = served(Path(folder), watched, tracker=fast, wrapped=wrapped)
        server = await stack.enter_async_context(starting)
        await trio.sleep(1.0)
        before, sockets = Vital.of(server.process.pid), sockets_of(server.process.pid)
        seen, counted, late = Seen(), Counted(), LoopMonitor(beat=0.01)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(late.run)
            # In a process of its own: what is timed here is the server, not the crowd.
            command = [sys.executable, "-m", "benchmarks.torture.clients", server.url]
            command += [str(crowd.count), crowd.behave.__name__]
            run = partial(trio.run_process, command, cwd=ROOT, check=False, stdout=subprocess.PIPE)
            process = await nursery.start(run)
            nursery.start_soon(counted.read, process.stdout)
            nursery.start_soon(seen.watch, server)
            with trio.move_on_after(COMING_SECONDS):
                await counted.all_came(crowd.count)
            await trio.sleep(seconds)
            after = Vital.of(server.process.pid)
            held = len(sockets_of(server.process.pid)) - len(sockets)
            memory = (after.rss - before.rss) / 2**20
            told = read_counts((await server.get("/metrics")).text)
            nursery.cancel_scope.cancel()
        code, ended = await server.end()
    figures = {
        "came": counted.came,
        "held_at_the_end": held,
        "cut": told["cut"],
        "turned_away": told["refused"],
        "answers": len(seen.latencies),
        "refused": seen.refused,
        "longest_answer_ms": round(max(seen.latencies, default=0.0), 1),
        "asker_late_ms": round(late.worst_lag * 1000.0, 1),
        "memory_mib": round(memory, 1),
        "outcomes": "/".join(sorted(seen.outcomes)),
        "exit_seconds": round(ended, 2),
    }
    wrong = seen.judge(memory)
    if counted.came < crowd.count:
        wrong.append(f"only {counted.came} of the crowd came")
    return figures, [*wrong, *([f"exit code {code}"] if code else [])]


def read_counts(metrics: str) -> dict[str, int]:
    """Clients that the tracker says it cut and refused, of all reasons."""
    found = re.findall(
        r"^llm_tracker_clients_(cut|refused)_total\{.*\} (\S+)", metrics, re.MULTILINE
    )
    counts = {"cut": 0, "refused": 0}
    for what, count in found:
        counts[what] += int(float(count))
    return counts


@attrs.define
class Counted:
    """What the crowd tells of itself: how many of it were connected so far."""

    came: int = 0
    _all: trio.Event = attrs.field(factory=trio.Event)

    async def read(self, lines: trio.abc.ReceiveStream) -> None:
        rest = b""
        async for data in lines:
            *whole, rest = (rest + data).split(b"\n")
            if whole:
                self.came = int(whole[-1])
                self._all.set()
                self._all = trio.Event()

    async def all_came(self, count: int) -> None:
        while self.came < count:
            await self._all.wait()


async def gather(url: str, count: int, behavior: str) -> None:
    """Be the crowd, until killed. A line on stdout tells how many have been connected so far."""
    raise_file_limit()
    crowd = Crowd(count, globals()[behavior])
    host, port = url.removeprefix("http://").split(":")
    numbers = itertools.count(1)
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(_join, crowd, host, int(port), numbers)


async def _join(crowd: Crowd, host: str, port: int, numbers: Iterator[int]) -> None:
    with suppress(*GONE):
        async with await trio.open_tcp_stream(host, port) as stream:
            print(next(numbers), flush=True)
            await crowd.behave(stream)


@attrs.define
class Seen:
    """What somebody else saw meanwhile, on a new connection for each question."""

    latencies: list[float] = attrs.field(factory=list)
    outcomes: set[str] = attrs.field(factory=set)
    refused: int = 0

    async def watch(self, server: Served) -> None:
        once = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=server.url, timeout=10.0, trust_env=False, limits=once
        ) as client:
            while True:
                for path in ("/livez", "/api/providers/best", "/api/providers/status"):
                    await self._ask(client, path)
                await trio.sleep(0.02)

    async def _ask(self, client: httpx.AsyncClient, path: str) -> None:
        began = trio.current_time()
        try:
            response = await client.get(path)
        except httpx.HTTPError:
            self.refused += 1
            return
        self.latencies.append((trio.current_time() - began) * 1000.0)
        self.refused += response.status_code != 200
        if path.endswith("status"):
            found: Any = response.json()["providers"]
            self.outcomes |= {each["outcome"] for each in found.values()}

    def judge(self, memory: float) -> list[str]:
        longest = max(self.latencies, default=1e9)
        blamed = self.outcomes - OURS
        claims = {
            f"{self.refused} questions of others were refused": self.refused > 0,
            f"an answer took {longest:.0f} ms": longest > ANSWER_MS,
            f"memory grew by {memory:.0f} MiB": memory > MEMORY_MIB,
            f"the provider was blamed: {blamed}": bool(blamed),
        }
        return [text for text, is_so in claims.items() if is_so]


if __name__ == "__main__":
    trio.run(gather, sys.argv[1], int(sys.argv[2]), sys.argv[3])
