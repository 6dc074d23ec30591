"""Quiet logs, and the rules that the state machines executed, counted over all workers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tracker.testing.machine import TrackerMachine
from tracker.testing.machine_runner import quiet

RULES = "executed_rules"
executed_by_workers: list[int] = []


@pytest.fixture(autouse=True)
def few_words() -> Iterator[None]:
    with quiet():
        yield


def pytest_sessionfinish(session: Any) -> None:
    # a worker of pytest-xdist reports to its controller
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[RULES] = TrackerMachine.executed_rules()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    executed_by_workers.append(getattr(node, "workeroutput", {}).get(RULES, 0))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if executed := TrackerMachine.executed_rules() + sum(executed_by_workers):
        terminalreporter.write_line(f"state machine: {executed:,} rules executed")
