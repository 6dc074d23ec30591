"""Files that hang while the tracker runs: named pipes in the place of each file that it reads.

The configuration, ``.env``, a provider's authorities and a login are replaced by pipes that nobody
writes to, for a while, and put back. Meanwhile /best must answer, other providers must be checked,
no thread may be added for each attempt, and the tracker must say which file it is.
"""

import json
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import trio
import trustme

from benchmarks.torture.process import OURS
from benchmarks.torture.report import Figures, Outcome
from benchmarks.torture.served import Served, served
from benchmarks.torture.vital import Vital
from tracker.testing import broken_servers as broken
from tracker.testing import simulated_provider
from tracker.testing.wire import Reply, Wire

FAST = "interval_seconds = 1.0\ntimeout_seconds = 1.0\n"
ANSWER_MS = 500.0
RECOVER_SECONDS = 20.0
THREADS = 10  # one that hangs for each file, and what trio keeps idle
LOGIN = {"access_token": "ya29.canary", "refresh_token": "1//canary", "expiry_date": 9e12}


@attrs.define(eq=False)
class Hang:
    """A pipe in the place of a file."""

    file: Path
    kept: bytes = b""

    def begin(self) -> None:
        self.kept = self.file.read_bytes()
        made = self.file.with_name("pipe")
        os.mkfifo(made)
        made.replace(self.file)

    def end(self) -> None:
        made = self.file.with_name("again")
        made.write_bytes(self.kept)
        made.replace(self.file)


async def hanging_files(seconds: float = 30.0, answer_ms: float = ANSWER_MS) -> Outcome:
    """All of them at once, for so long. answer_ms: the longest that an answer may take."""
    ca, wrong = trustme.CA(), []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        good = await stack.enter_async_context(simulated_provider("good"))
        reply = replace_connection(broken.GOOD)
        secure = broken.raw_server(reply, scheme="https", tls=context)
        urls = {"good": good.base_url, "secure": (await stack.enter_async_context(secure)).url}
        files = [folder / name for name in ("ca.pem", "login.json", ".env", "tracker.toml")]
        files[0].write_bytes(ca.cert_pem.bytes())
        files[1].write_text(json.dumps(LOGIN))
        files[2].write_text("UNUSED=1\n")
        files[2].chmod(0o600)
        own = {"secure": f'ca_file = "{files[0]}"'}
        watch = f'[providers.gemini_cli]\nbase_url = "{good.base_url}"\n'
        watch += f'options = {{ credential_file = "{files[1]}", project = "p" }}\n'
        starting = served(folder, urls, tracker=FAST, own=own, more=watch)
        server = await stack.enter_async_context(starting)
        await trio.sleep(2.0)
        before = Vital.of(server.process.pid).threads
        hangs = [Hang(file) for file in files]
        for hang in hangs:
            hang.begin()
        seen = Seen()
        with trio.move_on_after(seconds):
            await seen.watch(server)
        threads = Vital.of(server.process.pid).threads - before
        # Authorities that are known are kept, and nothing need be told of them.
        wrong += await unnamed(server, [file.name for file in files[1:]])
        for hang in hangs:
            hang.end()
        text = files[3].read_text().replace("interval_seconds = 1.0", "interval_seconds = 1.5")
        files[3].write_text(text)
        wrong += await recover(server)
        code, ended = await server.end()
    claims = {
        f"{seen.refused} questions were refused": seen.refused > 0,
        f"an answer took {max(seen.latencies):.0f} ms": max(seen.latencies) > answer_ms,
        f"{threads} threads were added": threads > THREADS,
        f"exit code {code}": code != 0,
        f"secure was blamed: {seen.outcomes}": not seen.outcomes <= OURS,
    }
    wrong += [text for text, is_so in claims.items() if is_so]
    figures: Figures = {
        "files": len(files),
        "answers": len(seen.latencies),
        "longest_answer_ms": round(max(seen.latencies), 1),
        "threads_added": threads,
        "exit_seconds": round(ended, 2),
    }
    return Outcome(figures, tuple(wrong))


def replace_connection(reply: Reply) -> Callable[[Wire], Awaitable[None]]:
    """One answer a connection: the authorities are read for each."""

    async def talk(wire: Wire) -> None:
        if await wire.receive() is not None:
            await wire.send(reply.with_fields((("connection", "close"),)).encode())

    return talk


@attrs.define
class Seen:
    """What was answered meanwhile. outcomes: those of the two that need no login."""

    latencies: list[float] = attrs.field(factory=list)
    outcomes: set[str] = attrs.field(factory=set)
    refused: int = 0

    async def watch(self, server: Served) -> None:
        while True:
            began = trio.current_time()
            answer = await server.get("/api/providers/best")
            self.latencies.append((trio.current_time() - began) * 1_000.0)
            self.refused += answer.status_code != 200
            told = (await server.json("/api/providers/status"))["providers"]
            self.outcomes |= {told[name]["outcome"] for name in ("good", "secure")}
            await trio.sleep(0.05)


async def unnamed(server: Served, names: list[str]) -> list[str]:
    """Wait until health names them all: each is given a few seconds first."""
    with trio.move_on_after(RECOVER_SECONDS):
        while True:
            problems = " ".join((await server.health())["problems"])
            missing = [f"health does not name {name}" for name in names if name not in problems]
            if not missing:
                return []
            await trio.sleep(0.2)
    return missing


async def recover(server: Served) -> list[str]:
    """Wait until the file's new interval is in force and nothing hangs."""
    with trio.move_on_after(RECOVER_SECONDS):
        while True:
            told = await server.json("/api/providers/status/good")
            health = await server.health()
            if told["interval_seconds"] == 1.5 and not health["problems"]:
                return []
            await trio.sleep(0.2)
    return [f"interval {told['interval_seconds']}, {health['problems']} when all is back"]
