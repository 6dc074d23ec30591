"""Results of other trackers are merged into our state; without a cluster nothing changes."""

from datetime import timedelta
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from tests.helpers.factories import AT_START, START, outcome, provider
from tracker.core.clock import ClockReading
from tracker.core.cluster import SeenElsewhere, SharedNews, SharedState
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.ranking import Excluded, Ranking
from tracker.core.records import CheckRecord
from tracker.health.other_vantages import ClusterRules
from tracker.health.provider_state import ProviderState
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.cluster_news import ClusterNews
from tracker.runtime.first_sweep import FirstSweep
from tracker.runtime.known_providers import KnownProviders
from tracker.runtime.messages import ClusterJoined, NewsShared
from tracker.store.backlog import Backlog

LATER = ClockReading(START + timedelta(seconds=10), 10.0)
ALL_DOWN = 4


@attrs.define
class Desk:
    news: ClusterNews

    @classmethod
    def open(cls, *names: str, joined: bool = True) -> "Desk":
        backlog, sweep = Backlog(), FirstSweep()
        known = KnownProviders(outdated=set())
        for name in names:
            known.add(provider(name), AT_START, overridden=False)
            sweep.expect(name)
        sweep.begin()
        news = ClusterNews(known=known, backlog=backlog, change_log=ChangeLog(backlog), sweep=sweep)
        if joined:
            news.handle(ClusterJoined(rules=ClusterRules(vantage="eu-1")), AT_START)
        return cls(news)

    def share(self, **news: Any) -> NewsShared:
        message = NewsShared(news=SharedNews(**news))
        self.news.handle(message, LATER)
        return message

    def state(self, name: str) -> ProviderState:
        return self.news.known.watched[name]


def record(name: str, kind: OutcomeKind = OutcomeKind.SERVER) -> CheckRecord:
    return ProviderState(provider(name)).record_check(outcome(kind, provider=name), None, AT_START)


def shared(name: str, **changes: Any) -> SharedState:
    fields: dict[str, Any] = {
        "provider": name,
        "model": None,
        "age": 5.0,
        "due_in": 30.0,
        "fresh_for": 90.0,
        "state": record(name).state,
        "models": ("m",),
    }
    return SharedState(**fields | changes)


def seen(vantage: str, name: str, status: Status) -> SeenElsewhere:
    return SeenElsewhere(
        vantage=vantage,
        provider=name,
        status=status,
        reason="there",
        observed_at=9.0,
        fresh_until=500.0,
    )


def test_checks_of_siblings_are_stored_here_and_counted_once() -> None:
    desk = Desk.open("a")
    checks = (record("a"), record("of a provider that only they watch"))
    message = desk.share(checks=checks)
    assert message.done.is_set()
    assert list(desk.news.backlog.waiting()) == list(checks)
    assert desk.state("a").target.statistics.checks_in_day == 1
    assert desk.state("a").target.health.consecutive_failures == 0  # judged there


def test_a_siblings_state_ends_the_wait_for_a_first_check() -> None:
    desk = Desk.open("a")
    desk.share(states=(shared("a"),))
    assert desk.state("a").target.health.consecutive_failures == 1
    assert desk.state("a").target.next_due == LATER.steady + 30.0
    assert desk.news.sweep.is_complete()


def test_a_target_checked_here_keeps_its_own_plan() -> None:
    desk = Desk.open("a")
    desk.state("a").target.next_due = 55.0
    desk.share(states=(shared("a"),), kept=frozenset({"a"}))
    assert desk.state("a").target.next_due == 55.0


def test_a_state_of_a_later_version_is_reported_and_changes_nothing() -> None:
    desk = Desk.open("a", "b")
    with capture_logs() as logs:
        desk.share(states=(shared("a", state="{"), shared("b")))
    assert [line["event"] for line in logs] == ["state of another tracker cannot be read"]
    assert desk.state("a").target.health.last_check is None
    assert desk.state("b").target.health.consecutive_failures == 1
    assert not desk.news.sweep.is_complete()


@pytest.mark.parametrize("joined", [False, True])
def test_what_another_vantage_sees_is_shown_once_we_belong_to_a_cluster(*, joined: bool) -> None:
    desk = Desk.open("a", "b", joined=joined)
    for name in "ab":
        desk.state(name).refresh(AT_START)
    desk.share(elsewhere=(seen("us-1", "a", Status.DOWN), seen("us-1", "gone", Status.DOWN)))
    assert (desk.state("a").touched, desk.state("b").touched) == (joined, False)
    views = desk.state("a").refresh(LATER).vantages
    assert [view.name for view in views] == (["eu-1", "us-1"] if joined else [])


def test_a_vantage_that_alone_sees_most_down_loses_its_vote_and_all_are_judged_again() -> None:
    names = [f"p{n}" for n in range(ALL_DOWN)]
    desk = Desk.open(*names)
    for name in names:
        desk.state(name).record_check(outcome(provider=name), 300.0, AT_START)
    elsewhere = [
        seen(vantage, name, status)
        for name in names
        for vantage, status in (("us-1", Status.DOWN), ("ap-1", Status.HEALTHY))
    ]
    desk.share(elsewhere=tuple(elsewhere))
    for name in names:
        desk.state(name).refresh(LATER)
    desk.news.judge_suspects(LATER)
    others = desk.news.known.others
    assert others is not None
    assert others.suspects == {"us-1"}
    assert all(desk.state(name).touched for name in names)


def test_without_a_cluster_a_ranking_stays_as_it_is() -> None:
    barred = Excluded(provider="a", reason="never checked", may_answer=True)
    ranking = Ranking(reason="", excluded=(barred,))
    alone, joined = Desk.open("a", joined=False), Desk.open("a")
    alone.news.judge_suspects(LATER)
    assert alone.news.rank_unseen(ranking, LATER.steady) is ranking
    joined.share(elsewhere=(seen("us-1", "a", Status.HEALTHY),))
    assert joined.news.rank_unseen(ranking, LATER.steady).best == "a"
