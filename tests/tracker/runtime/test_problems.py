"""The problems that a tracker reports of itself: one sentence for each."""

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.problems import (
    OVERDUE_SECONDS,
    SILENT_SECONDS,
    count_waiting,
    describe_budget,
    find_failures,
    find_troubles,
)
from tracker.testing.clocks import START


@attrs.frozen
class Keepers:
    aggregator: Any
    writer: Any
    cluster: Any = None


def keeper(name: str, *, restarting: bool = False) -> Any:
    return SimpleNamespace(name=name, restarting=restarting)


def parts(**changes: Any) -> Any:
    """Return a healthy tracker, except for these parts."""
    known = {
        "away_reason": "",
        "others": (),
        "left_out": 0,
        "waiting": 0,
        "per_day": 1000,
        "away": False,
        "suspects": (),
        "restarting": False,
        "complaint": None,
        "silent": 0.0,
        "late": 0.0,
        "overdue": {},
        "crashed": (),
        "cluster": None,
    } | changes
    views = [a_provider(f"p{n}", waits_for_budget=n < known["waiting"]) for n in range(3)]
    budget = SimpleNamespace(per_day=known["per_day"], resets_at=START)
    rank = FallbackRanker()
    rank.complaint = known["complaint"]
    return SimpleNamespace(
        store=SimpleNamespace(
            state=SimpleNamespace(ok=not known["away_reason"], reason=known["away_reason"]),
            others=known["others"],
            left_out=known["left_out"],
        ),
        aggregator=SimpleNamespace(
            knows_all=True,
            network=SimpleNamespace(away=known["away"], suspects=known["suspects"]),
            board=SimpleNamespace(latest=a_snapshot(*views)),
            rank=rank,
            dropped=0,
            silent_for=lambda: known["late"],
        ),
        supervisor=SimpleNamespace(
            shared=SimpleNamespace(
                canary=SimpleNamespace(silent_for=lambda: known["silent"]),
            ),
            overdue=lambda: known["overdue"],
            crashed=lambda: known["crashed"],
        ),
        keepers=Keepers(keeper("aggregator"), keeper("writer", restarting=known["restarting"])),
        alerts=SimpleNamespace(problems=lambda: ()),
        cluster=known["cluster"],
        view_budget=lambda: budget,
    )


def test_a_healthy_tracker_has_neither_failures_nor_problems() -> None:
    assert (list(find_failures(parts())), list(find_troubles(parts()))) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"silent": SILENT_SECONDS + 1.0}, "the event loop has been blocked for"),
        ({"late": OVERDUE_SECONDS + 1.0}, "the last snapshot is"),
        ({"overdue": {"groq": OVERDUE_SECONDS + 1.0}}, "the task that checks groq is"),
    ],
)
def test_a_problem_that_a_restart_would_fix_is_a_failure(wrong: dict[str, Any], told: str) -> None:
    (failure,) = find_failures(parts(**wrong))
    assert failure.startswith(told)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"away": True, "suspects": ("groq", "mistral", "together")},
            "our network cannot be reached: 3 providers failed at DNS or connecting, "
            "and none has answered since",
        ),
        ({"away_reason": "the disk is full"}, "the database is unavailable: the disk is full"),
        (
            {"others": ("process 7",)},
            "another tracker writes to the same database: process 7; "
            "stop one or give it its own file",
        ),
        (
            {"left_out": 3},
            "3 stored checks were skipped: they were not written by this program",
        ),
        (
            {"crashed": [("groq", "given up")]},
            "the task that checks groq is given up after a crash",
        ),
        ({"restarting": True}, "the writer is restarting after a crash"),
        ({"complaint": "it raised"}, "the default ranking policy is used: it raised"),
        (
            {"waiting": 2, "per_day": 0},
            "2 are never asked for a completion: completions_per_day is 0",
        ),
        (
            {"waiting": 1},
            "completion checks of 1 wait for 12:00 UTC: the 1,000 completions of today are used up",
        ),
    ],
)
def test_a_problem_that_is_tolerated_is_reported(wrong: dict[str, Any], told: str) -> None:
    assert list(find_troubles(parts(**wrong))) == [told]


def test_problems_found_by_others_are_listed_afterwards() -> None:
    cluster = SimpleNamespace(problems=("the hub does not answer",))
    found = find_troubles(
        parts(cluster=cluster),
        configuration_errors=("no such key",),
        untrusted_reporters=("proxy-1",),
    )
    assert list(found) == [
        "the hub does not answer",
        "the changed configuration is not used: no such key",
        "reports from proxy-1 are ignored for now: no check confirmed the failures it reported",
    ]


def test_only_enabled_targets_wait_for_the_budget() -> None:
    waits = a_provider("on", waits_for_budget=True)
    off = attrs.evolve(waits, name="off", enabled=False)
    assert count_waiting(a_snapshot(waits, off)) == 1
    assert list(describe_budget(parts())) == []
