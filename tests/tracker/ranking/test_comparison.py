"""Latencies of lists and completions are compared with their like only."""

from typing import Any

import attrs
import pytest

from tracker.core.outcomes import Status
from tracker.core.settings import RankingSettings
from tracker.ranking import Candidate, ExpectedCost, Ranked, Sample
from tracker.ranking.comparison import Basis, Comparison, Latencies


def listed(*latencies: float) -> tuple[Sample, ...]:
    return tuple(Sample(True, ms, 300.0 * n) for n, ms in enumerate(latencies))


def completed(*latencies: float) -> tuple[Sample, ...]:
    return tuple(attrs.evolve(sample, completion=True) for sample in listed(*latencies))


def candidate(
    name: str, samples: tuple[Sample, ...], related: tuple[Sample, ...] = ()
) -> Candidate:
    return Candidate(provider=name, status=Status.HEALTHY, samples=samples, related=related)


def ranked(*candidates: Candidate) -> dict[str, Ranked]:
    return {line.provider: line for line in ExpectedCost()(candidates, None)}


def test_the_latency_of_a_list_is_not_compared_with_that_of_a_completion() -> None:
    lines = ranked(candidate("list", listed(100.0)), candidate("model", completed(400.0)))
    assert lines["list"].latency_ms is None
    assert lines["list"].expected_cost_ms == lines["model"].expected_cost_ms
    assert lines["list"].reason.startswith(
        "only its model list has been timed, so assumed as slow as the slowest other, 400 ms"
    )
    assert lines["model"].reason.startswith("400 ms a completion on average lately")


def test_a_list_is_not_ranked_before_a_completion_by_name() -> None:
    lines = ranked(candidate("a", listed(100.0)), candidate("b", completed(400.0)))
    assert list(lines) == ["b", "a"]


def test_the_difference_is_estimated_from_providers_with_both() -> None:
    lines = ranked(
        candidate("list", listed(100.0)),
        candidate("both", completed(600.0), related=listed(200.0)),
        candidate("model", completed(290.0)),
    )
    assert list(lines) == ["model", "list", "both"]
    assert lines["list"].latency_ms == 300.0
    assert "estimated for a completion, from its model list" in lines["list"].reason


def test_completions_of_its_offers_stand_in_for_a_providers_own() -> None:
    lines = ranked(
        candidate("list", listed(100.0), related=completed(900.0)),
        candidate("model", completed(400.0)),
    )
    assert list(lines) == ["model", "list"]
    assert lines["list"].latency_ms == 900.0


@pytest.mark.parametrize("measured", [listed, completed])
def test_equal_measurements_are_compared_as_they_are(measured: Any) -> None:
    lines = ranked(candidate("a", measured(400.0)), candidate("b", measured(100.0)))
    assert list(lines) == ["b", "a"]
    assert lines["b"].reason.startswith("100 ms on average lately, ")


def test_the_measurement_that_all_have_is_compared() -> None:
    switched = candidate("switched", (*listed(100.0), *completed(800.0)))
    lines = ranked(switched, candidate("list", listed(200.0)))
    assert list(lines) == ["switched", "list"]
    assert lines["switched"].latency_ms == 100.0


def test_a_provider_without_latency_does_not_choose_the_measurement() -> None:
    pool = [Latencies(), Latencies(completion=400.0), Latencies(related_listing=10.0)]
    assert Comparison.of(pool) == Comparison(Basis.COMPLETION)


def first_tokens(*latencies: float) -> tuple[Sample, ...]:
    """Completions that took a second in all."""
    return tuple(
        attrs.evolve(one, latency_ms=1_000.0, ttft_ms=one.latency_ms)
        for one in completed(*latencies)
    )


def by_first_token(*candidates: Candidate) -> tuple[Ranked, ...]:
    return ExpectedCost(RankingSettings(latency="first_token"))(candidates, None)


def test_by_first_token_the_faster_is_first_if_all_have_one() -> None:
    slow_start = candidate("a", (attrs.evolve(first_tokens(900.0)[0], latency_ms=950.0),))
    lines = by_first_token(slow_start, candidate("b", first_tokens(100.0)))
    assert [line.provider for line in lines] == ["b", "a"]
    assert lines[0].reason.startswith("100 ms to the first token on average lately")


def test_by_first_token_the_total_counts_while_one_has_no_first_token() -> None:
    lines = by_first_token(candidate("a", first_tokens(100.0)), candidate("b", completed(500.0)))
    assert [(line.provider, line.latency_ms) for line in lines] == [("b", 500.0), ("a", 1_000.0)]


def test_a_first_token_that_becomes_known_changes_the_comparison() -> None:
    rank = ExpectedCost(RankingSettings(latency="first_token"))
    others = [candidate(f"c{n}", first_tokens(300.0 + n)) for n in range(20)]
    late, then = candidate("a", completed(500.0)), candidate("a", first_tokens(600.0))
    assert rank([late, *others], None)[0].provider == "a"
    again = rank([then, *others], None)
    assert (again[0].provider, again[-1].provider) == ("c0", "a")
    sooner = candidate("a", first_tokens(5.0))
    assert rank([sooner, *others], None)[0].provider == "a"


def test_by_default_the_total_latency_counts() -> None:
    lines = ExpectedCost()(
        (candidate("a", first_tokens(100.0)), candidate("b", completed(500.0))), None
    )
    assert lines[0].provider == "b"
