"""How soon a tracker of many providers answers: ``python -m benchmarks.start [--count N]``.

``provider-status serve`` in a process of its own, over providers on loopback that two other
processes simulate. Wall time and CPU from its start to the first answer of ``/livez``, and to the
end of the first sweep; memory at its highest.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.load import cpu_seconds, memory_mb
from benchmarks.sweep import upstreams
from benchmarks.table import Figure, row

GIVE_UP_SECONDS = 180.0
MAIN = "import api.cli; api.cli.main()"
LIMITS = {"first answer": 5.0, "first sweep": 20.0, "memory": 600.0}  # of 10,000 providers


def measure(count: int = 10_000) -> Iterator[Figure]:
    """Yield the figures of one start; their limits are those of 10,000 providers."""
    limits = LIMITS if count == 10_000 else {}
    # the descriptors of one process suffice for so many listeners and connections
    half = count // 2
    with (
        upstreams(half, 0) as some,
        upstreams(count - half, 0) as others,
        tempfile.TemporaryDirectory() as folder,
    ):
        listed = [(f"a{one['name']}", one) for one in some]
        listed += [(f"b{one['name']}", one) for one in others]
        port = _free_port()
        file = _configure(Path(folder), port, listed)
        command = [sys.executable, "-c", MAIN, "serve", "--config", str(file)]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            for path, what in (("livez", "first answer"), ("readyz", "first sweep")):
                _wait(f"http://127.0.0.1:{port}/{path}", began)
                taken, cpu = time.perf_counter() - began, cpu_seconds(run.pid)
                case = f"{count:,} providers: {what}"
                yield Figure(case, [taken], "s", limit=limits.get(what))
                yield Figure("  of it CPU", [cpu], "s CPU")
            peak = memory_mb(run.pid, "VmHWM")
            yield Figure("  memory at its highest", [peak], "MB", limit=limits.get("memory"))
            run.terminate()


def _configure(folder: Path, port: int, listed: list[tuple[str, dict[str, Any]]]) -> Path:
    lines = [f'[tracker]\ndiscover = false\ndatabase = "{folder}/start.db"']
    lines.append(f"[server]\nport = {port}")
    lines += [
        f'[providers.{name}]\nkind = "openai"\nbase_url = "{one["base_url"]}"'
        for name, one in listed
    ]
    file = folder / "tracker.toml"
    file.write_text("\n".join(lines))
    return file


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait(url: str, began: float) -> None:
    """Return once it answers 200. Raises TimeoutError."""
    while time.perf_counter() - began < GIVE_UP_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=30.0):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer 200 within {GIVE_UP_SECONDS:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    for figure in measure(parser.parse_args().count):
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
