"""Quiet logs, and the rules that the state machines executed, counted over all workers."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

RULES = "executed_rules"
executed_by_workers: list[int] = []


@pytest.fixture(autouse=True)
def few_words() -> Iterator[None]:
    from tracker.testing.machine_runner import quiet  # noqa: PLC0415 (see executed_here)

    with quiet():
        yield


def executed_here() -> int:
    """Count the rules without an import: the process that only hands out tests has no machine."""
    module = sys.modules.get("tracker.testing.machine")
    return module.TrackerMachine.executed_rules() if module else 0


def pytest_sessionfinish(session: Any) -> None:
    # a worker of pytest-xdist reports to its controller
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[RULES] = executed_here()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    executed_by_workers.append(getattr(node, "workeroutput", {}).get(RULES, 0))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if executed := executed_here() + sum(executed_by_workers):
        terminalreporter.write_line(f"state machine: {executed:,} rules executed")
