"""An order that is kept up to date equals the one a fresh policy makes."""

from math import isclose

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.outcomes import Status
from tracker.ranking import Candidate, ExpectedCost, FallbackRanker, Ranked, Sample
from tracker.ranking.sorted_lines import SortedLines

SIZE = 24  # so that a few changes are moved and many are sorted

samples = st.lists(
    st.builds(
        Sample,
        st.just(True),
        st.integers(1, 400).map(float) | st.none(),
        st.just(0.0),
        completion=st.booleans(),
    )
    | st.builds(Sample, st.just(False), st.none(), st.just(0.0)),
    max_size=3,
).map(tuple)
statuses = st.sampled_from([Status.HEALTHY, Status.DEGRADED])
changes = st.lists(
    st.lists(st.tuples(st.integers(0, SIZE - 1), samples, statuses), max_size=5), max_size=12
)


def timed(position: int) -> Candidate:
    return Candidate(
        provider=f"p{position:02}",
        status=Status.HEALTHY,
        samples=(Sample(True, 10.0 * (position % 7 + 1), 0.0),),
    )


@given(changes, st.sampled_from([None, "p00", "p05"]))
def test_the_order_equals_that_of_a_new_policy_whatever_changed(
    steps: list[list[tuple[int, tuple[Sample, ...], Status]]], incumbent: str | None
) -> None:
    pool, policy = [timed(n) for n in range(SIZE)], ExpectedCost()
    for step in steps:
        for position, checks, status in step:
            pool[position] = attrs.evolve(pool[position], samples=checks, status=status)
        assert policy(pool, incumbent) == ExpectedCost()(pool, incumbent)


@given(changes, st.sampled_from([None, "p00", "p05"]))
def test_a_ranking_that_was_prepared_in_steps_equals_one_made_at_once(
    steps: list[list[tuple[int, tuple[Sample, ...], Status]]], incumbent: str | None
) -> None:
    pool, policy = [timed(n) for n in range(SIZE)], ExpectedCost()
    with pytest.MonkeyPatch.context() as patch:
        for module in ("expected_cost", "sorted_lines"):
            patch.setattr(f"tracker.ranking.{module}.PREPARED_AT_ONCE", 2)
        for step in steps:
            for position, checks, status in step:
                pool[position] = attrs.evolve(pool[position], samples=checks, status=status)
            new = sum(policy not in candidate.memo for candidate in pool)
            assert len(list(policy.prepare(pool))) >= (new > 2) * SIZE / 2
            assert policy(pool, incumbent) == ExpectedCost()(pool, incumbent)


def test_ranking_a_few_does_not_change_the_order_of_all() -> None:
    pool, policy = [timed(n) for n in range(SIZE)], ExpectedCost()
    whole = policy(pool, None)
    policy(pool[:3], None)
    pool[5] = attrs.evolve(pool[5], samples=(Sample(True, 1.0, 0.0),))
    again = policy(pool, None)
    assert again[0].provider == "p05"
    kept = {id(line) for line in whole}
    assert [line.provider for line in again if id(line) not in kept] == ["p05"]


sparse = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 2 * SIZE - 1), st.sampled_from([None, None, 5.0, 70.0, 90.0, 400.0])
        ),
        min_size=1,
        max_size=3,
    ),
    max_size=15,
)


@given(sparse, st.sets(st.integers(0, 2 * SIZE - 1), max_size=5), st.booleans())
def test_the_order_equals_that_of_a_new_policy_where_some_have_no_latency(
    steps: list[list[tuple[int, float | None]]], absent: set[int], completion: bool
) -> None:
    everybody = [timed(n) for n in range(2 * SIZE)]
    policy = ExpectedCost()
    for step in [[], *steps]:
        for position, latency in step:
            absent.symmetric_difference_update({position} if position % 5 == 0 else ())
            checks = (Sample(True, latency, 0.0, completion=completion and position % 2 == 0),)
            everybody[position] = attrs.evolve(everybody[position], samples=checks)
        pool = [each for n, each in enumerate(everybody) if n not in absent]
        assert policy(pool, None) == ExpectedCost()(pool, None)


def test_one_without_a_latency_does_not_have_all_sorted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, policy = [timed(n) for n in range(SIZE)], ExpectedCost()
    pool[3] = attrs.evolve(pool[3], samples=(Sample(True, None, 0.0),))
    policy(pool, None)
    monkeypatch.setattr(SortedLines, "of", None)  # sorting all would fail
    for latency in (400.0, 1.0, None, 5.0):  # the slowest, and no longer
        pool[5] = attrs.evolve(pool[5], samples=(Sample(True, latency, 0.0),))
        changed = policy(pool, None)
        assert changed == tuple(sorted(changed, key=lambda each: each.expected_cost_ms or 0.0))


def test_weights_are_computed_when_they_are_read() -> None:
    ranking = FallbackRanker()([timed(n) for n in range(SIZE)], (), None)
    assert {line.weight for line in ranking.ordered} == {0.0}
    assert isclose(sum(line.weight for line in ranking.ranked), 1.0)
    assert ranking.ranked is ranking.ranked


def test_the_shipped_policies_obey_the_rules_for_user_policies() -> None:
    """Their answers are not checked at run time, so that is done here."""
    pool = [timed(n) for n in range(SIZE)]
    answer: tuple[Ranked, ...] = FallbackRanker()(pool, (), "p03").ranked
    assert sorted(line.provider for line in answer) == [each.provider for each in pool]


comings = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=4), max_size=12)


@given(comings, st.sets(st.integers(0, SIZE - 1), max_size=SIZE))
def test_the_order_equals_that_of_a_new_policy_after_additions_and_removals(
    steps: list[list[int]], with_both: set[int]
) -> None:
    present, policy = dict.fromkeys(range(SIZE)), ExpectedCost()
    everybody = [timed(n) for n in range(SIZE)]
    for n in with_both:
        completion = Sample(True, 500.0 - 9.0 * n, 0.0, completion=True)
        everybody[n] = attrs.evolve(everybody[n], samples=(*everybody[n].samples, completion))
    for step in steps:
        for position in step:
            if position in present:
                del present[position]
            else:
                present[position] = None
        pool = [everybody[position] for position in sorted(present)]
        assert policy(pool, None) == ExpectedCost()(pool, None)
