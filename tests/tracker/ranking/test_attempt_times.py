"""How long an attempt is worth waiting for, and what a failure takes."""

from math import isclose
from typing import Any

import attrs
import pytest

from tracker.core.outcomes import Status
from tracker.ranking import Candidate, ExpectedCost, Ranked, Sample, lowest_latency, rank


def candidate(name: str, *failures: float | None, **more: Any) -> Candidate:
    """Make one with failures of these lengths, None for an unknown one, and a good check last."""
    failed = [Sample(False, None, 300.0 * n, failure_ms=ms) for n, ms in enumerate(failures)]
    good = Sample(True, 100.0, 300.0 * len(failed))
    blank = Candidate(provider=name, status=Status.HEALTHY, samples=(*failed, good))
    return attrs.evolve(blank, **more)


def ranked(*candidates: Candidate) -> dict[str, Ranked]:
    ranking = rank(candidates, (), None, ExpectedCost(), name="expected_cost")
    return {line.provider: line for line in ranking.ranked}


@pytest.mark.parametrize(
    ("p95", "patience"),
    [(93.0, 500.0), (250.0, 500.0), (400.0, 800.0), (5_001.0, 10_000.0), (None, 10_000.0)],
)
def test_patience_is_twice_the_p95_between_half_a_second_and_the_time_out(
    p95: float | None, patience: float
) -> None:
    assert ranked(candidate("a", p95_ms=p95))["a"].patience_ms == patience


def test_patience_never_exceeds_a_time_out_below_half_a_second() -> None:
    assert ranked(candidate("a", p95_ms=10.0, timeout_ms=300.0))["a"].patience_ms == 300.0


def test_a_failure_counts_half_after_twelve_further_ones() -> None:
    line = ranked(candidate("a", 2_000.0, *[200.0] * 12))["a"]
    newer = sum(2 ** (-age / 12) for age in range(12))
    assert line.failure_ms is not None
    assert isclose(line.failure_ms, (newer * 200.0 + 0.5 * 2_000.0) / (newer + 0.5))


def test_a_failure_of_unknown_length_lasted_until_the_time_out() -> None:
    assert ranked(candidate("a", None, timeout_ms=4_000.0))["a"].failure_ms == 4_000.0


def test_a_candidate_without_failures_borrows_those_of_the_others() -> None:
    lines = ranked(candidate("a", 200.0), candidate("b", 400.0), candidate("c"))
    assert lines["c"].failure_ms == 300.0


def test_a_borrowed_failure_takes_no_longer_than_the_own_time_out() -> None:
    lines = ranked(candidate("a", None), candidate("c", timeout_ms=2_000.0))
    assert lines["c"].failure_ms == 2_000.0


def test_if_no_candidate_failed_a_failure_takes_the_time_out() -> None:
    assert ranked(candidate("a", timeout_ms=4_000.0))["a"].failure_ms == 4_000.0


def test_the_duration_of_failures_does_not_change_the_ranking() -> None:
    """A provider that refuses at once still leaves its caller without an answer."""
    quick = ranked(candidate("refuses", *[1.0] * 6), candidate("slower", samples=(good(150.0),)))
    assert list(quick) == ["slower", "refuses"]


def good(ms: float) -> Sample:
    return Sample(True, ms, 0.0)


def test_a_policy_that_builds_its_own_lines_gets_attempt_times_as_well() -> None:
    def by_hand(candidates: tuple[Candidate, ...], incumbent: str | None) -> list[Ranked]:
        lines = lowest_latency(candidates, incumbent)
        return [attrs.evolve(line, patience_ms=None, failure_ms=None) for line in lines]

    (line,) = rank((candidate("a", 200.0, p95_ms=400.0),), (), None, by_hand, name="mine").ranked
    assert (line.patience_ms, line.failure_ms) == (800.0, 200.0)
