"""Every benchmark, a table each: ``make bench``, or ``python -m benchmarks [--quick]``.

    --quick             two minutes instead of ten: fewer rounds, a smaller database
    --only NAME …       these alone
    --peers PYTHON      an interpreter that has uvicorn and starlette, for comparison
    --litellm PYTHON    one that has litellm
    --trace FILE        a recorded trace for the ranking policies
    --write FILE        put what each prints into its part of a page (docs/performance.md)

A benchmark without its requirements is skipped with a message. Everything runs on loopback. Exits
with 1 if a benchmark could not run; a missed limit is only printed, because machines differ.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from benchmarks import (
    blackbox,
    classify,
    forms,
    latency,
    locked,
    page,
    serving,
    start,
    steady,
    streams,
    sweep,
    tls,
    tls_sweep,
)
from benchmarks.table import Figure, row

MISSED = 3  # the exit code of benchmarks.decision for a missed limit
ROOT = Path(__file__).resolve().parent.parent


@attrs.frozen
class Options:
    quick: bool
    peers: str | None
    litellm: str | None
    trace: str | None


def run_sweep(options: Options) -> None:
    sweep.run_all(1 if options.quick else 5)


def run_serving(options: Options) -> None:
    rounds, seconds = (3, 0.5) if options.quick else (7, 1.5)
    for figure in serving.measure(options.peers, rounds=rounds, seconds=seconds):
        print(row(figure))


def show(figures: Iterable[Figure]) -> None:
    for figure in figures:
        print(row(figure), flush=True)


def run_latency(options: Options) -> None:
    show(latency.measure(quick=options.quick))


def run_blackbox(options: Options) -> None:
    show(blackbox.measure(rounds=2 if options.quick else 5))


def run_scrape(options: Options) -> None:
    run_module("scrape", "--rounds", "3" if options.quick else "7")


def run_forms(options: Options) -> None:
    show(forms.measure(rounds=3, seconds=0.5) if options.quick else forms.measure())


def run_steady(options: Options) -> None:
    python = options.peers or sys.executable
    if options.quick:
        show(steady.measure(((500, 25.0),), seconds=20.0, python=python))
    else:
        show(steady.measure(python=python))


def run_start(options: Options) -> None:
    show(start.measure_few(3 if options.quick else 7))
    show(start.measure(1_000 if options.quick else 10_000))


def run_tls(options: Options) -> None:
    rounds = 3 if options.quick else 5
    show(tls.measure(options.peers or sys.executable, rounds=rounds))


def run_tls_sweep(options: Options) -> None:
    show(tls_sweep.measure(rounds=1 if options.quick else 3))


def run_locked(_: Options) -> None:
    for figure in locked.measure():
        print(row(figure))


def run_streams(options: Options) -> None:
    for figure in streams.measure(rounds=3 if options.quick else 10):
        print(row(figure))


def run_storage(options: Options) -> None:
    run_module("storage", *(["100"] if options.quick else []))


def run_decision(options: Options) -> None:
    if options.litellm is None:
        print("  LiteLLM is measured beside it with --litellm PYTHON, one that has it")
    run_module("decision", python=options.litellm or sys.executable)


def run_replay(options: Options) -> None:
    if options.trace is None:
        print("  skipped: give --trace FILE; no recorded trace is part of this project")
        return
    run_module("replay", options.trace)


def run_classify(_: Options) -> None:
    for figure in classify.measure():
        print(row(figure))


def run_reports(options: Options) -> None:
    runs = "1" if options.quick else "6"
    run_module("reports", "--runs", runs, "--rates", "0.1")


def run_offers(options: Options) -> None:
    run_module("offers", *(["--checks", "5"] if options.quick else []))


RUNS: dict[str, Callable[[Options], None]] = {
    "classify": run_classify,
    "sweep": run_sweep,
    "latency": run_latency,
    "blackbox": run_blackbox,
    "steady": run_steady,
    "start": run_start,
    "tls": run_tls,
    "tls_sweep": run_tls_sweep,
    "serving": run_serving,
    "forms": run_forms,
    "scrape": run_scrape,
    "locked": run_locked,
    "streams": run_streams,
    "decision": run_decision,
    "replay": run_replay,
    "reports": run_reports,
    "offers": run_offers,
    "storage": run_storage,
}


def run_module(name: str, *arguments: str, python: str = sys.executable) -> None:
    """Run a benchmark. Raises CalledProcessError; a missed limit is no failure."""
    command = [python, "-m", f"benchmarks.{name}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        command, check=False, env=environment, cwd=ROOT, timeout=400.0, stdout=subprocess.PIPE
    )
    print(run.stdout.decode(), end="", flush=True)
    if run.returncode != MISSED:
        run.check_returncode()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="NAME")
    parser.add_argument("--peers")
    parser.add_argument("--litellm")
    parser.add_argument("--trace")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    options = Options(given.quick, given.peers, given.litellm, given.trace)
    print(conditions())
    failed = [name for name in given.only if not runs(name, options, given.write)]
    if failed:
        print(f"could not run: {', '.join(failed)}")
    return int(bool(failed))


def runs(name: str, options: Options, write: Path | None) -> bool:
    if write is None:
        return succeeds(name, options)
    told = conditions()
    with page.heard() as printed:
        well = succeeds(name, options)
    if well and not page.has_part(write, name):
        print(f"  {write} has no part for {name}: it was not written there")
    elif well:
        page.fill(write, name, f"{told}\n{printed.getvalue().strip()}")
    return well


def succeeds(name: str, options: Options) -> bool:
    print(f"\n{name}", flush=True)
    began = time.perf_counter()
    try:
        RUNS[name](options)
    except Exception as error:  # noqa: BLE001 (the others go on)
        print(f"  failed: {type(error).__name__}: {error}")
        return False
    print(f"  ({time.perf_counter() - began:.0f} s)", flush=True)
    return True


def conditions() -> str:
    """Return the conditions of the measurement, without which the figures mean little."""
    cores = len(os.sched_getaffinity(0))
    busy = os.getloadavg()[0]
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return (
        f"{system}, {cores} cores, load {busy:.1f} at the start\n"
        "Each line: the median of its rounds, the least and the greatest, then the ratio where a "
        "yardstick ran beside it."
    )


if __name__ == "__main__":
    raise SystemExit(main())
