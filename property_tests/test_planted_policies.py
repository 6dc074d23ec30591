"""Each invariant of the alert policy's machine can fail: a planted bug violates it."""

import os

import pytest

from property_tests.planted_policies import BITES, Plant, breaks, invariants

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# A seed finds each of these in a fifth of a second; without, some take 15 s. After a change of the
# machine a seed may have to be replaced.
SOON = {
    "everything_pages": 10,
    "what_was_wrong_at_the_start_is_news": 10,
    "who_acknowledged_is_reminded": 12,
    "a_reminder_is_not_noted": 5,
    "the_end_is_told_to_everybody": 8,
    "the_end_overtakes_its_opening": 15,
    "an_opening_is_told_again_with_another_key": 10,
    "a_mute_never_ends": 2,
    "reminders_are_forgotten": 5,
    "a_refusal_is_the_last_attempt": 0,
    "reminders_pile_up": 3,
}


@pytest.mark.parametrize(
    ("plant", "invariant"), BITES, ids=lambda each: getattr(each, "__name__", "")
)
def test_the_invariant_finds(plant: Plant, invariant: str) -> None:
    assert breaks(plant, invariant, start=None if NIGHTLY else SOON.get(plant.__name__))


def test_no_invariant_is_left_without_a_bug() -> None:
    assert {invariant for _, invariant in BITES} == set(invariants())
