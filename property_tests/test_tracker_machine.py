"""The whole tracker as a state machine on virtual time, beside its oracle."""

import os

from hypothesis import HealthCheck, settings

from property_tests.served_machine import ServedMachine
from tracker.testing.provider_behavior import ProviderBehavior

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestTracker = ServedMachine.TestCase
TestTracker.settings = settings(
    max_examples=5_000 if NIGHTLY else 40,
    stateful_step_count=50 if NIGHTLY else 10,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)


def test_who_asks_an_actor_that_was_given_up_gets_a_check() -> None:
    """The machine comes to it once in a hundred thousand rules."""
    machine = ServedMachine()
    try:
        while machine.world.tracker.health().actors["a"].state != "given up":
            machine.an_actor_crashes("a")
            machine.time_passes(90.0)
        machine.somebody_asks_for_checks("a", [ProviderBehavior.OK, ProviderBehavior.OK])
        assert machine.world.tracker.health().actors["a"].state == "running"
        machine.nothing_is_lost_or_stored_twice_or_kept_too_long()
        machine.everything_is_as_the_oracle_says()
    finally:
        machine.teardown()
