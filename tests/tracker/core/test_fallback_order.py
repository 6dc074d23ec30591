"""The order in which a caller falls through providers."""

from itertools import permutations
from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.factories import START
from tracker.core.fallback_order import order_attempts
from tracker.core.outcomes import Status
from tracker.core.ranking import Excluded, Ranked, Ranking


def line(
    name: str, latency: float | None, failed: float | None, failure: float | None = 1_000.0
) -> Ranked:
    return Ranked(
        provider=name,
        status=Status.HEALTHY,
        expected_cost_ms=None,
        failure_probability=failed,
        latency_ms=latency,
        samples=1,
        last_check=START,
        reason="",
        failure_ms=failure,
    )


def names(*lines: Ranked) -> list[str]:
    return [each.provider for each in order_attempts(lines)]


def chain_time(chain: tuple[Ranked, ...]) -> float:
    """Return the mean time until an answer or the end of the chain."""
    total, reached = 0.0, 1.0
    for each in chain:
        failed = each.failure_probability or 0.0
        answered = (1.0 - failed) * (each.latency_ms or 0.0)
        total += reached * (answered + failed * (each.failure_ms or 0.0))
        reached *= failed
    return total


lines = st.builds(
    line,
    st.just("any"),
    st.floats(1.0, 5_000.0),
    st.floats(0.001, 0.95),
    st.floats(1.0, 10_000.0),
)


@given(st.lists(lines, min_size=1, max_size=5))
def test_no_other_order_of_a_chain_takes_less_time(attempts: list[Ranked]) -> None:
    best = min(chain_time(chain) for chain in permutations(attempts))
    assert isclose(chain_time(tuple(order_attempts(attempts))), best, rel_tol=1e-9)


def test_a_provider_that_fails_at_once_is_tried_before_one_that_hangs() -> None:
    refuses, hangs = line("refuses", 100.0, 0.2, 50.0), line("hangs", 90.0, 0.2, 10_000.0)
    assert names(hangs, refuses) == ["refuses", "hangs"]


def test_equal_providers_keep_the_order_of_the_ranking() -> None:
    assert names(line("b", 100.0, 0.1), line("a", 100.0, 0.1)) == ["b", "a"]


def test_a_provider_that_always_fails_is_last() -> None:
    assert names(line("a", 1.0, 1.0), line("b", 9_000.0, 0.9)) == ["b", "a"]


def test_the_order_of_a_policy_without_probabilities_is_kept() -> None:
    assert names(line("b", 900.0, 0.1), line("a", 100.0, None)) == ["b", "a"]


def test_alternatives_leave_out_the_best_and_take_an_unknown_latency_for_the_slowest() -> None:
    ranking = Ranking(
        reason="",
        ranked=(
            line("best", 500.0, 0.01),
            line("odd", None, 0.01),
            line("slow", 450.0, 0.01),
            line("quick", 400.0, 0.01),
        ),
    )
    assert ranking.alternatives == ("quick", "slow", "odd")


def test_the_last_resort_has_all_that_may_answer_with_those_down_last() -> None:
    def out(name: str, status: Status, seconds: int | None, *, may_answer: bool = True) -> Excluded:
        until = None if seconds is None else START.replace(second=seconds)
        return Excluded(provider=name, reason="", until=until, status=status, may_answer=may_answer)

    ranking = Ranking(
        reason="",
        excluded=(
            out("down", Status.DOWN, 1),
            out("refused", Status.DEGRADED, 1, may_answer=False),
            out("limited_without_reset", Status.DEGRADED, None),
            out("limited_longer", Status.DEGRADED, 30),
            out("limited", Status.DEGRADED, 5),
            out("stale", Status.UNKNOWN, 1),
        ),
    )
    assert ranking.last_resort == (
        "limited",
        "limited_longer",
        "limited_without_reset",
        "stale",
        "down",
    )
