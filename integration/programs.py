"""Third-party programs as processes: started, awaited, frozen, stopped, restricted to loopback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import httpx

from integration.report import UnexpectedError, expect, say, wait_for

Command = Sequence[str | Path]

HERE = Path(__file__).parent
# no proxy and no key from this environment
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")
START_SECONDS = 120.0  # LiteLLM's imports take long on a busy machine
STOP_SECONDS = 15.0
LAST_LINES = 30


@attrs.define(kw_only=True)
class Program:
    """``ready``: the URL that answers once it serves; None for a program that serves nothing.

    ``folder`` is its working directory and has its output, ``NAME.log``.
    """

    name: str
    command: Command
    folder: Path
    ready: str | None = None
    variables: Mapping[str, str] = attrs.field(factory=dict)
    _process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def address(self) -> str:
        """Return scheme, host and port of the URL."""
        return "/".join((self.ready or "").split("/")[:3])

    def start(self, *, stdout: int | None = None) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment(self.folder, self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                text=True,
            )
        return self._process

    def start_serving(self) -> float:
        """Start it and return the seconds until it answered. Raises UnexpectedError if it does
        not."""
        began = time.monotonic()
        process = self.start()
        wait_for(f"an answer of {self.name}", lambda: self._answers(process), START_SECONDS)
        return time.monotonic() - began

    def _answers(self, process: subprocess.Popen[str]) -> bool:
        if process.poll() is not None:
            last = self.log.read_text().strip().splitlines()[-1:]
            raise UnexpectedError(f"{self.name} ended by itself: {' '.join(last)}")
        try:
            return httpx.get(self.ready or "", trust_env=False, timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code, and the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise UnexpectedError(f"{self.name} ignores SIGTERM for {STOP_SECONDS:g} s") from None
        return code, time.monotonic() - began

    def kill(self) -> None:
        """Kill it in whatever state it is, also frozen or never started."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def ended(*programs: Program) -> Iterator[None]:
    """Kill all programs at the end of the block; after a failure print their last output."""
    try:
        yield
    except UnexpectedError:
        for program in programs:
            last = program.log.read_text().splitlines()[-LAST_LINES:]
            sys.stderr.write("\n".join([f"\n{program.name}'s last lines:", *last, ""]))
        raise
    finally:
        for program in programs:
            program.kill()


def environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return a program's environment; its Python refuses outside hosts and records the attempt."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    guard = {
        "PYTHONPATH": str(HERE / "loopback_only"),
        "OUTSIDE_HOSTS": str(outside_hosts(folder)),
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **guard, **variables}


def outside_hosts(folder: Path) -> Path:
    return folder / "outside-hosts.txt"


def expect_loopback_only(folder: Path) -> None:
    """Raise UnexpectedError if a program started there tried to reach another host."""
    notes = outside_hosts(folder)
    tried = notes.read_text().splitlines() if notes.exists() else []
    for log in folder.glob("*.log"):
        tried += [line for line in log.read_text().splitlines() if "fetch" in line]
    expect(tried, [], "attempts to reach other hosts")
    say("no program tried to reach another host")
