"""The whole tracker with alert targets, as a state machine."""

import os

from hypothesis import HealthCheck, settings

from property_tests.alert_machine import AlertMachine

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestAlerts = AlertMachine.TestCase
TestAlerts.settings = settings(
    max_examples=2_000 if NIGHTLY else 8,
    stateful_step_count=50 if NIGHTLY else 10,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)
