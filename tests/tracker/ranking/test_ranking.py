"""The ranking made of a policy's answer, its guard, and policies by name."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog

from tests.helpers.waiting import block_until
from tracker.core.outcomes import Status
from tracker.core.settings import RankingSettings
from tracker.ranking import (
    Candidate,
    Excluded,
    ExpectedCost,
    FallbackRanker,
    PolicyError,
    Sample,
    filter_ranking,
    load_policy,
    lowest_latency,
    rank,
)
from tracker.ranking.guard import TimedPolicy
from tracker.testing.policy_properties import is_rounded, numbers_in

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def candidate(name: str, *latencies: Any, status: Status = Status.HEALTHY) -> Candidate:
    samples = tuple(Sample(True, ms, 300.0 * n) for n, ms in enumerate(latencies))
    return Candidate(provider=name, status=status, samples=samples)


OPENAI, GROQ = candidate("openai", 93.0), candidate("groq", 185.0)


def ranked(*candidates: Any, policy: Any = None, excluded: Any = (), **more: Any) -> Any:
    return rank(candidates, excluded, None, policy or ExpectedCost(), name="test", **more)


def test_the_reason_names_the_first_with_its_numbers_and_the_next() -> None:
    assert ranked(GROQ, OPENAI).reason == (
        "openai is first: 93 ms on average lately, no recent failure "
        "(0.49 % risk of a 10 s time-out), expected time 141.6 ms; groq is next at 233.1 ms."
    )


def test_every_number_of_the_reason_is_one_that_decided() -> None:
    ranking = ranked(GROQ, OPENAI)
    first, second = ranking.ranked
    used = [first.latency_ms, 100 * first.failure_probability, 10, first.expected_cost_ms]
    numbers = numbers_in(ranking.reason, ["openai", "groq"])
    assert len(numbers) == 5
    for text, value in zip(numbers, [*used, second.expected_cost_ms], strict=True):
        assert is_rounded(text, value)


def test_the_reason_says_which_provider_is_degraded() -> None:
    slow = candidate("groq", 20.0, status=Status.DEGRADED)
    assert ranked(OPENAI, slow).reason.endswith("groq, degraded, is next at 68.9 ms.")
    assert ranked(slow).reason.startswith("groq is first, though degraded: 20 ms")
    assert ranked(slow).reason.endswith("; no other is usable now.")


def test_weights_fall_with_the_square_of_the_cost_within_the_best_tier() -> None:
    ranking = ranked(OPENAI, GROQ, candidate("cheap", 1.0, status=Status.DEGRADED))
    first, second, third = ranking.ranked
    ratio = (first.expected_cost_ms / second.expected_cost_ms) ** 2
    assert second.weight / first.weight == pytest.approx(ratio)
    assert first.weight + second.weight == pytest.approx(1.0)
    assert third.weight == 0.0


def test_weights_of_a_policy_without_costs_fall_with_the_place() -> None:
    ranking = ranked(OPENAI, GROQ, candidate("x"), policy=lowest_latency)
    assert [line.weight for line in ranking.ranked] == pytest.approx([36 / 49, 9 / 49, 4 / 49])


def test_with_nothing_usable_the_reason_has_the_soonest_time_of_change() -> None:
    later = Excluded(provider="a", reason="down", until=NOON + timedelta(hours=1))
    sooner = Excluded(provider="b", reason="rate limited", until=NOON)
    ranking = ranked(excluded=(later, sooner), valid_until=NOON)
    assert ranking.best is None
    assert ranking.excluded == (later, sooner)
    assert ranking.reason == ("No provider is usable now; this may change at 2026-01-31T12:00:00Z.")


def test_the_reason_says_if_nothing_is_watched() -> None:
    assert ranked().reason == "No provider is usable: none is watched."


def test_the_reason_says_if_no_check_is_planned() -> None:
    gone = Excluded(provider="a", reason="switched off")
    assert ranked(excluded=(gone,)).reason == (
        "No provider is usable now, and no check is planned that could change it."
    )


def test_filtering_keeps_the_order_and_renews_weights_and_reason() -> None:
    out = Excluded(provider="down", reason="3 failed checks in a row")
    whole = ranked(OPENAI, GROQ, candidate("x", 500.0), excluded=(out,), valid_until=NOON)
    some = filter_ranking(whole, {"groq", "x", "stranger"})
    assert some == ranked(GROQ, candidate("x", 500.0), valid_until=NOON)
    assert filter_ranking(whole, lambda name: name == "down").excluded == (out,)
    assert filter_ranking(whole, lambda _: True) == whole
    assert filter_ranking(whole, ()).best is None


def bad_twice(candidates: Any, incumbent: Any) -> list[Any]:
    return [candidates[0].placed("")] * 2


def bad_missing(candidates: Any, incumbent: Any) -> list[Any]:
    return [candidates[0].placed("")]


def bad_stranger(candidates: Any, incumbent: Any) -> list[Any]:
    return [attrs.evolve(candidates[0].placed(""), provider="stranger")]


def bad_nan(candidates: Any, incumbent: Any) -> list[Any]:
    return [c.placed("", expected_cost_ms=float("nan")) for c in candidates]


def bad_names(candidates: Any, incumbent: Any) -> list[Any]:
    return [c.provider for c in candidates]


def bad_none(candidates: Any, incumbent: Any) -> Any:
    return None


def bad_exit(candidates: Any, incumbent: Any) -> None:
    sys.exit("no")


def bad_endless(candidates: Any, incumbent: Any) -> Iterator[Any]:
    while True:
        yield candidates[0].placed("")


async def bad_async(candidates: Any, incumbent: Any) -> list[Any]:
    return []


def good(candidates: Any, incumbent: Any) -> list[Any]:
    return [c.placed("as it came") for c in candidates]


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (bad_twice, "groq is listed twice"),
        (bad_missing, "openai is missing"),
        (bad_stranger, "'stranger' was not among the candidates"),
        (bad_nan, "for groq, a number is not valid: expected time nan"),
        (bad_names, "it contains 'groq', which is not a Ranked"),
        (bad_none, "TypeError: 'NoneType' object is not iterable"),
        (bad_exit, "SystemExit: no"),
        (bad_endless, "groq is listed twice"),
        (bad_async, "TypeError: it is an async function"),
    ],
)
def test_a_wrong_answer_is_an_error_that_names_the_policy(policy: Any, flaw: str) -> None:
    with pytest.raises(PolicyError, match=r'^policy "test" ') as caught:
        ranked(GROQ, OPENAI, policy=policy)
    assert flaw in str(caught.value)


def test_a_policy_is_not_called_without_candidates() -> None:
    assert ranked(policy=bad_twice).ranked == ()


def chosen(policy: Any, **more: Any) -> FallbackRanker:
    return FallbackRanker(RankingSettings(policy=f"{__name__}:{policy}"), **more)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under this name, as a user's module would be."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def test_a_users_policy_is_used() -> None:
    ranking = chosen("good", patience=5.0)((GROQ, OPENAI), (), None)
    assert ranking.best == "groq"
    assert ranking.policy == f"{__name__}:good"


def test_the_default_policy_ranks_while_the_configured_one_fails_with_one_warning() -> None:
    ranker = chosen("bad_missing", patience=5.0)
    with structlog.testing.capture_logs() as logs:
        rankings = [ranker((GROQ, OPENAI), (), None) for _ in range(3)]
    assert [(r.best, r.policy) for r in rankings] == [("openai", "expected_cost")] * 3
    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert warning["policy"] == f"{__name__}:bad_missing"
    told = f'policy "{__name__}:bad_missing" did not return a valid ranking: openai is missing'
    assert warning["error"] == told
    assert ranker.complaint == warning["error"]


class Panic(BaseException):
    """As Rust extensions raise, beside Exception."""


def bad_panics(candidates: Any, incumbent: Any) -> None:
    raise Panic("index out of range")


def bad_cancelled(candidates: Any, incumbent: Any) -> None:
    raise asyncio.CancelledError


def bad_last_check(candidates: Any, incumbent: Any) -> list[Any]:
    return [attrs.evolve(line, last_check="yesterday") for line in good(candidates, incumbent)]


@pytest.mark.parametrize("policy", ["bad_panics", "bad_cancelled", "bad_last_check"])
def test_the_default_policy_ranks_whatever_another_raises_or_returns(policy: str) -> None:
    ranker = chosen(policy, patience=5.0)
    assert ranker((GROQ, OPENAI), (), None).policy == "expected_cost"
    assert ranker.complaint is not None


def test_a_policy_that_recovers_ranks_again() -> None:
    ranker = chosen("bad_missing", patience=5.0)
    ranker((GROQ, OPENAI), (), None)
    assert ranker((GROQ,), (), None).policy == f"{__name__}:bad_missing"
    assert ranker.complaint is None


@pytest.fixture
def held() -> Iterator[Any]:
    release = threading.Event()
    yield release
    release.set()


def test_a_policy_call_that_hangs_is_waited_for_once(held: Any) -> None:
    calls = []

    def hangs(candidates: Any, incumbent: Any) -> Any:
        calls.append(threading.current_thread())
        held.wait()
        return good(candidates, incumbent)

    timed = TimedPolicy("mine:hangs", hangs, patience=0.01)
    with pytest.raises(PolicyError, match=r'"mine:hangs" took longer than 0.01 s'):
        timed((GROQ,), None)
    with pytest.raises(PolicyError, match="has not answered its last call yet"):
        timed((GROQ,), None)
    block_until(lambda: calls)
    held.set()
    calls[0].join()
    timed.patience = 5.0
    assert timed((GROQ,), None)[0].provider == "groq"
    assert len(calls) == 2


def test_a_policy_that_is_repeatedly_late_is_given_up(held: Any) -> None:
    threads = []

    def hangs(candidates: Any, incumbent: Any) -> None:
        threads.append(threading.current_thread())
        held.wait()

    timed = TimedPolicy("mine:hangs", hangs, patience=0.01)
    for number in range(3):
        held.clear()
        with pytest.raises(PolicyError, match="took longer"):
            timed((GROQ,), None)
        block_until(lambda: len(threads) > number)  # noqa: B023 (called at once)
        held.set()
        threads[-1].join()
    with pytest.raises(PolicyError, match="was too slow 3 times and is not called again"):
        timed((GROQ,), None)


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("expected_costs", 'did you mean "expected_cost"?'),
        ("", "shipped: expected_cost, lowest_latency, peak_ewma"),
        ("no_such_module:rank", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("json:nothing", "AttributeError"),
        ("json:__name__", "is a str, not a function"),
        ("json:JSONDecoder", "is a type, not a function"),
        ("json:", "there is no ranking policy"),
        ("os.path:basename", "must take two arguments"),
        (f"{__name__}:bad_async", "is an async function"),
    ],
)
def test_a_policy_that_cannot_be_loaded_is_an_error_that_names_it(name: str, flaw: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(name)
    assert f'policy "{name}"' in str(caught.value)
    assert flaw in str(caught.value)


def test_a_policy_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy_of_mine.py").write_text(
        "def by_name(candidates, incumbent):\n"
        "    ordered = sorted(candidates, key=lambda each: each.provider)\n"
        "    return [each.placed('by name') for each in ordered]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    policy = load_policy("policy_of_mine:by_name")
    assert [line.provider for line in policy([OPENAI, GROQ], None)] == ["groq", "openai"]
