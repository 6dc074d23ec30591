"""``provider-status serve`` as a process of its own, in an environment where nothing is found."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import httpx
import trio

from tests.helpers.plain_http import PLAIN

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from api.cli import main; main()")
TOKEN = "torture-admin-token"
START_SECONDS = 60.0


@attrs.define(eq=False)
class Served:
    """A running server. ``said``: everything on its stderr so far."""

    process: trio.Process
    url: str
    database: Path
    client: httpx.AsyncClient
    said: bytearray

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def json(self, path: str) -> Any:
        return (await self.get(path)).json()

    async def health(self) -> Any:
        return await self.json("/api/providers/health")

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)

    async def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and the seconds it took to end."""
        began = trio.current_time()
        self.send(number)
        return await self.process.wait(), trio.current_time() - began


def write_config(
    folder: Path,
    providers: Mapping[str, str],
    *,
    tracker: str = "",
    own: Mapping[str, str] = MappingProxyType({}),
    more: str = "",
) -> Path:
    """``providers``: base URLs by name. tracker: lines of [tracker]; own: lines of a provider's.

    more: tables at the end.
    """
    file = folder / "tracker.toml"
    tables = [
        f'[providers."{name}"]\nkind = "openai"\nbase_url = "{url}"\n{own.get(name, "")}\n'
        for name, url in providers.items()
    ]
    head = f"[tracker]\ndiscover = false\n{tracker}\n[server]\nport = 0\n"
    file.write_text(head + "".join(tables) + more)
    return file


def environment(folder: Path, **more: str) -> dict[str, str]:
    """No key, no .env, no proxy: only what Python needs to start."""
    return {
        "HOME": str(folder),
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PROVIDER_STATUS_ADMIN_TOKEN": TOKEN,
        **more,
    }


@asynccontextmanager
async def served(
    folder: Path,
    providers: Mapping[str, str],
    *,
    tracker: str = "interval_seconds = 0.25\n",
    own: Mapping[str, str] = MappingProxyType({}),
    database: Path | None = None,
    stderr: Any = subprocess.PIPE,
    wrapped: tuple[str, ...] = (),
    more: str = "",
    program: tuple[str, ...] = COMMAND,
    **variables: str,
) -> AsyncIterator[Served]:
    """Run it while the block runs; killed at the end if it still lives.

    wrapped: the words of a command that runs it in its own place, such as prlimit. program: what
    stands for ``provider-status``.
    """
    file = write_config(folder, providers, tracker=tracker, own=own, more=more)
    database = database or folder / "status.db"
    command = [*wrapped, *program, "serve", "--config", str(file), "--database", str(database)]
    run = partial(
        trio.run_process,
        command,
        cwd=folder,
        env=environment(folder, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=False,
        deliver_cancel=_kill,
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(run)
        said = bytearray()
        if process.stderr is not None:
            nursery.start_soon(_collect, process.stderr, said)
        try:
            with trio.fail_after(START_SECONDS):
                url = await _announced(process, said)
            limits = httpx.Limits(max_keepalive_connections=4)
            async with httpx.AsyncClient(
                base_url=url, timeout=30.0, trust_env=False, limits=limits, verify=PLAIN
            ) as client:
                yield Served(process, url, database, client, said)
        finally:
            nursery.cancel_scope.cancel()


async def _kill(process: trio.Process) -> None:
    process.kill()


async def _collect(stream: Any, said: bytearray) -> None:
    async for data in stream:
        said += data


async def _announced(process: trio.Process, said: bytearray) -> str:
    line = b""
    assert process.stdout is not None
    while not line.endswith(b"\n"):
        data = await process.stdout.receive_some()
        if not data:
            raise RuntimeError(f"it ended without a URL: {said[-2000:].decode(errors='replace')}")
        line += data
    return line.decode().strip()
