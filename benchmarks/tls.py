"""CPU time of one check over TLS, compared with aiohttp and pycurl for the same work.

    python -m benchmarks.tls [--peers PYTHON]

One provider with a certificate of a local authority is called repeatedly: over kept connections,
and over a new connection each time, with a full handshake or a resumed session. The others make the
same requests, and neither judge nor measure. PYTHON: an interpreter that has them.
"""

import argparse
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import trio

from benchmarks.latency import make_authority
from benchmarks.table import Figure, row
from tracker.core.settings import Provider
from tracker.probes import open_check
from tracker.probes.http import tls_sessions

WARM_UP, ASKED = 20, 200
NEW, KEPT = 2.0, 3.0  # limits: multiples of aiohttp's time
AIOHTTP = """
import asyncio, ssl, sys, time, aiohttp
url, authority, times, close = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "close"
async def main():
    context = ssl.create_default_context(cafile=authority)
    connector = aiohttp.TCPConnector(ssl=context, force_close=close)
    async with aiohttp.ClientSession(connector=connector) as session:
        async def ask():
            async with session.get(url + "/models") as answer:
                await answer.read()
        for _ in range(20):
            await ask()
        began = time.process_time()
        for _ in range(times):
            await ask()
        print((time.process_time() - began) / times * 1000)
asyncio.run(main())
"""
PYCURL = """
import pycurl, sys, time
from io import BytesIO
url, authority, times, close = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "close"
curl = pycurl.Curl()
curl.setopt(curl.URL, url + "/models")
curl.setopt(curl.CAINFO, authority)
curl.setopt(curl.FORBID_REUSE, int(close))
curl.setopt(curl.SSL_SESSIONID_CACHE, 0)
def ask():
    curl.setopt(curl.WRITEDATA, BytesIO())
    curl.perform()
for _ in range(20):
    ask()
began = time.process_time()
for _ in range(times):
    ask()
print((time.process_time() - began) / times * 1000)
"""
PEERS = {"aiohttp": AIOHTTP, "pycurl": PYCURL}


@contextmanager
def upstream(folder: Path, *, close: bool) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.honest_upstreams", "--count", "1"]
    command += ["--tls", str(folder), *(["--close"] if close else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().decode().strip()
        process.stdin.close()


async def ask_again_and_again(url: str, authority: str) -> float:
    context = ssl.create_default_context(cafile=authority)
    async with open_check(Provider(name="here", base_url=url), tls=context) as check:
        for _ in range(WARM_UP):
            await check()
        began = time.process_time()
        for _ in range(ASKED):
            await check()
        return (time.process_time() - began) / ASKED * 1000.0


def ours(url: str, authority: str, whole_after: float) -> float:
    """Return the CPU milliseconds per check. whole_after: how long a session is resumed."""
    before, tls_sessions.WHOLE_HANDSHAKE_SECONDS = (
        tls_sessions.WHOLE_HANDSHAKE_SECONDS,
        whole_after,
    )
    try:
        return trio.run(ask_again_and_again, url, authority)
    finally:
        tls_sessions.WHOLE_HANDSHAKE_SECONDS = before


def peer(python: str, program: str, url: str, authority: str, *, close: bool) -> float | None:
    """Return a peer's figures; None if the interpreter lacks it."""
    command = [python, "-c", program, url, authority, str(ASKED), "close" if close else "keep"]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120.0)
    return float(run.stdout) if run.returncode == 0 else None


def one_round(folder: Path, python: str, *, close: bool) -> dict[str, float]:
    authority = str(folder / "authority.pem")
    with upstream(folder, close=close) as url:
        took = {"resumed" if close else "ours": ours(url, authority, 3_600.0)}
        if close:
            took["whole handshake"] = ours(url, authority, -1.0)
        for name, program in PEERS.items():
            if (found := peer(python, program, url, authority, close=close)) is not None:
                took[name] = found
    return took


def measure(python: str = sys.executable, *, rounds: int = 5) -> Iterator[Figure]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_authority(folder)
        for close in (True, False):
            runs = [one_round(folder, python, close=close) for _ in range(rounds)]
            yield from figures("new connection" if close else "kept connection", runs)


def figures(way: str, runs: list[dict[str, float]]) -> Iterator[Figure]:
    limit = NEW if way.startswith("new") else KEPT
    for side in runs[0]:
        values = [run[side] for run in runs]
        known = [run[side] / run["aiohttp"] for run in runs if "aiohttp" in run]
        ratio = statistics.median(known) if known else None
        mine = side not in PEERS and ratio is not None
        yield Figure(f"{way}, {side}", values, "ms CPU", ratio, limit if mine else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable)
    given = parser.parse_args()
    for figure in measure(given.peers):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
