"""Profiles: ``quick`` for every run, ``nightly`` for long ones (HYPOTHESIS_PROFILE=nightly)."""

import logging
import os

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tracker.testing.machine import TrackerMachine

settings.register_profile("quick", deadline=None)
settings.register_profile(
    "nightly", deadline=None, max_examples=2_000, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def quiet():
    """Hours pass in a second here, and each check writes a line."""
    before = structlog.get_config()
    critical = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=critical)
    yield
    structlog.configure(**before)


def pytest_terminal_summary(terminalreporter):
    if executed := TrackerMachine.executed_rules():
        terminalreporter.write_line(f"state machine: {executed:,} rules executed")
