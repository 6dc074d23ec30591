"""A server of answers that are made to take long, in a process of its own.

Prints ``{NAME: base URL}``, then serves until its standard input ends.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from itertools import chain, repeat

import trio

from benchmarks.torture.upstreams import say
from tracker.testing.broken_servers import Talk, raw_server
from tracker.testing.wire import Wire

KEY = "canary-0123456789abcdef"
LARGE = 4 * 1024 * 1024 - 64  # just below what is read of a model list
SMALL = 256 * 1024 - 64  # and of anything else
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"

Pieces = Callable[[], Iterator[bytes]]


def whole(body: bytes, head: bytes = HEAD) -> Pieces:
    return lambda: iter((head + b"content-length: %d\r\n\r\n" % len(body), body))


def listing(*names: str) -> bytes:
    return json.dumps({"data": [{"id": name} for name in names]}).encode()


def filled(begin: bytes, unit: bytes, end: bytes, size: int) -> bytes:
    return begin + unit * ((size - len(begin) - len(end)) // len(unit)) + end


def chunks(unit: bytes, head: bytes = HEAD) -> Pieces:
    """The same chunk forever, as fast as it is read."""
    framed = b"%x\r\n%s\r\n" % (len(unit), unit)
    block = framed * (65_536 // len(framed) + 1)
    return lambda: chain((head + CHUNKED,), repeat(block))


def endless(unit: bytes) -> Pieces:
    block = unit * (65_536 // len(unit) + 1)
    return lambda: repeat(block)


def long_head(line: Callable[[int], bytes]) -> Pieces:
    """A head of 100,000 bytes, below what the HTTP parser takes."""
    lines, size, number = [], 0, 0
    while size < 99_000:
        lines.append(line(number))
        size, number = size + len(lines[-1]), number + 1
    body = listing("m")
    return lambda: iter((HEAD + b"".join(lines) + b"content-length: %d\r\n\r\n" % len(body), body))


def trailers() -> Pieces:
    body = listing("m")
    lines = b"".join(b"t%d: x\r\n" % n for n in range(9_000))[:99_000].rpartition(b"\r\n")[0]
    framed = b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, lines)
    return lambda: iter((HEAD + CHUNKED + framed,))


def make_answers() -> dict[str, Pieces]:
    """Return the answers by their names, which say what is sent; a "stream" is a completion's."""
    return {
        "list, one id of 4 MiB": whole(listing("m" * (LARGE - 40))),
        "list, 19,500 ids of 196 characters": whole(
            listing(*(f"{n:05}-" + "e" * 190 for n in range(19_500)))
        ),
        "list, 19,500 ids that hold our key": whole(
            listing(*(f"{n:05}-{KEY}-" + "m" * 160 for n in range(19_500)))
        ),
        "list, 19,500 ids of 160 dashes": whole(
            listing(*(f"{n:05}-" + "-" * 160 for n in range(19_500)))
        ),
        "list, 380,000 entries": whole(
            filled(b'{"data":[', b'{"id":"a"},', b'{"id":"b"}]}', LARGE)
        ),
        "list, a million empty arrays": whole(filled(b'{"data":[', b"[],", b"0]}", LARGE)),
        "list, two million numbers": whole(filled(b'{"data":[', b"0,", b"0]}", LARGE)),
        "list, one object of 400,000 fields": whole(
            b"{%s}" % b",".join(b'"%06d":0' % n for n in range(400_000))
        ),
        "list, escapes": whole(filled(b'{"data":["', b"\\u0041", b'"]}', LARGE)),
        "list, in chunks of one byte": chunks(b" "),
        "list, in chunks of 16 bytes": chunks(b" " * 16),
        "endless 1xx": endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
        "endless 1xx with fields": endless(b"HTTP/1.1 103 Early Hints\r\nlink: a\r\na: b\r\n\r\n"),
        "head of 10,000 lines": long_head(lambda n: b"x%05d:\r\n" % n),
        "head of 2,500 rate limits": long_head(
            lambda n: b"x-ratelimit-remaining-r%05d: 1,000,1;w=60\r\n" % n
        ),
        "trailers of 9,000 lines": trailers(),
        "error of 256 KiB": whole(
            filled(b'{"error":[', b'{"code":"a","message":"b"},', b"{}]}", SMALL),
            b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n",
        ),
        "error, one field of 250,000 letters": whole(
            b'{"error":{"message":"%s"}}' % (b"rate limit " * 22_000),
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n",
        ),
        "stream of newlines": whole(b"\n" * SMALL, STREAM),
        "stream of empty events": whole(filled(b"", b"data:\n\n", b"", SMALL), STREAM),
        "stream of empty objects": whole(filled(b"", b"data:{}\n\n", b"", SMALL), STREAM),
        "stream of empty fields": whole(filled(b"", b"data:\n", b"", SMALL), STREAM),
        "stream, in chunks of one byte": chunks(b"x", STREAM),
        "stream of newlines, in chunks of one byte": chunks(b"\n", STREAM),
        "stream of empty objects, in chunks": chunks(b"data:{}\n\n", STREAM),
    }


def talk(pieces: Pieces) -> Talk:
    async def answer(wire: Wire) -> None:
        while await wire.receive() is not None:
            for piece in pieces():
                await wire.send(piece)

    return answer


async def run() -> None:
    async with AsyncExitStack() as stack:
        urls = {}
        for name, pieces in make_answers().items():
            urls[name] = (await stack.enter_async_context(raw_server(talk(pieces)))).url
        say(urls)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


if __name__ == "__main__":
    trio.run(run)
