"""No answer holds the event loop: each hostile one is asked for, and every turn of a task timed.

What is measured is the processor's time that one task takes before it lets others run. Other
programs on the machine do not lengthen it, as they do lengthen what a clock on the wall shows.
"""

import json
import math
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import thread_time
from typing import Any

import attrs
import trio

from benchmarks.torture.hostile import KEY
from benchmarks.torture.report import Outcome
from benchmarks.torture.served import ROOT
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes import open_check

MOST_MS = 50.0
LIMIT = 10.0  # seconds, the time-out that checks have


@attrs.define(eq=False)
class TurnTimer(trio.abc.Instrument):
    """``worst``: seconds of the processor that the longest turn of a task took."""

    worst: float = 0.0
    turns: int = 0
    _began: float = math.inf  # the turn in which it was added is not timed

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.turns += 1
        self.worst = max(self.worst, thread_time() - self._began)


@asynccontextmanager
async def hostile_server() -> AsyncIterator[dict[str, str]]:
    async with trio.open_nursery() as nursery:
        command = [sys.executable, "-m", "benchmarks.torture.hostile"]
        run = partial(
            trio.run_process, command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        process: trio.Process = await nursery.start(run)
        assert process.stdout is not None
        assert process.stdin is not None
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
        yield json.loads(line)
        await process.stdin.aclose()


async def ask(name: str, url: str) -> dict[str, Any]:
    """Two checks: the second one has a history to compare with."""
    provider = Provider(
        name="hostile",
        kind="openai",
        base_url=url,
        keys=(Secret(KEY),),
        check="chat" if name.startswith("stream") else "models",
        model="m",
    )
    timer = TurnTimer()
    async with open_check(provider) as check:
        trio.lowlevel.add_instrument(timer)
        kinds, began = [], trio.current_time()
        for _ in range(2):
            with trio.move_on_after(LIMIT) as scope:
                kinds.append((await check()).kind.value)
            if scope.cancelled_caught:
                kinds.append("timeout")
        trio.lowlevel.remove_instrument(timer)
    return {
        "outcome": "/".join(dict.fromkeys(kinds)),
        "longest_turn_ms": round(timer.worst * 1000.0, 1),
        "turns": timer.turns,
        "seconds": round(trio.current_time() - began, 2),
    }


async def loop_held() -> Outcome:
    table, wrong = {}, []
    async with hostile_server() as urls:
        for name, url in urls.items():
            table[name] = figures = await ask(name, url)
            if figures["longest_turn_ms"] > MOST_MS:
                wrong.append(f"{name} holds the loop for {figures['longest_turn_ms']} ms")
    return Outcome(table, tuple(wrong))


if __name__ == "__main__":
    for name, row in trio.run(loop_held).figures.items():
        print(f"{name:45}", row)
