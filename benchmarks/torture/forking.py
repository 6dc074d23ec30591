"""Forks a ``provider-status serve`` for each line of arguments (JSON) on its standard input.

Importing the program again would take most of the time of a round that ends in kill -9. Says the
process id, what the child says (its URL), and ``ended`` when it was killed.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

import api.cli.serve  # noqa: F401 (imported before any fork)
from api.cli import main
from benchmarks.torture.served import ROOT, environment


@attrs.define(eq=False)
class Forge:
    """``pid``: of the child that runs."""

    process: trio.Process
    pid: int = 0
    _unread: bytearray = attrs.field(factory=bytearray)

    async def start(self, *arguments: str) -> str:
        """Returns the URL, when the child says it."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(json.dumps(["serve", *arguments]).encode() + b"\n")
        said = [await self._line(), await self._line()]  # the child may be the quicker
        self.pid = next(int(line) for line in said if line.isdigit())
        return next(line for line in said if not line.isdigit())

    async def kill(self) -> None:
        os.kill(self.pid, 9)
        while await self._line() != "ended":
            pass

    async def _line(self) -> str:
        assert self.process.stdout is not None
        while b"\n" not in self._unread:
            data = await self.process.stdout.receive_some()
            if not data:
                raise RuntimeError("the forking process ended")
            self._unread += data
        line, _, rest = bytes(self._unread).partition(b"\n")
        self._unread = bytearray(rest)
        return line.decode()


@asynccontextmanager
async def forge(folder: Path) -> AsyncIterator[Forge]:
    command = [sys.executable, "-m", "benchmarks.torture.forking"]
    run = partial(
        trio.run_process,
        command,
        cwd=ROOT,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    async with trio.open_nursery() as nursery:
        made = Forge(await nursery.start(run))
        yield made
        nursery.cancel_scope.cancel()


def fork_for_each_line() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.argv = ["provider-status", *json.loads(line)]
            main()
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    fork_for_each_line()
