"""``make torture``: everything that can go wrong, counted. Hours long; ``--quick``: minutes."""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
import trio

from benchmarks.torture import report
from benchmarks.torture.changes import changes_answered
from benchmarks.torture.clients import hostile_clients
from benchmarks.torture.database import database_faults
from benchmarks.torture.elsewhere import machine, schema
from benchmarks.torture.files import hanging_files
from benchmarks.torture.flips import flipped_bits
from benchmarks.torture.kills import kills
from benchmarks.torture.large import large_things
from benchmarks.torture.loop import loop_held
from benchmarks.torture.names import names_astray
from benchmarks.torture.network import network_faults
from benchmarks.torture.odd_databases import QUICK_CASES, odd_databases
from benchmarks.torture.once import sent_once
from benchmarks.torture.process import process_faults
from benchmarks.torture.slow_readers import slow_readers
from benchmarks.torture.slow_start import Disk, slow_starts
from benchmarks.torture.soak import soak
from benchmarks.torture.system_calls import system_call_faults
from benchmarks.torture.torn_logs import torn_logs
from benchmarks.torture.truth import truth
from benchmarks.torture.type_confusion import type_confusion

Run = Callable[[], Coroutine[Any, Any, report.Outcome]]


def runs(quick: bool, minutes: float, rules: int, *, first: bool = False) -> dict[str, Run]:
    return {
        "kills": partial(kills, 20 if quick else 1_000),
        "changes": partial(changes_answered, 8 if quick else 200),
        "starts": partial(slow_starts, Disk(mib=20.0, delay_ms=5.0, kills=1))
        if quick
        else slow_starts,
        "database": partial(database_faults, 2.0 if quick else 5.0),
        "process": partial(process_faults, quick),
        "network": partial(network_faults, 6.0 if quick else 60.0),
        "loop": loop_held,
        "large": partial(large_things, 5.0, 40_000, 4_000, 200, 300) if quick else large_things,
        "flips": partial(flipped_bits, 300 if quick else 10_000),
        "odd": partial(odd_databases, QUICK_CASES) if quick else odd_databases,
        "types": partial(type_confusion, 200 if quick else 1),
        "torn": partial(torn_logs, 50 if quick else 1_000),
        "calls": partial(system_call_faults, 1.0 if quick else 5.0),
        "clients": partial(hostile_clients, 1_200, first=first),
        "files": partial(hanging_files, 10.0 if quick else 60.0),
        "names": names_astray,
        "once": partial(sent_once, left_out=9, races=10) if quick else sent_once,
        "readers": slow_readers,
        "truth": partial(truth, 0.5 if quick else 10.0),
        "machine": partial(machine, rules),
        "schema": partial(schema, 10 if quick else 100),
        "soak": partial(soak, minutes),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__)
    parser.add_argument(
        "--quick", "--short", action="store_true", help="the short form of everything"
    )
    parser.add_argument("--only", metavar="NAME", help="one of: " + ", ".join(runs(True, 1.0, 1)))
    parser.add_argument("--minutes", type=float, help="of the soak; 30 by default, 1 when quick")
    parser.add_argument(
        "--rules", type=int, help="of the machine; 1,000,000 by default, 2,000 when quick"
    )
    parser.add_argument(
        "--first", action="store_true", help="clients: before all other programs (needs root)"
    )
    given = parser.parse_args()
    minutes = given.minutes or (1.0 if given.quick else 30.0)
    rules = given.rules or (2_000 if given.quick else 1_000_000)
    chosen = runs(given.quick, minutes, rules, first=given.first)
    if given.only is not None and given.only not in chosen:
        parser.error(f"nothing is named {given.only}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    failed = 0
    for name, run in chosen.items():
        if given.only in (None, name):
            began = time.monotonic()
            outcome = trio.run(run)
            report.keep(name, outcome, time.monotonic() - began)
            failed += bool(outcome.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
