"""Offers and their provider agree with the oracle, whatever their checks find."""

import os

from hypothesis import HealthCheck, settings

from property_tests.offer_machine import OfferMachine

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

TestOffers = OfferMachine.TestCase
TestOffers.settings = settings(
    max_examples=5_000 if NIGHTLY else 80,
    stateful_step_count=50 if NIGHTLY else 20,
    deadline=None,
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
)
