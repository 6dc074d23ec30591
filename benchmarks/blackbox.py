"""Beside blackbox_exporter, which Prometheus users probe with: ``python -m benchmarks.blackbox``.

Both are asked over HTTP for one check at a time of the same providers on loopback, which note how
long each answer took them (benchmarks.honest_upstreams). CPU of the process for each check, and how
far the latency that is told is from what the provider noted. The exporter makes a new connection
for each probe and stores, judges and ranks nothing; it is a Go program of Debian's package
prometheus-blackbox-exporter.
"""

import argparse
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.latency import ADMIN, Case, run_tracker_process, upstreams, wait_until_ready
from benchmarks.load import cpu_seconds
from benchmarks.table import Figure, row

NAMES = ("prometheus-blackbox-exporter", "blackbox_exporter")
SETTINGS = "modules:\n  api:\n    prober: http\n    timeout: 10s\n"
ATTEMPTS = 20  # a busy machine does not know the latency of each check
PHASE = re.compile(r'probe_http_duration_seconds{phase="(processing|transfer)"} (\S+)')


@contextmanager
def exporter(program: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Run it on loopback; yield its process id and URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "blackbox.yml").write_text(SETTINGS)
    command = [program, f"--config.file={folder}/blackbox.yml"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    until = time.perf_counter() + 20.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            if time.perf_counter() > until:
                raise
            time.sleep(0.05)
        else:
            return


def probe_all(
    pid: int, urls: list[str], probe: Callable[[int, str], float], read_truth: Callable[[], Any]
) -> dict[str, float]:
    """Probe one after the other; probe: returns the milliseconds told of a provider."""
    before = cpu_seconds(pid)
    told = [probe(number, url) for number, url in enumerate(urls)]
    spent = cpu_seconds(pid) - before
    truth = read_truth()
    pairs = [(each, truth[url][-1]) for each, url in zip(told, urls, strict=True)]
    off = [abs(each - took) for each, took in pairs if took is not None]
    return {
        "cpu": spent / len(urls) * 1000.0,
        "median off": statistics.median(off),
        "worst off": max(off),
    }


def compare(program: str, count: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    case = Case(count, tls=False, busy=False)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        urls = stack.enter_context(upstreams(case, folder))
        client = stack.enter_context(httpx.Client(timeout=60.0))
        pid, url = stack.enter_context(run_tracker_process(case, folder, urls))
        other, beside = stack.enter_context(exporter(program, folder))
        wait_until_ready(url)

        def read_truth() -> Any:
            return client.get(f"{urls[0].removesuffix('/v1')}/truth").json()

        def ask_ours(number: int, _: str) -> float:
            name = f"p{number:05}"
            for _attempt in range(ATTEMPTS):
                answer = client.post(f"{url}/api/providers/{name}/check", headers=ADMIN)
                told = answer.raise_for_status().json()["outcomes"][name]["response_time_ms"]
                if told is not None:
                    return float(told)
            raise RuntimeError(f"no latency in {ATTEMPTS} checks: this machine is too busy")

        def sweep_ours() -> float:
            before = cpu_seconds(pid)
            client.post(f"{url}/api/providers/check", headers=ADMIN).raise_for_status()
            return (cpu_seconds(pid) - before) / count * 1000.0

        def ask_exporter(_: int, target: str) -> float:
            asked = {"module": "api", "target": f"{target}/models"}
            page = client.get(f"{beside}/probe", params=asked).text
            return sum(float(seconds) * 1000.0 for _, seconds in PHASE.findall(page))

        for _ in range(rounds):
            found["ours"].append(probe_all(pid, urls, ask_ours, read_truth))
            found["ours, all asked for at once"].append({"cpu": sweep_ours()})
            found["blackbox_exporter"].append(probe_all(other, urls, ask_exporter, read_truth))
    return found


def measure(count: int = 100, *, rounds: int = 5) -> Iterator[Figure]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print("  blackbox_exporter is not installed here, so it is not measured")
        return
    found = compare(program, count, rounds)
    reference = statistics.median(run["cpu"] for run in found["blackbox_exporter"])
    for who, runs in found.items():
        cpu = [run["cpu"] for run in runs]
        ratio = statistics.median(cpu) / reference if reference else None
        yield Figure(f"{who}: a check asked for", cpu, "ms CPU", ratio=ratio)
        for what in [each for each in runs[0] if each != "cpu"]:
            yield Figure(f"  {what}", [run[what] for run in runs], "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    for figure in measure(parser.parse_args().count):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
