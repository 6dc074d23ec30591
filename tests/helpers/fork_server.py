"""A process that has imported the server, and forks others which then run the command line.

The imports are three quarters of the CPU of a start. ``tests.helpers.forked_start`` is its client.

A request is a header (its length, with the standard streams of a new process) and JSON: what to
start, or the number of the process that ended and whose status is asked for. Each answer is one
number. A process that ended stays a zombie until then, as any child does.
"""

import gc
import json
import os
import signal
import socket
import sys
from typing import Any

import api.app
import api.cli.app
import api.cli.config
import api.cli.errors
import api.cli.serve
import api.cli.status
import api.server  # noqa: F401 (imported for the processes that it forks)
from api.cli import main
from api.cli.errors import ExitCode
from tests.helpers.fork_protocol import ANSWER, HEADER
from tracker.probes.http import network

network.MOST_UNSURE = float("inf")  # as in conftest.py, for the same reason


def answer_requests(connection: socket.socket) -> None:
    """Return at the end of the connection, and in each new process."""
    while True:
        header, streams, _, _ = socket.recv_fds(connection, HEADER.size, 3)
        if not header:
            sys.exit(ExitCode.OK)
        request = json.loads(receive(connection, *HEADER.unpack(header)))
        if "ended" in request:
            answer = os.waitpid(request["ended"], 0)[1]
        elif not (answer := os.fork()):
            connection.close()
            become(request, streams)
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


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end this one
    gc.freeze()
    answer_requests(socket.socket(fileno=int(sys.argv[1])))
    main()
