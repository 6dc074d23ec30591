"""The whole tracker as a state machine on virtual time, beside its oracle."""

import os

from hypothesis import HealthCheck, settings

from property_tests.served_machine import ServedMachine

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestTracker = ServedMachine.TestCase
TestTracker.settings = settings(
    max_examples=5_000 if NIGHTLY else 40,
    stateful_step_count=50 if NIGHTLY else 10,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)
