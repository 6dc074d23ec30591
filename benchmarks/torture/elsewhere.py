"""Long forms of what stands elsewhere: the state machine's rules, and the API by its document."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import schemathesis
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from benchmarks.torture.numbered import numbered, urls
from benchmarks.torture.report import Outcome
from benchmarks.torture.served import ROOT, TOKEN, served
from tracker.testing import simulated_provider

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
NEVER_ENDS = "/api/providers/events"


async def machine(rules: int) -> Outcome:
    """The count is the machine's own, of as many processes as there are cores."""
    command = [sys.executable, "-m", "property_tests.count", "--rules", str(rules)]
    command += ["--processes", str(len(os.sched_getaffinity(0)))]
    done = await trio.run_process(
        command, cwd=ROOT, capture_stdout=True, stderr=subprocess.STDOUT, check=False
    )
    lines = done.stdout.decode().strip().splitlines() or ["it said nothing"]
    if done.returncode == 0:
        return Outcome({"said": lines[-1], "exit_code": 0})
    sys.stderr.buffer.write(done.stdout)  # the program that led to it is what is wanted
    said = next((line for line in lines if "Error: " in line), lines[-1])
    return Outcome({"said": said, "exit_code": done.returncode}, (said,))


async def schema(examples: int) -> Outcome:
    """Schemathesis against a real process: so many cases of each operation and mode."""
    with tempfile.TemporaryDirectory() as folder:
        async with numbered(2) as providers, simulated_provider("good") as good:
            watched = {**urls(providers), "good": good.base_url, "a,b ü": good.base_url}
            async with served(Path(folder), watched) as server:
                await trio.sleep(1.0)
                cases, wrong = await trio.to_thread.run_sync(fuzz, server.url, examples)
                health = await server.health()
                code, _ = await server.end()
    crashes = server.said.count(b"Traceback")
    figures = {
        "operations": len(cases),
        "cases": cases.total(),
        "violations": len(wrong),
        "tracebacks_in_the_log": crashes,
        "tracker_afterwards": health["status"],
        "exit_code": code,
    }
    if crashes:
        wrong.append(f"{crashes} tracebacks")
    return Outcome(figures, tuple(wrong))


def fuzz(url: str, examples: int) -> tuple[Counter[str], list[str]]:
    """Cases by operation, and what violated the document."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json").exclude(path=NEVER_ENDS)
    cases, wrong = Counter[str](), []
    for found in document.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            try:
                with suppress(Unsatisfiable):  # without parameters it cannot be asked wrongly
                    _fuzz(operation, mode, examples, cases)
            except Exception as error:  # noqa: BLE001 (each is told)
                wrong.append(f"{operation.label}: {error}"[:500])
    return cases, wrong


def checks_left_out(path: str) -> list[Any]:
    """Return the checks of schemathesis that do not hold there, as no schema can say why."""
    found = [not_a_server_error]  # 503 is an answer: nothing is usable
    if path == "/api/reports":
        found.append(negative_data_rejection)  # a bad report alone is refused, by name
    if "/history" in path or path.endswith("/changes"):
        found.append(positive_data_acceptance)  # since must be before until
    if path == "/api/providers/best":
        found.append(positive_data_acceptance)  # a vantage cannot be combined with filters
    return found


def _fuzz(operation: Any, mode: GenerationMode, examples: int, cases: Counter[str]) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        cases[operation.label] += 1
        response = case.call(headers=HEADERS)
        excluded = checks_left_out(case.operation.path)
        case.validate_response(response, headers=HEADERS, excluded_checks=excluded)
        nobody_usable = case.operation.path == "/api/providers/best"
        assert response.status_code < 500 or (response.status_code == 503 and nobody_usable)

    each()
