"""The status from all vantages: properties, and the cases of the contract."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.outcomes import Status
from tracker.health.quorum import Verdict, Vote, cluster_verdict, suspect_vantages

UP, SLOW, DOWN, UNKNOWN = Status.HEALTHY, Status.DEGRADED, Status.DOWN, Status.UNKNOWN
statuses = st.sampled_from(Status)
vote_lists = st.lists(st.tuples(statuses, st.booleans()), max_size=7).map(
    lambda rows: [Vote(vantage=f"v{n}", status=s, fresh=f) for n, (s, f) in enumerate(rows)]
)


def votes(*seen: Status) -> list[Vote]:
    return [Vote(vantage=f"v{n}", status=status) for n, status in enumerate(seen, 1)]


def test_one_of_three_is_degraded_and_named() -> None:
    verdict = cluster_verdict(votes(DOWN, UP, UP), None)
    assert verdict == Verdict(status=SLOW, reason="down from v1 (1 of 3)")


def test_a_majority_is_down() -> None:
    verdict = cluster_verdict(votes(DOWN, UP, DOWN), None)
    assert verdict == Verdict(status=DOWN, reason="down from v1, v3 (2 of 3)")


def test_one_of_two_is_no_majority() -> None:
    assert cluster_verdict(votes(DOWN, UP), None).status is SLOW


def test_a_single_vantage_decides_and_the_answer_says_so() -> None:
    verdict = cluster_verdict(votes(DOWN), None)
    assert verdict == Verdict(status=DOWN, reason="down from v1 alone")


def test_a_provider_that_no_vantage_has_checked_is_unknown() -> None:
    assert cluster_verdict([], None).status is UNKNOWN


def test_the_quorum_can_be_configured() -> None:
    seen = votes(DOWN, DOWN, UP, UP, UP)
    assert [cluster_verdict(seen, n).status for n in (None, 2, 3)] == [SLOW, DOWN, SLOW]


@given(seen=vote_lists, order=st.randoms())
def test_the_order_of_votes_changes_nothing(seen: list[Vote], order: Random) -> None:
    shuffled = list(seen)
    order.shuffle(shuffled)
    assert cluster_verdict(seen, None) == cluster_verdict(shuffled, None)


@given(seen=vote_lists, stale=statuses)
def test_stale_suspect_and_unknown_views_have_no_vote(seen: list[Vote], stale: Status) -> None:
    more = [
        Vote(vantage="stale", status=stale, fresh=False),
        Vote(vantage="suspect", status=stale),
        Vote(vantage="unknown", status=UNKNOWN),
    ]
    without = cluster_verdict(seen, None)
    assert cluster_verdict([*seen, *more], None, frozenset({"suspect"})) == without


@given(seen=vote_lists, down_from=st.one_of(st.none(), st.integers(1, 7)), index=st.integers(0, 6))
def test_one_more_that_sees_it_down_never_makes_it_better(
    seen: list[Vote], down_from: int | None, index: int
) -> None:
    worse = [
        Vote(vantage=v.vantage, status=DOWN, fresh=v.fresh)
        if n == index and v.status is not UNKNOWN
        else v
        for n, v in enumerate(seen)
    ]
    badness = [UP, SLOW, DOWN]
    before, after = cluster_verdict(seen, down_from), cluster_verdict(worse, down_from)
    if UNKNOWN not in {before.status, after.status}:
        assert badness.index(after.status) >= badness.index(before.status)


def seen_by(*rows: tuple[str, str]) -> dict[str, list[Vote]]:
    """Providers with their votes: "v1 v2 v3" as letters d(own), u(p), x (unknown)."""
    letters = {"d": DOWN, "u": UP, "x": UNKNOWN}
    return {
        provider: [
            Vote(vantage=f"v{n}", status=letters[letter]) for n, letter in enumerate(word, 1)
        ]
        for provider, word in rows
    }


def test_a_vantage_that_alone_sees_most_of_its_providers_down_is_suspect() -> None:
    rows = [("a", "duu"), ("b", "duu"), ("c", "duu"), ("d", "uuu")]
    assert suspect_vantages(seen_by(*rows)) == {"v1"}


def test_half_or_few_of_the_providers_down_make_no_vantage_suspect() -> None:
    assert not suspect_vantages(seen_by(("a", "du"), ("b", "du"), ("c", "uu"), ("d", "uu")))
    assert not suspect_vantages(seen_by(("a", "du"), ("b", "du"), ("c", "du")))


def test_no_vantage_is_suspect_if_others_see_the_same() -> None:
    assert not suspect_vantages(seen_by(*((name, "ddd") for name in "abcd")))


@given(rows=st.lists(st.text("dux", min_size=2, max_size=5), min_size=4, max_size=8))
def test_a_provider_that_all_vantages_see_up_makes_none_suspect(rows: list[str]) -> None:
    words = [word.replace("d", "u") for word in rows]
    assert not suspect_vantages(seen_by(*((str(n), word) for n, word in enumerate(words))))
