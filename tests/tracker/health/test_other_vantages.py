"""Views of other vantages are shown beside our own, and never replace it."""

from datetime import timedelta

import attrs

from tests.helpers.factories import AT_START, START
from tracker.core.clock import ClockReading
from tracker.core.cluster import SeenElsewhere
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Excluded, Ranked, Ranking
from tracker.health.other_vantages import ClusterRules, OtherVantages

VIEW = ProviderStatus(
    name="groq",
    status=Status.HEALTHY,
    reason="last check ok",
    usable=True,
    interval_seconds=300.0,
    timeout_seconds=10.0,
    last_check=START - timedelta(seconds=5),
)


def seen(
    vantage: str, status: Status, *, provider: str = "groq", until: float = 100.0
) -> SeenElsewhere:
    return SeenElsewhere(
        vantage=vantage,
        provider=provider,
        status=status,
        reason=f"{status.value} there",
        observed_at=-3.0,
        fresh_until=until,
    )


def others(*views: SeenElsewhere) -> OtherVantages:
    known = OtherVantages(ClusterRules(vantage="eu-1"))
    known.take(views)
    return known


def ranking(*ranked: str, unknown: str) -> Ranking:
    lines = tuple(
        Ranked(
            provider=name,
            status=Status.HEALTHY,
            expected_cost_ms=1.0,
            failure_probability=0.0,
            latency_ms=1.0,
            samples=9,
            last_check=START,
            reason="seen",
        )
        for name in ranked
    )
    out = Excluded(provider=unknown, reason="never checked", may_answer=True)
    return Ranking(reason="why", ranked=lines, excluded=(out,))


def test_every_vantage_is_shown_ours_first() -> None:
    view = others(seen("us-1", Status.DOWN), seen("ap-1", Status.HEALTHY)).add_to(VIEW, AT_START)
    assert [(v.name, v.status, v.age_seconds) for v in view.vantages] == [
        ("eu-1", Status.HEALTHY, 5.0),
        ("ap-1", Status.HEALTHY, 3.0),
        ("us-1", Status.DOWN, 3.0),
    ]
    assert (view.cluster_status, view.cluster_reason) == (
        Status.DEGRADED,
        "down from us-1 (1 of 3)",
    )
    assert view.status is Status.HEALTHY


def test_an_outdated_view_has_no_vote_and_says_so() -> None:
    known = others(seen("us-1", Status.DOWN), seen("ap-1", Status.DOWN))
    assert known.next_change("groq", 0.0) == 100.0
    later = ClockReading(START + timedelta(seconds=101), 101.0)
    view = known.add_to(VIEW, later)
    assert (view.cluster_status, view.cluster_reason) == (
        Status.HEALTHY,
        "healthy from eu-1 alone",
    )
    assert view.vantages[1].reason.startswith("not seen lately")


def test_a_vantage_that_alone_sees_all_down_is_marked() -> None:
    names = ("a", "b", "c", "d")
    known = others(*(seen("us-1", Status.DOWN, provider=name) for name in names))
    own = dict.fromkeys(names, Status.HEALTHY)
    assert known.judge_suspects(own, 0.0)
    assert not known.judge_suspects(own, 0.0), "no change any more"
    view = known.add_to(attrs.evolve(VIEW, name="a"), AT_START)
    assert (view.cluster_status, view.vantages[1].suspect) == (Status.HEALTHY, True)


def test_a_provider_not_checked_here_is_ranked_after_all_checked_here() -> None:
    known = others(seen("us-1", Status.HEALTHY))
    after = known.rank_unseen(ranking("mistral", unknown="groq"), 0.0)
    assert [line.provider for line in after.ranked] == ["mistral", "groq"]
    assert after.excluded == ()
    assert after.ranked[1].reason == "not checked here lately; healthy from us-1"


def test_a_provider_never_checked_here_is_ranked_if_there_is_no_other() -> None:
    after = others(seen("us-1", Status.HEALTHY)).rank_unseen(ranking(unknown="groq"), 0.0)
    assert after.best == "groq"
    assert "nobody was seen here" in after.reason


def test_bad_old_and_suspect_views_make_no_provider_usable() -> None:
    before = ranking("mistral", unknown="groq")
    assert others(seen("us-1", Status.DOWN)).rank_unseen(before, 0.0) is before
    assert others(seen("us-1", Status.HEALTHY, until=-1.0)).rank_unseen(before, 0.0) is before
    known = others(seen("us-1", Status.HEALTHY))
    known.suspects = frozenset({"us-1"})
    assert known.rank_unseen(before, 0.0) is before


def test_another_vantages_view_excludes_no_provider() -> None:
    known = others(seen("us-1", Status.DOWN, provider="mistral"))
    before = ranking("mistral", unknown="groq")
    assert known.rank_unseen(before, 0.0).ranked == before.ranked
