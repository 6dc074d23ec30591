"""Providers that state how long each answer really took: ``python -m benchmarks.honest_upstreams``.

    --count N  --latency-ms MS  --tls FOLDER (certificate.pem and key.pem in it)  --close

Prints one base URL per line, then answers until its standard input ends. ``GET /truth`` on any port
gives {base URL: [milliseconds of each answer to a tracker]}: from the time at which the kernel had
the request to the time at which the answer was passed to the kernel. Any latency beyond that is
caused by the tracker or the network. Null where this process lost its processor while it answered,
so that it does not know.
"""

import argparse
import json
import socket
import ssl
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from tracker.probes.http.network import MOST_UNSURE
from tracker.probes.http.stamped_stream import StampedStream
from tracker.testing import openai_answers as answers
from tracker.testing.many_providers import raise_file_limit
from tracker.testing.simulated import MODELS

HOST, PATH, END = "127.0.0.1", "/v1", b"\r\n\r\n"


@attrs.define
class Upstreams:
    latency: float
    close: bool
    tls: ssl.SSLContext | None
    truth: dict[str, list[float | None]] = attrs.field(factory=dict)

    async def serve(self, url: str, listener: trio.SocketListener) -> None:
        await trio.serve_listeners(partial(self.talk, url), [listener])

    async def talk(self, url: str, raw: trio.SocketStream) -> None:
        plain = socket.socket(fileno=raw.socket.detach())
        plain.setblocking(False)
        stamped = StampedStream(plain)
        stream: Any = stamped
        if self.tls is not None:
            stream = trio.SSLStream(stamped, self.tls, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError, ssl.SSLError, OSError):
            async with stream:
                await self._answer_all(url, stream, stamped)

    async def _answer_all(self, url: str, stream: Any, stamped: StampedStream) -> None:
        while head := await read_head(stream):
            arrived = stamped.arrived
            if head.startswith(b"GET /truth"):
                await stream.send_all(reply(json.dumps(self.truth), close=False))
                continue
            if self.latency:
                await trio.sleep_until(arrived + self.latency)
            stamped.sent = None
            await stream.send_all(ANSWER[self.close])
            # Not the time before that call: a TLS stream lets other tasks have their turn in it.
            if b"beside" not in head and stamped.sent is not None:
                known = stamped.sent_by - stamped.sent <= MOST_UNSURE
                self.truth[url].append((stamped.sent - arrived) * 1000.0 if known else None)
            if self.close:
                return


async def read_head(stream: Any) -> bytes:
    data = b""
    while END not in data:
        if not (more := await stream.receive_some()):
            return b""
        data += more
    return data


def reply(body: str, *, close: bool) -> bytes:
    kept = "Connection: close\r\n" if close else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{kept}\r\n{body}".encode()


def _answer(*, close: bool) -> bytes:
    return reply(answers.model_list(MODELS, "simulated").body.decode(), close=close)


ANSWER = {close: _answer(close=close) for close in (False, True)}


async def run(count: int, upstreams: Upstreams) -> None:
    scheme = "http" if upstreams.tls is None else "https"
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            (listener,) = await trio.open_tcp_listeners(0, host=HOST, backlog=128)
            url = f"{scheme}://{HOST}:{listener.socket.getsockname()[1]}{PATH}"
            upstreams.truth[url] = []
            nursery.start_soon(upstreams.serve, url, listener)
            sys.stdout.write(url + "\n")
        sys.stdout.flush()
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--close", action="store_true")
    given = parser.parse_args()
    tls = None
    if given.tls is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(given.tls / "certificate.pem", given.tls / "key.pem")
    raise_file_limit()
    trio.run(run, given.count, Upstreams(given.latency_ms / 1000.0, given.close, tls))


if __name__ == "__main__":
    main()
