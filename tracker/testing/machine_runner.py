"""Runs a state machine as a plain function call."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tracker.testing.machine import TrackerMachine


def run_machine(
    machine: type[TrackerMachine] = TrackerMachine, *, max_examples: int = 50, steps: int = 20
) -> int:
    """Run ``programs`` of at most ``steps`` steps each; the same ones at every call.

    Returns how many rules were executed. Raises the failure found, usually an AssertionError, with
    the smallest failing program in its notes.
    """
    before = machine.executed_rules()
    with quiet():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=max_examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return machine.executed_rules() - before


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the logs: hours pass in a second, and each check would write a line."""
    before = structlog.get_config()
    critical = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=critical)
    try:
        yield
    finally:
        structlog.configure(**before)
