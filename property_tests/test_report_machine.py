"""The whole tracker with proxies that report, as a state machine beside its oracle."""

import os

from hypothesis import HealthCheck, settings

from property_tests.report_machine import ReportMachine

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestReports = ReportMachine.TestCase
TestReports.settings = settings(
    max_examples=2_000 if NIGHTLY else 16,
    stateful_step_count=50 if NIGHTLY else 10,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)
