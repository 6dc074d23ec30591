"""A bounded load on one loopback server: what it costs that server, and how long answers take."""

import os
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

import attrs

PREFIX = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n"
ANSWERS = tuple(b"HTTP/1.1 %d " % status for status in (200, 204, 304, 404, 503))
TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen
class Load:
    """Results. cpu_us: the server's per request. p50, p99 in milliseconds. answers: per second."""

    cpu_us: float
    p50: float
    p99: float
    answers: float


def load(
    pid: int, url: str, *, connections: int = 8, seconds: float = 1.0, fields: bytes = b""
) -> Load:
    """Send requests for ``seconds`` over kept connections, each waiting for its answer.

    pid: the process whose CPU time is counted, with its children's. fields: more header lines of
    the request, each with its line end.
    """
    before, began = cpu_seconds(pid), time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        runs = [pool.submit(ask, url, began + seconds, fields) for _ in range(connections)]
        taken = [latency for run in runs for latency in run.result()]
    spent, wall = cpu_seconds(pid) - before, time.perf_counter() - began
    taken.sort()
    return Load(
        cpu_us=spent / len(taken) * 1e6,
        p50=statistics.median(taken) * 1e3,
        p99=taken[len(taken) * 99 // 100] * 1e3,
        answers=len(taken) / wall,
    )


def ask(url: str, until: float, fields: bytes = b"") -> list[float]:
    """Return the seconds that each answer took, over one connection at a time. Raises OSError."""
    taken: list[float] = []
    while time.perf_counter() < until:
        taken += _ask_until_closed(urlsplit(url), until, fields)
    return taken


def _ask_until_closed(url: SplitResult, until: float, fields: bytes) -> list[float]:
    """Hypercorn closes a connection after a thousand answers."""
    target = f"{url.path or '/'}?{url.query}".removesuffix("?")
    request = PREFIX % (target.encode(), fields)
    taken, kept = [], True
    with socket.create_connection((url.hostname, url.port or 80), timeout=10.0) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while kept and (began := time.perf_counter()) < until:
            connection.sendall(request)
            kept = read_answer(connection)
            taken.append(time.perf_counter() - began)
    return taken


def read_answer(connection: socket.socket) -> bool:
    """Read a whole answer with a known length; return whether the connection is kept.

    Raises ConnectionError if it does not arrive.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(ANSWERS):
        raise ConnectionError(head[:80].decode(errors="replace"))
    head = head.lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
    left = length - len(body)
    while left > 0:
        left -= len(_more(connection))
    return b"\r\nconnection: close" not in head


def _more(connection: socket.socket) -> bytes:
    if not (data := connection.recv(2**18)):
        raise ConnectionError("the server hung up")
    return data


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process and its living children, in clock ticks."""
    total = _ticks(pid)
    for child in children(pid):
        total += _ticks(child)
    return total / TICKS


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return [int(word) for word in file.read().split()]


def _ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Return the memory of a process now; with VmHWM its peak."""
    with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
        line = next(line for line in file if line.startswith(field))
    return int(line.split()[1]) / 1024
