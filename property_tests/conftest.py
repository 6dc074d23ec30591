"""Profiles: ``quick`` for every run, ``nightly`` for long ones (HYPOTHESIS_PROFILE=nightly)."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tracker.testing.machine import TrackerMachine
from tracker.testing.machine_runner import quiet

settings.register_profile("quick", deadline=None)
settings.register_profile(
    "nightly", deadline=None, max_examples=2_000, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def few_words():
    with quiet():
        yield


def pytest_terminal_summary(terminalreporter):
    if executed := TrackerMachine.executed_rules():
        terminalreporter.write_line(f"state machine: {executed:,} rules executed")
