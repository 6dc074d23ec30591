"""tracker.health.check_sample: how a check counts, and what a ranking remembers of it."""

import pytest

from tracker.core.outcomes import OutcomeKind
from tracker.health.check_sample import (
    DOWN,
    LIMITED,
    NOT_COUNTED,
    UP,
    CheckSample,
    counts_as,
    to_ranking_sample,
)
from tracker.ranking.policy import Sample


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (OutcomeKind.OK, UP),
        (OutcomeKind.SERVER, DOWN),
        (OutcomeKind.RATE_LIMITED, LIMITED),
        (OutcomeKind.INTERNAL, NOT_COUNTED),
    ],
)
def test_an_outcome_counts_as_up_down_a_limit_or_nothing(kind: OutcomeKind, counted: int) -> None:
    assert counts_as(kind) == counted


def test_the_time_of_a_failure_is_no_latency_to_a_ranking() -> None:
    up = CheckSample(1.0, UP, 80.0, completions=1, ttft_ms=40.0)
    down = CheckSample(2.0, DOWN, 900.0)
    assert to_ranking_sample(up) == Sample(True, 80.0, 1.0, completion=True, ttft_ms=40.0)
    assert to_ranking_sample(down) == Sample(False, None, 2.0, failure_ms=900.0)
