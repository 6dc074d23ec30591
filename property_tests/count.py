"""Executes rules of the state machine and prints how many, and how fast.

``python -m property_tests.count --rules 1000000 --processes 2``. Its database files are in /dev/shm
if it exists, so that no real disk slows it down; ``--folder`` chooses another
place.
"""

import argparse
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from property_tests.served_machine import ServedMachine
from tracker.runtime.garbage_collection import tune_garbage_collector
from tracker.testing.machine_runner import quiet

MEMORY = Path("/dev/shm")
EXECUTED = re.compile(r"([\d,]+) rules executed")
EXAMPLES, STEPS = 50, 50  # in a round, after which the count is checked


def run_rules(rules: int, say: Any = lambda _: None) -> tuple[int, float]:
    """Run at least ``rules`` random rules; return how many, and the seconds they took.

    Raises the failure that the machine finds, with its smallest example in the notes.
    """
    began = time.monotonic()
    before = ServedMachine.executed_rules()
    while (executed := ServedMachine.executed_rules() - before) < rules:
        say(f"{executed:,} rules, {executed / max(time.monotonic() - began, 0.1):,.0f} a second")
        run_state_machine_as_test(
            ServedMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return executed, time.monotonic() - began


def run_in_processes(number: int, rules: int, folder: Path | None) -> int:
    """Run them in several processes, each with a share; return the number of rules in all.

    Ends all processes after the first failure, which is printed on stderr.
    """
    command = [sys.executable, "-m", "property_tests.count", "--processes", "1"]
    command += ["--rules", str(-(-rules // number))]
    command += [] if folder is None else ["--folder", str(folder)]
    with ExitStack() as stack:
        children = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for _ in range(number)
        ]
        while any(child.poll() is None for child in children):
            time.sleep(1.0)
            if any(child.poll() for child in children):
                for child in children:
                    child.terminate()
                sys.exit(1)
        said = [child.stdout.read() for child in children]
    counts: list[int] = [int(EXECUTED.search(text)[1].replace(",", "")) for text in said]
    return sum(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=MEMORY if MEMORY.is_dir() else None)
    options = parser.parse_args()
    ServedMachine.folder = options.folder
    began = time.monotonic()
    if options.processes > 1:
        executed = run_in_processes(options.processes, options.rules, options.folder)
        seconds = time.monotonic() - began
    else:
        tune_garbage_collector()
        with quiet():
            executed, seconds = run_rules(options.rules, lambda text: print(text, file=sys.stderr))
    rate = executed / seconds
    print(f"state machine: {executed:,} rules executed in {seconds:,.0f} s, {rate:,.0f} a second")


if __name__ == "__main__":
    main()
