"""The reported latency compared with the provider's own: ``python -m benchmarks.latency``.

A real ``provider-status serve`` watches N providers that answer at once and record how long each
answer took them (benchmarks.honest_upstreams). It prints the difference between the tracker's
median and that of an independent client (a process with plain sockets that calls the same providers
meanwhile), and the largest difference of a single check from its provider's record.

Busy: two processes use both cores all the time; during the later checks the tracker also serves
1,000 event streams, answers history queries and reloads its settings every two seconds. With a
share of the cores, it sends each change to all of them: a check takes a second. So the later checks
are the first and as many as begin within LATER_SECONDS after it, and only these are compared.
"""

import argparse
import itertools
import json
import os
import selectors
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx
import trustme

from benchmarks.table import Figure, row

TOKEN = "only-of-a-benchmark-on-loopback"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
BURN = "while True: pass"
STREAMS = 1_000
RELOAD_SECONDS = 2.0
LATER_SECONDS = 30.0
CHECK_SECONDS = 60.0
LONG_SECONDS = 604_800
UNKNOWN = "its latency is not known"
ROUNDS_SECONDS = 60.0  # no round begins so long after a case's first
END_SECONDS = 20.0  # for a process to end by itself
# Limits for the median and for the worst check, in milliseconds.
LIMITS = {8: 1.0, 100: 1.0, 1000: 3.0}
WORST = 10.0


@attrs.frozen
class Case:
    count: int
    tls: bool
    busy: bool

    def __str__(self) -> str:
        way = "TLS" if self.tls else "HTTP"
        return f"{self.count} providers, {way}, {'busy' if self.busy else 'idle'}"


@contextmanager
def upstreams(case: Case, folder: Path) -> Iterator[list[str]]:
    command = [sys.executable, "-m", "benchmarks.honest_upstreams", "--count", str(case.count)]
    if case.tls:
        make_authority(folder)
        command += ["--tls", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield [process.stdout.readline().decode().strip() for _ in range(case.count)]
        process.stdin.close()


def make_authority(folder: Path) -> None:
    """Make a certificate authority, and its certificate for 127.0.0.1."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (folder / "certificate.pem").write_bytes(chain)


def write_settings(case: Case, folder: Path, urls: list[str]) -> Path:
    # No check but those that are asked for: another would come between truth and what is told.
    lines = ["[tracker]", "discover = false", f"interval_seconds = {LONG_SECONDS}"]
    lines += ["[server]", "port = 0"]
    for number, url in enumerate(urls):
        lines += [f"[providers.p{number:05}]", 'kind = "openai"', f'base_url = "{url}"']
        if case.tls:
            lines.append(f'ca_file = "{folder}/authority.pem"')
    path = folder / "tracker.toml"
    path.write_text("\n".join(lines))
    return path


@contextmanager
def run_tracker_process(case: Case, folder: Path, urls: list[str]) -> Iterator[tuple[int, str]]:
    """Run a real tracker; yield its process id, and its URL as soon as it prints it."""
    settings = write_settings(case, folder, urls)
    program = str(Path(sys.executable).with_name("provider-status"))
    command = [program, "serve", "--config", str(settings)]
    command += ["--database", str(folder / "latency.db"), "--log-level", "error"]
    environment = {**os.environ, "PROVIDER_STATUS_ADMIN_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline().decode().strip()
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()


@contextmanager
def burners(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            burner = stack.enter_context(subprocess.Popen([sys.executable, "-c", BURN]))
            stack.callback(burner.kill)
        yield


@attrs.define
class Beside:
    """The independent client: one request after the other, each on a new connection.

    mark: of its requests, by which the providers tell them from the tracker's.
    """

    urls: list[str]
    trust: ssl.SSLContext | None
    mark: str = "?beside"
    took: list[float] = attrs.field(factory=list)
    _stop: threading.Event = attrs.field(factory=threading.Event)

    def run(self) -> None:
        while not self._stop.is_set():
            for url in self.urls:
                with suppress(OSError):
                    self.took.append(self.ask(url))
                if self._stop.wait(0.005):
                    return

    def ask(self, url: str) -> float:
        parts = urlsplit(url)
        request = f"GET {parts.path}/models{self.mark} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        with socket.create_connection((parts.hostname, parts.port), timeout=10.0) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.trust is None:
                return exchange(plain, request.encode())
            with self.trust.wrap_socket(plain, server_hostname=parts.hostname) as secure:
                return exchange(secure, request.encode())

    def finish(self) -> None:
        self._stop.set()


def exchange(connected: socket.socket, request: bytes) -> float:
    """Return the milliseconds until an answer with a JSON object was there."""
    began = time.perf_counter()
    connected.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        data += connected.recv(65_536)
    return (time.perf_counter() - began) * 1000.0


def beside_main(folder: Path) -> None:
    """Run in its own process: send requests until the input ends, then print the results."""
    urls = json.loads((folder / "urls.json").read_text())
    trust = None
    if urls[0].startswith("https"):
        trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    client = Beside(urls, trust)
    thread = threading.Thread(target=client.run, daemon=True)
    thread.start()
    sys.stdin.read()
    client.finish()
    thread.join()
    print(json.dumps(client.took))


@contextmanager
def independent_client(folder: Path, urls: list[str]) -> Iterator[list[float]]:
    """Send requests while the block runs; fill the yielded list at its end."""
    (folder / "urls.json").write_text(json.dumps(urls))
    command = [sys.executable, "-m", "benchmarks.latency", "--beside", str(folder)]
    took: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield took
        told, _ = process.communicate()
        took += json.loads(told)


def run_case(case: Case) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        urls = stack.enter_context(upstreams(case, folder))
        stack.enter_context(burners(2 if case.busy else 0))
        found = {}
        with independent_client(folder, urls) as beside:
            _, url = stack.enter_context(run_tracker_process(case, folder, urls))
            wait_until_ready(url)
            time.sleep(0.5)
        found["first sweep"] = compare(folder, url, urls, beside)
        with independent_client(folder, urls) as beside, busy_server(url, case, folder):
            checked = check_in_turn(url, case)
        if checked:
            found["later checks"] = compare(folder, url, urls[:checked], beside)
        return found


def check_in_turn(url: str, case: Case) -> int:
    """Check one provider after the other, as the grid does; return how many were in time.

    Checked together they would wait for each other in the one process that answers for all.
    """
    until = None
    with httpx.Client(headers=ADMIN, timeout=CHECK_SECONDS) as client:
        for number in range(case.count):
            try:
                client.post(f"{url}/api/providers/p{number:05}/check").raise_for_status()
            except httpx.TimeoutException:
                return number
            until = until or time.perf_counter() + LATER_SECONDS
            if time.perf_counter() > until:
                return number + 1
    return case.count


def wait_until_ready(url: str) -> None:
    until = time.perf_counter() + 120.0
    while httpx.get(f"{url}/readyz", timeout=60.0).status_code != 200:
        if time.perf_counter() > until:
            raise TimeoutError("the first sweep does not end")
        time.sleep(0.05)


def change_settings(folder: Path, over: threading.Event) -> None:
    """Write the file anew every two seconds: each time a running tracker reloads it."""
    file, limits = folder / "tracker.toml", itertools.cycle((900, 1_000))
    text = file.read_text()
    while not over.wait(RELOAD_SECONDS):
        more = f"[tracker]\ndegraded_latency_ms = {next(limits)}"
        file.write_text(text.replace("[tracker]", more, 1))


@contextmanager
def busy_server(url: str, case: Case, folder: Path) -> Iterator[None]:
    """In a busy case, read 1,000 event streams, send history queries and change the settings."""
    if not case.busy:
        yield
        return
    over = threading.Event()

    def read_history() -> None:
        while not over.is_set():
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/api/providers/history?hours=168", timeout=60.0)

    with ExitStack() as stack:
        streams = stack.enter_context(selectors.DefaultSelector())
        for _ in range(STREAMS):
            streams.register(stack.enter_context(open_stream(url)), selectors.EVENT_READ)
        threads = [
            threading.Thread(target=read_history),
            threading.Thread(target=change_settings, args=(folder, over)),
            threading.Thread(target=read_streams, args=(streams, over)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:  # otherwise a check that fails would leave them running, and us waiting for them
            over.set()
            for thread in threads:
                thread.join()


def open_stream(url: str) -> socket.socket:
    parts = urlsplit(url)
    request = f"GET /api/providers/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
    stream = socket.create_connection((parts.hostname, parts.port), timeout=60.0)
    stream.sendall(request.encode())
    return stream


def read_streams(streams: selectors.BaseSelector, over: threading.Event) -> None:
    while not over.is_set():
        for key, _ in streams.select(timeout=0.1):
            stream: Any = key.fileobj
            if not stream.recv(1 << 20):
                streams.unregister(stream)


def compare(folder: Path, url: str, urls: list[str], beside: list[float]) -> dict[str, float]:
    """Compare reported and recorded latencies, provider by provider, and the medians."""
    trust: Any = str(folder / "authority.pem") if urls[0].startswith("https") else True
    if isinstance(trust, str):
        trust = ssl.create_default_context(cafile=trust)
    truth = httpx.get(f"{urls[0].removesuffix('/v1')}/truth", verify=trust, timeout=30.0).json()
    shown = httpx.get(f"{url}/api/providers/status", timeout=30.0).json()["providers"]
    told, off, unknown = [], [], 0
    for number, base in enumerate(urls):
        view = shown[f"p{number:05}"]
        latency = view["response_time_ms"]
        took = truth[base][-1] if truth[base] else None
        if latency is None or view["reason"].endswith(UNKNOWN):  # then it is that of a check before
            unknown += 1
            continue
        told.append(latency)
        if took is not None:
            off.append(abs(latency - took))
    if not off:
        raise ValueError("no latency was told")
    return {
        "told": statistics.median(told),
        "beside": statistics.median(beside),
        "worst": max(off),
        "unknown": float(unknown),
        "compared": float(len(told)),
    }


def cases(quick: bool) -> list[Case]:
    counts = (8, 100) if quick else (8, 100, 1000)
    return [Case(n, tls, busy) for n in counts for tls in (False, True) for busy in (False, True)]


def measure(*, quick: bool = False, rounds: int = 3, count: int | None = None) -> Iterator[Figure]:
    for case in cases(quick):
        if count not in (None, case.count):
            continue
        runs, until = [], time.perf_counter() + ROUNDS_SECONDS
        try:
            runs.append(run_case(case))
            while not quick and len(runs) < rounds and time.perf_counter() < until:
                runs.append(run_case(case))
        except (TimeoutError, httpx.TimeoutException) as error:
            print(f"  {case}: a round did not end: {error}")
        if runs:
            yield from figures(case, runs)


def figures(case: Case, runs: list[dict[str, dict[str, float]]]) -> Iterator[Figure]:
    for phase in runs[0]:
        found = [run[phase] for run in runs if phase in run]
        error = [abs(one["told"] - one["beside"]) for one in found]
        note = (
            f"told {found[-1]['told']:.2f}, the client beside {found[-1]['beside']:.2f}, "
            f"unknown {max(one['unknown'] for one in found):g} "
            f"of {min(one['compared'] + one['unknown'] for one in found):g}"
        )
        what = f"{case}, {phase}"
        yield Figure(f"{what}: median", error, "ms off", limit=LIMITS[case.count], note=note)
        yield Figure(f"{what}: worst", [one["worst"] for one in found], "ms off", limit=WORST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--count", type=int)
    given = parser.parse_args()
    if given.beside is not None:
        beside_main(given.beside)
        return
    for figure in measure(quick=given.quick, count=given.count, rounds=1):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
