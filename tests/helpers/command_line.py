"""Runs the command line: in this process where that is equivalent, otherwise in its own process.

No test reaches a real provider: the environment is empty, so only the keyless endpoints are found,
and the working folder's tracker.toml disables these too.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog

from api.cli.app import make_app
from api.cli.errors import exit_code_of
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.runtime.logs import configure_logs

NOTHING = "[tracker]\ndiscover = false\n"
COMMAND = str(Path(sys.executable).with_name("provider-status"))


@attrs.frozen
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@attrs.define
class Commands:
    """``folder`` is the working folder; ``command(...)`` runs one in it."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def __call__(self, *arguments: Any, **environ: str) -> Ran:
        with self.patch.context() as patch, logs_as_they_were():
            self.capture.readouterr()  # quiet already: what a tracker logged before is not counted
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", [COMMAND, *map(str, arguments)])
            code = int(exit_code_of(make_app(in_full=lambda name: name in arguments[:1])))
        return Ran(code, *self.capture.readouterr())

    def configured(self, *tables: str) -> Path:
        """tracker.toml with nothing discovered and these tables."""
        file = self.folder / "tracker.toml"
        file.write_text("\n".join([NOTHING, *tables]))
        return file


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    for name in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    commands = Commands(tmp_path, capsys, monkeypatch)
    commands.configured()
    return commands


@contextmanager
def logs_as_they_were() -> Iterator[None]:
    """Quiet meanwhile but for what the command itself configures: a tracker may log in a thread."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs(level="critical")
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**config)


def watched(name: str, base_url: str, **settings: Any) -> str:
    """A table for tracker.toml."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join([f"[providers.{name}]", 'kind = "openai"', f'base_url = "{base_url}"', *lines])


@attrs.define
class Served:
    """``serve`` as a process of its own; ``url`` is the one line of its stdout."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def ended(self, number: int = signal.SIGTERM) -> Ran:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=GIVE_UP_SECONDS)
        return Ran(self.process.returncode, out, self.log.read_text())


@contextmanager
def serving(folder: Path, *arguments: str, job: str = "serve", **environ: str) -> Iterator[Served]:
    """Waits for the URL; kills whatever still runs at the end."""
    log = folder / "serve.log"
    with log.open("w") as stderr:
        port = () if "--port" in arguments else ("--port", "0")
        process = start(folder, job, *port, *arguments, stderr=stderr, **environ)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, log.read_text()
        yield Served(process, url, log)
    finally:
        process.kill()
        process.communicate()


def start(
    folder: Path, *arguments: Any, stderr: Any = subprocess.PIPE, **environ: str
) -> subprocess.Popen[str]:
    """Start a process whose environment has only the path of its interpreter."""
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "COVERAGE_PROCESS_START", "PYTHONPATH")
        if name in os.environ
    }
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        cwd=folder,
        env={**inherited, "HOME": str(folder), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def ran(folder: Path, *arguments: Any, **environ: str) -> Ran:
    process = start(folder, *arguments, **environ)
    out, err = process.communicate(timeout=GIVE_UP_SECONDS)
    return Ran(process.returncode, out, err)


@contextmanager
def answering(answer: bytes, connections: int = 1) -> Iterator[str]:
    """A server for so many connections, one after the other, which gives each the same answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(
            GIVE_UP_SECONDS
        )  # a command that never asks fails its test instead of hanging it

        def serve() -> None:
            for _ in range(connections):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
