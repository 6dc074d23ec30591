"""A process that has imported the server, and forks others which then run the command line.

The imports are three quarters of the CPU of a start: also those of what only some starts load, as
the cluster's. ``tests.helpers.forked_start`` is its client.

A request is a header (its length, with the standard streams of a new process) and JSON: what to
start, or the number of the process that ended and whose status is asked for. Each answer is one
number. A process that ended stays a zombie until then, as any child does.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from api.cli import main
from tests.helpers.fork_protocol import ANSWER, HEADER
from tracker.probes.http import network

for name in (
    *("api.app", "api.cli.app", "api.cli.config", "api.cli.errors", "api.cli.options"),
    *("api.cli.serve", "api.cli.status", "api.server", "tracker.probes.dialects.openai"),
    *("anyio._backends._trio", "encodings.idna"),  # httpx's, with the first request
):
    import_module(name)
with suppress(ModuleNotFoundError):  # an installation without PostgreSQL's client
    import_module("tracker.runtime.cluster_setup")
network.MOST_UNSURE = float("inf")  # as in conftest.py, for the same reason


def answer_requests(connection: socket.socket) -> None:
    """Return at the end of the connection; a new process, at its own."""
    while True:
        header, streams, _, _ = socket.recv_fds(connection, HEADER.size, 3)
        if not header:
            return
        request = json.loads(receive(connection, *HEADER.unpack(header)))
        if "ended" in request:
            answer = os.waitpid(request["ended"], 0)[1]
        elif not (answer := os.fork()):
            connection.close()
            become(request, streams)
            run(request["module"])
            return
        for stream in streams:
            os.close(stream)
        connection.sendall(ANSWER.pack(answer))


def receive(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        parts += connection.recv(length - len(parts))
    return bytes(parts)


def become(request: Any, streams: list[int]) -> None:
    """Take over what a process of its own would have been started with."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[:] = request["arguments"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(module: str) -> None:
    """Run it as the main module; empty: the command line."""
    if module:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        main()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end this one
    gc.freeze()
    answer_requests(socket.socket(fileno=int(sys.argv[1])))
