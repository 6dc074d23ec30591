"""The policy of the alerts as a state machine."""

import os

from hypothesis import HealthCheck, settings

from property_tests.policy_machine import PolicyMachine

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestPolicy = PolicyMachine.TestCase
TestPolicy.settings = settings(
    max_examples=2_000 if NIGHTLY else 25,
    stateful_step_count=50 if NIGHTLY else 20,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)
