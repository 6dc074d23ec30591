"""The kit on the policies that come with the tracker, and on five wrong ones that it must catch."""

from itertools import count
from typing import Any

import attrs
import pytest

from tracker.core.settings import RankingSettings
from tracker.ranking import Candidate, ExpectedCost, Ranked, load_policy, lowest_latency
from tracker.testing import PolicyProperty, PropertyViolation, check_policy
from tracker.testing.policy_kit import ALL, KEPT


@pytest.mark.parametrize("name", KEPT)
def test_shipped_policies_keep_their_promises(name: str) -> None:
    check_policy(load_policy(name), promises=KEPT[name], max_examples=30)


@pytest.mark.parametrize("half_life", [1.0, 100.0])
def test_the_default_keeps_them_with_any_half_life(half_life: float) -> None:
    settings = RankingSettings(half_life_checks=half_life, memory_checks=3)
    promises = {
        PolicyProperty.FASTER,
        PolicyProperty.MENDED,
        PolicyProperty.FAILED,
        PolicyProperty.MARGIN,
    }
    check_policy(ExpectedCost(settings), promises=promises, max_examples=30)


def forgets_one(candidates: Any, incumbent: Any) -> Any:
    return lowest_latency(candidates, incumbent)[: max(1, len(candidates) - 1)]


def forgets_its_margin(candidates: Any, incumbent: Any) -> Any:
    return ExpectedCost()(candidates, None)


def ignores_tiers(candidates: Any, incumbent: Any) -> list[Any]:
    return sorted(lowest_latency(candidates, incumbent), key=lambda line: line.latency_ms or 0.0)


def stands_as_it_was_given(candidates: Any, incumbent: Any) -> Any:
    return tuple(candidate.placed("") for candidate in sorted(candidates, key=lambda c: c.tier))


def prefers_the_slow(candidates: Any, incumbent: Any) -> list[Any]:
    def key(line: Ranked) -> tuple[Any, ...]:
        return line.status.value != "healthy", -(line.latency_ms or 0.0), line.provider

    return sorted(lowest_latency(candidates, incumbent), key=key)


def makes_numbers_up(candidates: Any, incumbent: Any) -> list[Any]:
    lines = lowest_latency(candidates, incumbent)
    return [attrs.evolve(line, reason=f"{line.reason}, 42.5 ms at best") for line in lines]


def changes_its_mind(candidates: Any, incumbent: Any, times: Any = count()) -> Any:
    lines = lowest_latency(candidates, incumbent)
    return lines if next(times) % 2 else lines[::-1]


@pytest.mark.parametrize(
    ("policy", "promise"),
    [
        (forgets_one, PolicyProperty.COMPLETE),
        (forgets_its_margin, PolicyProperty.MARGIN),
        (ignores_tiers, PolicyProperty.TIERS),
        (stands_as_it_was_given, PolicyProperty.UNORDERED),
        (prefers_the_slow, PolicyProperty.FASTER),
        (makes_numbers_up, PolicyProperty.EXPLAINED),
        (changes_its_mind, PolicyProperty.PURE),
    ],
)
def test_a_wrong_policy_is_caught(policy: Any, promise: Any) -> None:
    with pytest.raises(PropertyViolation, match=r"^broken promise: ") as caught:
        check_policy(policy, promises={promise}, max_examples=100)
    told = str(caught.value)
    assert told.startswith(f"broken promise: {promise.value}\n")
    assert told.count("newest last") <= 2  # small: two candidates show every one of these


def test_a_policy_that_raises_is_caught_with_its_error() -> None:
    def fails(candidates: list[Candidate], incumbent: str | None) -> None:
        raise KeyError("groq")

    with pytest.raises(PropertyViolation, match="KeyError: 'groq'"):
        check_policy(fails, promises={PolicyProperty.TIERS}, max_examples=5)


def test_every_promise_has_a_shipped_policy_that_keeps_it() -> None:
    assert frozenset().union(*KEPT.values()) == ALL
