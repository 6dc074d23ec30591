"""A thousand open event streams: the memory of each, and when the last one has a snapshot.

python -m benchmarks.streams
"""

import json
import resource
import time
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import trio

from benchmarks.load import memory_mb
from benchmarks.served import TOKEN
from benchmarks.serving import served
from benchmarks.table import Figure, row

STREAMS, PROVIDERS = 1_000, 15
REQUEST = b"GET /api/providers/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
QUIET_SECONDS = 0.5  # without anything new on any stream: then all have everything


class Reader:
    """One stream. at: when data last arrived."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.at = 0.0

    async def read(self) -> None:
        while await self.stream.receive_some(2**16):
            self.at = time.perf_counter()


def measure(count: int = STREAMS, rounds: int = 5) -> list[Figure]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with served("ours", str(PROVIDERS)) as (pid, url):
        return trio.run(_measure, pid, url, count, rounds)


async def _measure(pid: int, url: str, count: int, rounds: int) -> list[Figure]:
    before = memory_mb(pid)
    async with trio.open_nursery() as nursery:
        readers = [Reader(await _opened(url)) for _ in range(count)]
        for reader in readers:
            nursery.start_soon(reader.read)
        await _quiet(readers)
        each = (memory_mb(pid) - before) * 1024.0 / count
        delays = [await _delays(url, readers) for _ in range(rounds)]
        nursery.cancel_scope.cancel()
    return [
        Figure(f"{count:,} event streams, memory each", [each], "KiB"),
        Figure("a change to the first stream", [first for first, _ in delays], "ms"),
        Figure("a change to the last stream", [last for _, last in delays], "ms"),
    ]


async def _opened(url: str) -> trio.SocketStream:
    parts = urlsplit(url)
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 80)
    await stream.send_all(REQUEST)
    return stream


async def _quiet(readers: list[Reader]) -> None:
    while _is_loud(readers):  # noqa: ASYNC110 (silence sets no event)
        await trio.sleep(0.05)


def _is_loud(readers: list[Reader]) -> bool:
    last, first = max(r.at for r in readers), min(r.at for r in readers)
    return not first or time.perf_counter() - last < QUIET_SECONDS


async def _delays(url: str, readers: list[Reader]) -> tuple[float, float]:
    """Return the milliseconds from a requested check to its event on the first and last stream."""
    began = time.perf_counter()
    await trio.to_thread.run_sync(_check, url)
    await _quiet(readers)
    arrived = [reader.at for reader in readers if reader.at > began]
    if len(arrived) < len(readers):
        raise RuntimeError(f"{len(readers) - len(arrived)} streams got nothing")
    return (min(arrived) - began) * 1e3, (max(arrived) - began) * 1e3


def _check(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asked = Request(f"{url}/api/providers/provider-0000/check", headers=headers, method="POST")
    with urlopen(asked, timeout=10.0) as said:
        json.load(said)


if __name__ == "__main__":
    for figure in measure():
        print(row(figure))
