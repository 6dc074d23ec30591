"""Starts ``provider-status`` as a fork of a process that has imported it: a tenth of the CPU.

Between ``fork_starts`` any start of the command line by ``subprocess`` or trio is one, and of the
modules in VARIANTS, unless something was asked for that only a new interpreter or another program
can do. What it is started through otherwise (a shell, ``make``, the installed package) starts as it
does for a user, and so does everything with ``COLD=1`` in the environment of the tests.
"""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import attrs

from tests.helpers.fork_protocol import ANSWER, HEADER

ROOT = Path(__file__).parents[2]
COMMANDS = (
    (str(Path(sys.executable).with_name("provider-status")),),
    (sys.executable, "-c", "from api.cli import main; main()"),
)
# Started as ``python -m``: what serves in an unusual way, or with bugs planted in it, or forks.
VARIANTS = {
    "benchmarks.torture.forking",
    "tests.helpers.crashing_serve",
    "tests.helpers.leaky_serve",
    "tests.helpers.unstoppable_serve",
}
# A running interpreter has read these already.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "COV", "MALLOC", "SSL_")


@attrs.define
class ForkServer:
    """Its process begins with the first request."""

    _process: "subprocess.Popen[bytes] | None" = None
    _connection: socket.socket | None = None
    _one_at_a_time: Lock = attrs.field(factory=Lock)

    def ask(self, request: Mapping[str, Any], *streams: int) -> int:
        """Send one request, and return the answer."""
        with self._one_at_a_time:
            connection = self._connection or self._begin()
            payload = json.dumps(request).encode()
            socket.send_fds(connection, [HEADER.pack(len(payload))], streams)
            connection.sendall(payload)
            (answer,) = ANSWER.unpack(connection.recv(ANSWER.size, socket.MSG_WAITALL))
        assert isinstance(answer, int)
        return answer

    def _begin(self) -> socket.socket:
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = NewInterpreter(
                [sys.executable, "-m", "tests.helpers.fork_server", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return self._connection

    def end(self) -> None:
        if self._connection is not None and self._process is not None:
            self._connection.close()
            self._process.wait()


NewInterpreter = subprocess.Popen
_server = ForkServer()


class ForkedStart(subprocess.Popen[Any]):
    """``subprocess.Popen``, which asks the fork server where that makes no difference."""

    _ended: int | None = None  # a descriptor of the process, readable when it ended

    def _execute_child(self, *started: Any) -> None:
        names = NewInterpreter._execute_child.__code__.co_varnames[1:]  # type: ignore[attr-defined]
        asked = dict(zip(names, started, strict=False))
        if (run := forkable(asked)) is None:
            super()._execute_child(*started)  # type: ignore[misc]
            return
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        streams = (asked["p2cread"], asked["c2pwrite"], asked["errwrite"])
        request = {
            "module": run.module,
            "arguments": run.arguments,
            "folder": os.fspath(asked["cwd"] or Path.cwd()),
            "environ": dict(asked["env"]),
        }
        own = (fd if fd != -1 else number for number, fd in enumerate(streams))
        self.pid = _server.ask(request, *own)
        self._ended = os.pidfd_open(self.pid)
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in pipes))  # type: ignore[attr-defined]

    def _internal_poll(self, *rest: Any, **more: Any) -> int | None:
        if self._ended is None:
            return super()._internal_poll(*rest, **more)  # type: ignore[misc, no-any-return]
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._ended is None:
            return super()._try_wait(flags)  # type: ignore[misc, no-any-return]
        poll = select.poll()  # select() takes no descriptor above 1,023
        poll.register(self._ended, select.POLLIN)
        if not poll.poll(0 if flags else None):
            return 0, 0
        os.close(self._ended)
        return self.pid, _server.ask({"ended": self.pid})


@attrs.frozen
class Run:
    """What a fork is to do. module: run as ``python -m`` does; empty: the command line.

    arguments: what is to be ``sys.argv``.
    """

    module: str
    arguments: list[str]


def forkable(asked: Mapping[str, Any]) -> Run | None:
    """Return what a fork is to do; None: this start needs an interpreter of its own."""
    if not isinstance(asked["args"], list | tuple) or asked["env"] is None or asked["shell"]:
        return None
    plain = asked["preexec_fn"] is None and not asked["pass_fds"] and asked["umask"] == -1
    if not plain or asked["start_new_session"] or asked["process_group"] != -1:
        return None
    if not all(map(harmless, asked["env"].items())):
        return None
    words = [os.fspath(word) for word in asked["args"]]
    if words[:2] == [sys.executable, "-m"] and words[2] in VARIANTS:
        return Run(words[2], words[2:])
    for command in COMMANDS:
        if tuple(words[: len(command)]) == command:
            first = command[-1] if len(command) == 1 else "-c"
            return Run("", [first, *words[len(command) :]])
    return None


def harmless(variable: tuple[str, str]) -> bool:
    """Return whether a variable has no effect on an interpreter that runs already."""
    return variable == ("PYTHONPATH", str(ROOT)) or not variable[0].startswith(READ_AT_START)


@contextmanager
def fork_starts() -> Iterator[None]:
    """Fork meanwhile what can be; Linux alone has what this needs."""
    if sys.platform != "linux" or os.environ.get("COLD"):
        yield
        return
    subprocess.Popen = ForkedStart  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = NewInterpreter  # type: ignore[misc]
        _server.end()
