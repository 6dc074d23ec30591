"""Faults of the real process, each for moments; ``make torture`` has the same for long.

The wall clock is moved there only: a pace is judged, which a busy machine spoils. On virtual time
tests/tracker/runtime/test_service.py and the state machine move it.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from benchmarks.torture.damage import FAULTS, can_mount
from benchmarks.torture.database import try_fault
from benchmarks.torture.files import hanging_files
from benchmarks.torture.kills import kills
from benchmarks.torture.names import can_mount_hosts, names_astray
from benchmarks.torture.numbered import Sequence
from benchmarks.torture.odd_databases import QUICK_CASES, odd_databases
from benchmarks.torture.once import sent_once
from benchmarks.torture.process import (
    log_on_a_full_disk,
    out_of_descriptors,
    starved,
    stopped,
    terminated,
    unhurried,
)
from benchmarks.torture.served import COMMAND, environment
from tracker.core.patient_reader import READ_SECONDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, prlimit and SIGSTOP")
AT_ONCE = 3  # processes: more would take the time from each other


async def all_of(trials: Any) -> Any:
    """What was wrong, by trial; each is called with nothing."""
    limit, wrong = trio.CapacityLimiter(AT_ONCE), {}

    async def run(name: str, trial: Any) -> None:
        async with limit:
            wrong[name] = (await trial())[1]

    async with trio.open_nursery() as nursery:
        for name, trial in trials.items():
            nursery.start_soon(run, name, trial)
    return wrong


async def test_the_database_may_go_away_in_any_way_and_nothing_is_lost() -> None:
    faults = {n: f for n, f in FAULTS.items() if not f.on_tmpfs or can_mount()}
    wrong = await all_of({n: partial(try_fault, f, 1.0) for n, f in faults.items()})
    assert wrong == {name: [] for name in faults}


async def test_kill_9_loses_nothing_that_was_acknowledged() -> None:
    outcome = await kills(5, lanes=1)
    assert outcome.wrong == ()
    assert outcome.figures["acknowledged"] > 0


async def test_no_provider_is_blamed_for_faults_of_our_process(tmp_path: Path) -> None:
    trials: dict[str, Any] = {
        "SIGTERM": terminated,
        "SIGSTOP": partial(stopped, seconds=3.0),
        "starved": partial(starved, seconds=3.0),
        "no descriptors": partial(out_of_descriptors, seconds=2.0),
        "log on a full disk": log_on_a_full_disk,
    }
    homes = {name: tmp_path / name for name in trials}
    for home in homes.values():
        home.mkdir()
    wrong = await all_of({n: partial(unhurried, t, homes[n]) for n, t in trials.items()})
    assert wrong == {name: [] for name in trials}


@pytest.mark.parametrize(
    ("numbers", "lost", "out_of_order"),
    [
        ((1, 2, 3), 0, 0),
        ((4, 5), 0, 0),  # what was before the first row is not asked for
        ((1, 4), 2, 0),
        ((1, None, 3), 0, 0),  # a check that timed out used a number up
        ((1, None, 4), 1, 0),
        ((1, 2, 2), 0, 1),
        ((2, 1), 0, 1),
    ],
)
def test_the_trials_notice_a_missing_result(numbers: Any, lost: int, out_of_order: int) -> None:
    """Without this, the trials above could not fail."""
    rows = [(n, "p", "" if n is None else f"500: answer {n}") for n in numbers]
    found = Sequence.of(rows)
    assert (found.lost, found.out_of_order) == (lost, out_of_order)


@pytest.mark.skipif(not can_mount_hosts(), reason="needs root and unshare")
async def test_no_resolved_name_redirects_checks_or_keeps_a_status_alive() -> None:
    outcome = await names_astray(every=5)  # tests/tracker/core/test_addresses.py: each of them
    assert outcome.wrong == ()
    assert all(row["passed"] for row in outcome.figures.values())


async def test_each_request_is_sent_once_and_counted_whatever_its_answer() -> None:
    outcome = await sent_once(4, left_out=19, races=6)
    assert outcome.wrong == ()
    assert outcome.figures["GET"] == outcome.figures["POST"] > 100


async def test_hanging_files_are_reported_and_read_again_once_they_answer() -> None:
    # An answer that waited for a file would take READ_SECONDS; a busy machine takes less.
    outcome = await hanging_files(3.0, answer_ms=READ_SECONDS * 1_000.0)
    assert outcome.wrong == ()


def test_a_configuration_file_that_hangs_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tracker.toml").write_text('[providers.groq]\nca_file = "pipe"\n')
    for file in ("pipe", "tracker.toml"):
        command = [*COMMAND, "config", "check", "--config", file]
        run = subprocess.run(
            command, cwd=tmp_path, env=environment(tmp_path), check=False, capture_output=True
        )
        assert run.returncode == 2
        assert b"hung for" in run.stderr or b"it is a named pipe" in run.stderr


async def test_odd_databases_are_survived_by_a_real_server() -> None:
    outcome = await odd_databases(QUICK_CASES[1:5])
    assert not outcome.wrong
    assert outcome.figures["databases"] == 4
