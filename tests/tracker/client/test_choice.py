"""Choosing an offer: the id to send, which to try next, and the source of the answer."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.fake_tracker import FakeTracker, best, best_offers
from tracker.client import ProviderStatusClient, State
from tracker.client.questions import LONGEST, MOST, FollowedQuestions, Question

LLAMA = "llama-3.3-70b"
LISTS = {"llama-3.3-70b-versatile": ["groq"], "meta-llama/Llama-3.3-70B-Instruct": ["together"]}
QUESTIONS = "/api/providers/best?"


@pytest.fixture
def tracker() -> Iterator[FakeTracker]:
    with FakeTracker("together", "groq", models=LISTS) as fake:
        yield fake


@pytest.fixture
def client(tracker: FakeTracker) -> Iterator[ProviderStatusClient]:
    with ProviderStatusClient(tracker.url, poll_interval=0.01, start_timeout=30.0) as client:
        yield client


def wait_answered(tracker: FakeTracker, times: int = 3) -> None:
    """Until the questions about offers were asked again: the answer before is taken in.

    Two of them may be one look: where there is no offer the client asks once more.
    """

    def count() -> int:
        return sum(n for path, n in tracker.asked.items() if path.startswith(QUESTIONS))

    wanted = count() + times
    tracker.wait(lambda: count() >= wanted)


def choose(client: ProviderStatusClient, tracker: FakeTracker, **asked: Any) -> Any:
    """The answer once the tracker was asked."""
    client.choose(**asked)
    wait_answered(tracker)
    return client.choose(**asked)


def test_the_first_question_is_answered_from_the_lists_with_the_providers_own_id(
    client: ProviderStatusClient,
) -> None:
    choice = client.choose(LLAMA)
    assert (choice.provider, choice.model) == ("together", "meta-llama/Llama-3.3-70B-Instruct")
    assert [(o.provider, o.model) for o in choice.alternatives] == [
        ("groq", "llama-3.3-70b-versatile")
    ]
    assert choice.evidence is None
    assert choice.state is State.POLLING


def test_later_questions_use_the_trackers_ranking_of_offers(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    tracker.offers[LLAMA] = best_offers("groq/llama-v", "together/meta/llama", patience_ms=700.0)
    choice = choose(client, tracker, model=LLAMA)
    assert (choice.provider, choice.model, choice.evidence) == ("groq", "llama-v", "offer")
    assert (choice.patience_ms, choice.reason) == (700.0, "as told")
    assert [o.key for o in choice.alternatives] == ["together/meta/llama"]
    assert client.get_healthiest_provider(model=LLAMA) == "groq"
    assert client.ranking(model=LLAMA) == ("groq", "together")


def test_a_switch_of_the_offers_is_followed_while_the_best_provider_stays(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    tracker.offers[LLAMA] = best_offers("groq/a", "together/b")
    assert choose(client, tracker, model=LLAMA).provider == "groq"
    tracker.offers[LLAMA] = best_offers("together/b")
    wait_answered(tracker)
    assert client.choose(LLAMA).provider == "together"
    assert client.get_healthiest_provider() == "together"


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        (["together"], "together/b"),
        (["groq/a2"], "groq/a2"),
        ({"groq"}, "groq/a"),
        (["groq/unknown"], None),
        ([], None),
    ],
)
def test_candidates_are_providers_or_single_offers(
    client: ProviderStatusClient, tracker: FakeTracker, candidates: Any, expected: str | None
) -> None:
    tracker.offers[LLAMA] = best_offers("groq/a", "together/b", "groq/a2")
    choose(client, tracker, model=LLAMA)
    choice = client.choose(LLAMA, candidates)
    assert (choice and choice.key) == expected


def test_named_offers_are_ranked_without_a_model(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    named = ["together/b", "groq/a"]
    first = client.choose(candidates=named)
    assert (first.provider, first.model) == ("together", "b")
    tracker.offers["groq/a,together/b"] = best_offers("groq/a", "together/b")
    assert choose(client, tracker, candidates=named).key == "groq/a"


def test_a_model_without_offers_has_no_choice(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    assert choose(client, tracker, model="gpt-9") is None
    assert client.get_healthiest_provider(model="gpt-9") is None


def test_with_nothing_usable_the_answer_is_none_and_not_the_model_lists(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    tracker.offers[LLAMA] = best_offers()
    assert choose(client, tracker, model=LLAMA) is None


def test_without_a_model_the_choice_is_the_best_provider(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    choice = client.choose()
    assert (choice.provider, choice.model, choice.reason) == ("together", None, "as told")
    assert [offer.provider for offer in choice.alternatives] == ["groq"]


def test_alternatives_cost_the_least_time_to_fall_through(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    answer = best("together", "groq", "mistral")
    times = {"together": (100.0, 0.0), "groq": (200.0, 0.5), "mistral": (300.0, 0.0)}
    for line in answer["ranking"]:
        latency, risk = times[line["provider_name"]]
        line |= {"latency_ms": latency, "failure_probability": risk, "failure_ms": 10_000.0}
    tracker.best = answer
    tracker.wait_polls()
    choice = client.choose()
    assert [o.provider for o in choice.alternatives] == ["mistral", "groq"]


def test_a_weighted_choice_follows_the_offers_shares(
    client: ProviderStatusClient, tracker: FakeTracker
) -> None:
    tracker.offers[LLAMA] = best_offers("groq/a", "together/b")
    choose(client, tracker, model=LLAMA)
    first = client.choose(LLAMA, weighted=True, random=lambda: 0.0)
    last = client.choose(LLAMA, weighted=True, random=lambda: 0.99)
    assert first is not None
    assert last is not None
    assert (first.key, last.key) == ("groq/a", "together/b")


def test_a_static_order_has_no_ids(tracker: FakeTracker) -> None:
    client = ProviderStatusClient(tracker.url, static_order=["groq"])  # never started
    choice = client.choose(LLAMA)
    assert (choice.provider, choice.model, choice.state) == ("groq", None, State.STARTING)


@pytest.mark.parametrize("asked", [{}, [[]], 5, b"llama", "x" * 10_000, "\ud800", "a b/ü:c"])
def test_invalid_arguments_raise_no_error(client: ProviderStatusClient, asked: Any) -> None:
    assert client.choose(asked) is None
    assert client.choose(None, asked) is None


def test_few_questions_are_kept_up_to_date_and_no_long_one() -> None:
    now = [0.0]
    questions = FollowedQuestions(lambda: now[0], 300.0)
    for number in range(MOST + 10):
        now[0] += 1.0
        assert questions.answer(Question(model=f"model-{number}")) is None
    followed = {one.question.model for one in questions.current()}
    assert len(followed) == MOST
    assert "model-0" not in followed
    assert questions.answer(Question(model="x" * LONGEST)) is None
    assert len(questions.current()) == MOST
    now[0] += 1e6
    assert not questions.current()
