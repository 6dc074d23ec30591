"""Each shipped policy by hand-worked numbers."""

import gc
import re
import weakref
from math import isclose
from pathlib import Path
from typing import Any

import attrs
import pytest

from tracker.core.outcomes import Status
from tracker.core.settings import RankingSettings
from tracker.ranking import (
    Candidate,
    ExpectedCost,
    PeakEwma,
    Sample,
    load_policy,
    lowest_latency,
)
from tracker.ranking.load import SHIPPED


def candidate(
    name: str, *checks: Any, status: Any = None, timeout_ms: float = 10_000.0
) -> Candidate:
    """checks: latencies, "fail" for a failure, None for an ok whose latency is unknown."""
    samples = tuple(
        Sample(ms != "fail", None if ms == "fail" else ms, 300.0 * n) for n, ms in enumerate(checks)
    )
    run = next((n for n, s in enumerate(reversed(samples)) if s.ok), len(samples))
    judged = Status.DEGRADED if run else Status.HEALTHY
    return Candidate(
        provider=name,
        status=status or judged,
        samples=samples,
        consecutive_failures=run,
        timeout_ms=timeout_ms,
    )


def order(ranked: Any) -> list[Any]:
    return [line.provider for line in ranked]


def test_one_check_costs_its_latency_and_the_prior_risk_of_a_timeout() -> None:
    (line,) = ExpectedCost()([candidate("openai", 93.0)], None)
    risk = 0.25 / 51.0
    assert line.failure_probability == risk
    assert line.latency_ms == 93.0
    assert isclose(line.expected_cost_ms, (1 - risk) * 93.0 + risk * 10_000.0, abs_tol=1e-6)


def test_a_latency_counts_half_after_twelve_further_ones() -> None:
    (line,) = ExpectedCost()([candidate("a", 400.0, *[100.0] * 12)], None)
    newer = sum(2 ** (-age / 12) for age in range(12))
    assert isclose(line.latency_ms, (newer * 100.0 + 0.5 * 400.0) / (newer + 0.5), abs_tol=1e-6)


def test_only_the_last_96_good_replies_make_the_latency() -> None:
    (line,) = ExpectedCost()([candidate("a", 9_000.0, *[100.0] * 96)], None)
    assert line.latency_ms == 100.0


def test_a_past_failure_fades_with_the_same_half_life() -> None:
    (line,) = ExpectedCost()([candidate("a", "fail", *[100.0] * 12)], None)
    checks = sum(2 ** (-age / 12) for age in range(13))
    assert isclose(line.failure_probability, (0.25 + 0.5) / (50 + checks))


@pytest.mark.parametrize(("failures", "chance"), [(1, 1 / 3), (2, 1 / 4), (7, 1 / 9)])
def test_after_n_failures_the_chance_of_success_is_one_in_n_plus_two(
    failures: int, chance: float
) -> None:
    (line,) = ExpectedCost()([candidate("a", 100.0, *["fail"] * failures)], None)
    assert isclose(1.0 - line.failure_probability, chance)
    assert isclose(line.expected_cost_ms, chance * 100.0 + (1 - chance) * 10_000.0, abs_tol=1e-6)


def test_a_failure_costs_the_providers_own_timeout() -> None:
    cheap, dear = candidate("b", 100.0, timeout_ms=2_000.0), candidate("a", 100.0)
    lines = ExpectedCost()([dear, cheap], None)
    assert order(lines) == ["b", "a"]
    assert lines[1].expected_cost_ms - lines[0].expected_cost_ms == pytest.approx(8_000 * 0.25 / 51)


def test_a_reply_slower_than_the_timeout_is_a_failure() -> None:
    (line,) = ExpectedCost()([candidate("a", 100.0, 19_500.0)], None)
    assert line.latency_ms == 100.0
    assert line.failure_probability > 1.0 / 52.0


def test_a_healthy_provider_is_ranked_before_a_cheaper_degraded_one() -> None:
    lines = ExpectedCost()(
        [candidate("a", 10.0, status=Status.DEGRADED), candidate("b", 900.0)], None
    )
    assert order(lines) == ["b", "a"]


def test_equal_costs_are_ordered_by_name() -> None:
    lines = ExpectedCost()([candidate("b", 100.0), candidate("a", 100.0)], None)
    assert order(lines) == ["a", "b"]


# With one check the risk is 0.25 / 51, so a cost is 0.9951 × latency + 49.02.
@pytest.mark.parametrize(
    ("challenger", "winner"),
    [
        (900.0, "incumbent"),  # 100 ms, but less than 10 % of 1,044
        (890.0, "challenger"),
        (999.0, "incumbent"),
    ],
)
def test_the_incumbent_stays_unless_beaten_by_a_tenth(challenger: float, winner: str) -> None:
    asked = [candidate("challenger", challenger), candidate("incumbent", 1_000.0)]
    assert ExpectedCost()(asked, "incumbent")[0].provider == winner


@pytest.mark.parametrize(("challenger", "winner"), [(12.0, "incumbent"), (8.0, "challenger")])
def test_the_incumbent_stays_unless_beaten_by_ten_milliseconds(
    challenger: float, winner: str
) -> None:
    asked = [candidate("challenger", challenger), candidate("incumbent", 20.0)]
    assert ExpectedCost()(asked, "incumbent")[0].provider == winner


def test_the_margins_are_settings() -> None:
    asked = [candidate("challenger", 99.0), candidate("incumbent", 100.0)]
    settings = RankingSettings(switch_margin=0.0, switch_margin_ms=0.5)
    assert ExpectedCost(settings)(asked, "incumbent")[0].provider == "challenger"


def test_a_degraded_incumbent_does_not_stay_before_a_healthy_provider() -> None:
    asked = [candidate("a", 10.0, "fail"), candidate("b", 900.0)]
    assert order(ExpectedCost()(asked, "a")) == ["b", "a"]


def test_a_provider_that_never_answered_counts_as_slow_as_the_slowest() -> None:
    asked = [candidate("a", 100.0), candidate("b", 700.0), candidate("c", None)]
    lines = {line.provider: line for line in ExpectedCost()(asked, None)}
    assert lines["c"].latency_ms is None
    assert lines["c"].expected_cost_ms == lines["b"].expected_cost_ms
    assert "as slow as the slowest other, 700 ms" in lines["c"].reason


def test_a_borrowed_latency_takes_no_place_from_a_measured_one() -> None:
    held = candidate("b", "fail", 1_220.0, status=Status.DEGRADED)
    asked = [candidate("a", status=Status.DEGRADED), held]
    assert order(ExpectedCost()(asked, None)) == ["a", "b"]
    assert order(ExpectedCost()(asked, "b")) == ["b", "a"]


def test_costs_are_finite_if_no_provider_ever_answered() -> None:
    lines = ExpectedCost()([candidate("a", "fail"), candidate("b")], None)
    assert [(line.provider, line.latency_ms) for line in lines] == [("b", None), ("a", None)]
    assert lines[0].expected_cost_ms == pytest.approx(5_000 + 0.005 * 5_000)


def test_a_cached_estimate_equals_that_of_a_new_policy() -> None:
    policy = ExpectedCost()
    first = candidate("a", 100.0, 200.0)
    policy([first], None)
    second = attrs.evolve(first, samples=(*first.samples, Sample(True, 900.0, 900.0)))
    assert policy([second], None) == ExpectedCost()([second], None)
    assert policy([first], None) == ExpectedCost()([first], None)


@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        (
            (93.0,),
            "93 ms on average lately, no recent failure (0.49 % risk of a 10 s time-out), "
            "expected time 141.6 ms",
        ),
        (
            ("fail", 93.0),
            "93 ms on average lately, with recent failures (2.3 % risk of a 10 s time-out), "
            "expected time 320.7 ms",
        ),
        (
            (93.0, "fail", "fail"),
            "its last 2 checks failed, so the next call has a 25 % chance; "
            "93 ms on average lately, or a 10 s time-out, expected time 7523.2 ms",
        ),
    ],
)
def test_the_reason_has_the_numbers_that_decided(checks: Any, reason: str) -> None:
    (line,) = ExpectedCost()([candidate("a", *checks)], None)
    assert line.reason == reason


def test_lowest_latency_uses_the_last_good_check_of_healthy_providers() -> None:
    asked = [
        candidate("a", 10.0, status=Status.DEGRADED),
        candidate("b", 50.0, 300.0),
        candidate("c", 900.0, 200.0),
        candidate("d"),
    ]
    lines = lowest_latency(asked, "b")
    assert [(line.provider, line.latency_ms) for line in lines] == [
        ("c", 200.0),
        ("b", 300.0),
        ("d", None),
        ("a", 10.0),
    ]


def test_peak_ewma_jumps_to_a_worse_check_and_decays_to_a_better_one() -> None:
    policy = PeakEwma(RankingSettings(half_life_checks=1.0))
    asked = [candidate("up", 100.0, 500.0), candidate("down", 500.0, 100.0)]
    costs = {line.provider: line.expected_cost_ms for line in policy(asked, None)}
    assert costs == {"down": 300.0, "up": 500.0}


def test_peak_ewma_counts_a_failure_as_a_whole_timeout() -> None:
    policy = PeakEwma(RankingSettings(half_life_checks=1.0))
    (line,) = policy([candidate("a", 100.0, "fail", 100.0)], None)
    assert line.expected_cost_ms == 5_050.0


@pytest.mark.parametrize("name", SHIPPED)
def test_a_policy_keeps_no_candidate_that_was_removed(name: str) -> None:
    policy = load_policy(name)
    asked = [candidate("a", 100.0, 200.0), candidate("b")]
    policy(asked, None)
    past = [weakref.ref(each) for each in asked]
    del asked
    policy([candidate("c", 100.0), candidate("d")], None)  # the last pool may be kept to compare
    gc.collect()
    assert [each() for each in past] == [None, None]


def test_the_policy_in_the_docs_keeps_its_promises() -> None:
    page = Path(__file__).parents[3] / "docs" / "ranking.md"
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    for snippet in snippets:
        exec(snippet, names)
    slow, fast = candidate("a", 300.0, 100.0, 300.0), candidate("b", 200.0, 900.0, 200.0)
    assert order(names["steady"]([slow, fast], None)) == ["b", "a"]
    names["test_steady_keeps_its_promises"]()
