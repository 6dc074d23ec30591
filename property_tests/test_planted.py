"""The state machine finds what it is for: see docs/planted-bugs.md."""

import os
from typing import Any

import pytest

from property_tests.planted import BUGS, hunt

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# The others need thousands of rules: see the nightly run and ``python -m property_tests.planted``.
# Each of these has a seed that finds it within seconds; after a change of the machine the seed may
# have to be replaced.
SOON = {
    "failures_are_never_forgotten": 18,
    "windows_keep_one_check_too_many": None,
    "what_could_not_be_written_is_forgotten": 18,
    "a_model_that_is_gone_is_held_against_its_provider": 3,
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_the_machine_finds(bug: Any) -> None:
    if not (NIGHTLY or bug.__name__ in SOON):
        pytest.skip("takes long: HYPOTHESIS_PROFILE=nightly")
    start = None if NIGHTLY else SOON[bug.__name__]
    found = hunt(bug, minimise=NIGHTLY, start=start)
    assert found is not None
    if NIGHTLY:
        assert len(found.steps) <= 6, found.steps
