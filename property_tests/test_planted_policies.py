"""Each invariant of the alert policy's machine can fail: a planted bug violates it."""

import os

import pytest

from property_tests.planted_policies import BITES, Plant, breaks, invariants

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
LONG = {"the_end_is_told_to_everybody"}  # another bug violates the same invariant sooner


@pytest.mark.parametrize(
    ("plant", "invariant"), BITES, ids=lambda each: getattr(each, "__name__", "")
)
def test_the_invariant_finds(plant: Plant, invariant: str) -> None:
    if plant.__name__ in LONG and not NIGHTLY:
        pytest.skip("takes long: HYPOTHESIS_PROFILE=nightly")
    assert breaks(plant, invariant)


def test_no_invariant_is_left_without_a_bug() -> None:
    assert {invariant for _, invariant in BITES} == set(invariants())
