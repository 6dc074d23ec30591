"""The client, in its three ways of running, against trackers that misbehave."""

import asyncio
import json
import logging
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.fake_tracker import (
    LIMIT,
    FakeTracker,
    best,
    best_offers,
    drip,
    half,
    hang,
    hang_in_the_body,
    hang_up,
    huge,
    not_http,
    saying,
)
from tests.helpers.ports import lasting_port
from tests.helpers.real_tracker import real_tracker
from tests.helpers.waiting import GIVE_UP_SECONDS, block_until
from tracker.client import ProviderStatusClient, State, refresh
from tracker.client.answers import InvalidResponseError, read_best, read_models
from tracker.client.cached_ranking import CachedRanking
from tracker.client.listed_models import ListedModels
from tracker.client.ranking_cache import HEARTBEAT_LIMIT, RankingCache
from tracker.core.backoff import Backoff
from tracker.core.outcomes import OutcomeKind

WAYS = ("thread", "asyncio", "trio")
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "RETRY", Backoff(first=0.01, longest=0.02))
    monkeypatch.setattr(refresh, "HINT_GAP", 0.0)
    monkeypatch.setattr(refresh, "MODELS_GAP", 0.0)


@pytest.fixture
def tracker() -> Iterator[FakeTracker]:
    with FakeTracker("groq", "mistral", "together") as fake:
        yield fake


@pytest.fixture(params=WAYS)
def use(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a function of the client while it is open, in each of its three ways."""

    def run(client: ProviderStatusClient, body: Callable[[ProviderStatusClient], Any]) -> Any:
        if request.param == "thread":
            with client:
                return body(client)

        async def main() -> Any:
            async with client:
                return await anyio.to_thread.run_sync(body, client)

        return anyio.run(main, backend=request.param)

    return run


class Time:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def quick(tracker: FakeTracker, **more: Any) -> ProviderStatusClient:
    settings = {"poll_interval": 0.01, "start_timeout": LIMIT, "request_timeout": LIMIT} | more
    return ProviderStatusClient(tracker.url, **settings)


def test_the_first_question_has_the_trackers_answer(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    def body(client: Any) -> tuple[Any, ...]:
        return client.get_healthiest_provider(), client.ranking(), client.state, client.reason

    assert use(quick(tracker), body) == (
        "groq",
        ("groq", "mistral", "together"),
        State.POLLING,
        "the tracker answers, but without an event stream",
    )


def test_a_switch_is_followed_by_polling(tracker: FakeTracker, use: Callable[..., Any]) -> None:
    def body(client: Any) -> Any:
        tracker.best = best("mistral", "groq")
        tracker.wait_polls()
        return client.ranking()

    assert use(quick(tracker), body) == ("mistral", "groq")


def test_an_event_brings_a_switch_at_once_without_waiting_for_the_poll(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.events = True

    def body(client: Any) -> tuple[Any, ...]:
        tracker.wait_asked(2)  # at the start, and for the stream's snapshot
        tracker.best = best("mistral", "groq")
        tracker.tell("best", json.dumps({"best_provider": "mistral"}))
        tracker.wait_asked(3)
        tracker.tell("best")
        tracker.wait_asked(4)  # so the third answer is taken in
        return client.get_healthiest_provider(), client.state, client.reason

    assert use(quick(tracker, poll_interval=3600.0, stale_after=1e6), body) == (
        "mistral",
        State.LIVE,
        "the tracker answers, and sends changes immediately",
    )


def test_events_of_any_size_pass_without_staying(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.events = True

    def body(client: Any) -> Any:
        tracker.wait_asked(2)
        tracker.tell("provider", "x" * 3_000_000)
        tracker.tell("best")
        tracker.wait_asked(3)
        return client.state

    assert use(quick(tracker, poll_interval=3600.0, stale_after=1e6), body) is State.LIVE


def test_the_client_polls_while_the_stream_is_broken(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.events = True

    def body(client: Any) -> list[Any]:
        tracker.wait_asked(2)
        states = [client.state]
        tracker.events = False
        tracker.wait_asked(3)  # the end of the stream is a reason to ask
        states.append(client.state)
        tracker.events = True
        tracker.wait_asked(4)
        return [*states, client.state]

    client = quick(tracker, poll_interval=3600.0, stale_after=1e6)
    assert use(client, body) == [State.LIVE, State.POLLING, State.LIVE]


def test_an_unchanged_ranking_is_asked_for_by_its_etag(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    def body(client: Any) -> Any:
        tracker.wait_polls(5)
        return client.state

    assert use(quick(tracker), body) is State.POLLING
    assert tracker.answered[200] == 1
    assert tracker.answered[304] >= 4


MOODS = {
    "answers 500": (saying(500, b"{}"), "the tracker answered 500"),
    "answers 503 of a proxy": (saying(503, b"<html>"), "the tracker answered 503"),
    "answers 401": (saying(401, b"{}"), "the tracker rejects our token (401)"),
    "redirects": (
        saying(302, b"", Location="http://127.0.0.1:1/"),
        "the tracker's address redirects (302), which is not followed",
    ),
    "HTML": (saying(200, b"<html>"), "invalid response from the tracker: the answer is not JSON"),
    "empty": (saying(200, b""), "invalid response from the tracker: the answer is not JSON"),
    "binary": (
        saying(200, b"\xff\xfe\x00"),
        "invalid response from the tracker: the answer is not JSON",
    ),
    "compressed": (
        saying(200, b"\x1f\x8b\x08\x00", **{"Content-Encoding": "gzip"}),
        "invalid response from the tracker: the answer is not JSON",
    ),
    "nested without end": (
        saying(200, b"[" * 100_000),
        "invalid response from the tracker: the answer is not JSON",
    ),
    "half an answer": (half, "the tracker cannot be reached (RemoteProtocolError)"),
    "hangs up": (hang_up, "the tracker cannot be reached (RemoteProtocolError)"),
    "not HTTP": (not_http, "the tracker cannot be reached (RemoteProtocolError)"),
    "hangs": (hang, "no answer within 0.2 s"),
    "hangs in the body": (hang_in_the_body, "no answer within 0.2 s"),
    "drips": (drip, "no answer within 0.2 s"),
    "huge": (huge, "the answer is over 2097152 bytes"),
}


@pytest.mark.parametrize("mood", MOODS)
def test_without_answers_the_last_ranking_is_used_until_stale_then_the_static_order(
    tracker: FakeTracker, use: Callable[..., Any], mood: Any
) -> None:
    misbehave, reason = MOODS[mood]
    time = Time()
    client = quick(
        tracker,
        clock=time,
        static_order=("openai", "mistral"),
        stale_after=60.0,
        request_timeout=0.2 if "0.2 s" in reason else LIMIT,
    )

    def body(client: Any) -> Any:
        tracker.wait(lambda: tracker.answered[304] >= 2)
        tracker.mood = misbehave
        tracker.wait_polls(3)
        seen = [(client.state, client.get_healthiest_provider(), client.reason)]
        time.now += 59.9
        seen.append((client.state, client.get_healthiest_provider(), client.age_seconds > 59.0))
        time.now += 0.2
        seen.append((client.state, client.get_healthiest_provider(), client.ranking()))
        tracker.mood = None
        block_until(lambda: client.state is State.POLLING)  # answers within 0.2 s again
        seen.append((client.state, client.get_healthiest_provider(), client.age_seconds))
        return seen

    assert use(client, body) == [
        (State.STALE, "groq", reason),
        (State.STALE, "groq", True),
        (State.STATIC, "openai", ("openai", "mistral")),
        (State.POLLING, "groq", 0.0),
    ]


def test_a_tracker_that_was_never_reached_means_the_static_order(use: Callable[..., Any]) -> None:
    with FakeTracker() as tracker:
        url = tracker.url
    client = ProviderStatusClient(url, static_order=["openai", "groq"], start_timeout=LIMIT)

    def body(client: Any) -> tuple[Any, ...]:
        return (
            client.state,
            client.get_healthiest_provider(),
            client.get_healthiest_provider(candidates=["groq"]),
            client.get_healthiest_provider(candidates=["mistral"]),
            client.choose_weighted(),
            client.age_seconds,
            client.reason,
        )

    assert use(client, body) == (
        State.STATIC,
        "openai",
        "groq",
        None,
        "openai",
        None,
        "the tracker cannot be reached (ConnectError)",
    )


def test_a_304_without_a_stored_answer_is_refused(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.mood = saying(304, b"")
    reason = "the tracker answered 304"
    assert use(quick(tracker), lambda client: (client.state, client.reason)) == (
        State.STATIC,
        reason,
    )


def test_a_hanging_tracker_delays_the_start_by_at_most_its_limit(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.mood = hang
    client = ProviderStatusClient(tracker.url, start_timeout=0.01, static_order=["openai"])

    def body(client: Any) -> tuple[Any, ...]:
        return client.state, client.get_healthiest_provider(), client.reason

    assert use(client, body) == (State.STARTING, "openai", "no answer yet")


def test_a_restarting_tracker_without_results_does_not_replace_the_ranking(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    def body(client: Any) -> tuple[Any, ...]:
        tracker.ready = 503
        tracker.best = best(reason="no check is done yet")
        tracker.wait_polls(3)
        starting = (client.state, client.get_healthiest_provider(), client.reason)
        tracker.ready = 200
        tracker.wait_polls(3)
        return starting, (client.state, client.get_healthiest_provider(), client.ranking())

    assert use(quick(tracker, static_order=["openai"]), body) == (
        (State.STALE, "groq", "the tracker is still making its first checks"),
        (State.POLLING, None, ()),  # it has checked: nothing is usable
    )


def test_a_tracker_whose_snapshot_is_frozen_counts_as_unreachable(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    time = Time()

    def body(client: Any) -> tuple[Any, ...]:
        tracker.wait_polls()
        time.now += HEARTBEAT_LIMIT + 1.0
        tracker.wait_polls()
        frozen = client.state, client.reason
        time.now += 60.0
        static = client.state
        tracker.best = best("groq", timestamp="2026-01-05T12:05:00.000Z")
        tracker.wait_polls(3)
        return frozen, static, client.state

    client = quick(tracker, clock=time, stale_after=HEARTBEAT_LIMIT + 30.0)
    assert use(client, body) == (
        (State.STALE, "the tracker answers, but its snapshot is 181 s old"),
        State.STATIC,
        State.POLLING,
    )


def test_the_client_survives_a_restart_of_the_tracker(use: Callable[..., Any]) -> None:
    with FakeTracker("groq", port=(port := lasting_port())) as first:
        client = quick(first)

        def body(client: Any) -> tuple[Any, ...]:
            first.die()
            with FakeTracker("mistral", port=port) as second:
                second.wait_polls(2)
                return client.state, client.get_healthiest_provider()

        assert use(client, body) == (State.POLLING, "mistral")


def test_a_token_is_sent_and_its_refusal_named_without_it(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.token = "s3cret"
    good = use(quick(tracker, token="s3cret"), lambda client: client.state)
    client = quick(tracker, token="wr0ng")
    reason = use(client, lambda client: client.reason)
    assert (good, reason) == (State.POLLING, "the tracker rejects our token (401)")
    assert "wr0ng" not in repr(vars(client))


def test_neither_a_proxy_of_the_environment_nor_the_callers_log_is_used(
    tracker: FakeTracker,
    use: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with caplog.at_level(logging.INFO):
        assert use(quick(tracker), lambda client: client.state) is State.POLLING
    assert caplog.text == ""


@pytest.mark.parametrize("failures", [1, 2, 7, 1000])
def test_retries_are_spread_and_never_far_apart(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr(refresh, "RETRY", Backoff(first=0.5, longest=30.0))
    pauses = [refresh._pause(failures, 5.0) for _ in range(200)]
    full = min(0.5 * 2 ** min(failures - 1, 9), 30.0)
    assert full / 2 <= min(pauses) < max(pauses) <= full


def test_after_closing_the_last_ranking_ages(tracker: FakeTracker, use: Callable[..., Any]) -> None:
    time = Time()
    client = quick(tracker, clock=time, stale_after=60.0, static_order=["openai"])
    use(client, lambda client: None)
    before = client.state, client.get_healthiest_provider(), client.reason
    time.now += 61.0
    assert before == (State.STALE, "groq", "the client is closed")
    assert (client.state, client.get_healthiest_provider()) == (State.STATIC, "openai")


@pytest.mark.parametrize("tag", ['"caf\u00e9"', '"' + "x" * 300 + '"'])
def test_an_unusable_etag_does_not_end_polling(
    tracker: FakeTracker, use: Callable[..., Any], tag: str
) -> None:
    body = json.dumps(best("first")).encode()
    tracker.mood = saying(200, body, ETag=tag)

    def ask(client: Any) -> Any:
        first = client.get_healthiest_provider()
        tracker.mood = None
        block_until(lambda: client.get_healthiest_provider() == "groq")
        return first

    assert use(quick(tracker), ask) == "first"


def test_empty_names_match_no_provider() -> None:
    client = ProviderStatusClient("http://127.0.0.1:1", static_order="")
    assert (client.get_healthiest_provider(), client.ranking()) == (None, ())
    client = ProviderStatusClient("http://127.0.0.1:1", static_order="a, b,")
    assert client.ranking() == ("a", "b")


def test_a_client_started_by_many_threads_has_one_background(tracker: FakeTracker) -> None:
    client, barrier = quick(tracker), threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        client.start()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [thread.name for thread in threading.enumerate()]
    client.stop()
    assert names.count("provider-status-client") == 1
    assert "provider-status-client" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_entry_is_refused_and_leaves_the_first_as_it_is(
    tracker: FakeTracker, backend: str
) -> None:
    async def main() -> str | None:
        client = quick(tracker)
        async with client:
            with pytest.raises(RuntimeError, match="already open"):
                await client.__aenter__()
            return client.get_healthiest_provider()

    assert anyio.run(main, backend=backend) == "groq"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_system_exit_is_not_wrapped_in_a_group(
    tracker: FakeTracker, backend: str, error: Any
) -> None:
    async def main() -> None:
        with pytest.raises(error):
            async with quick(tracker):
                raise error

    anyio.run(main, backend=backend)


def test_a_client_started_twice_has_one_background_which_one_stop_ends(
    tracker: FakeTracker,
) -> None:
    client = quick(tracker)
    client.stop()  # before any start: nothing to end
    client.start()
    with client:
        names = [thread.name for thread in threading.enumerate()]
    assert names.count("provider-status-client") == 1
    assert "provider-status-client" not in [thread.name for thread in threading.enumerate()]
    assert client.reason == "the client is closed"


def test_a_closed_client_can_be_opened_again(tracker: FakeTracker, use: Callable[..., Any]) -> None:
    client = quick(tracker)
    states = [use(client, lambda client: client.state) for _ in range(2)]
    assert states == [State.POLLING, State.POLLING]


def test_a_real_trackers_switch_arrives_as_an_event(
    tmp_path: Path, use: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, learn = threading.Event(), RankingCache.learn

    def noted(memory: RankingCache, view: CachedRanking) -> None:
        learn(memory, view)
        if view.best == "mistral":
            learned.set()

    monkeypatch.setattr(RankingCache, "learn", noted)

    def body(client: Any) -> tuple[Any, ...]:
        before = client.ranking(), client.ranking(model="llama-3.3-70b")
        real.kinds["groq"] = OutcomeKind.SERVER
        real.check("groq")
        assert learned.wait(LIMIT)
        return *before, client.ranking(), client.state

    with real_tracker(tmp_path) as real:
        client = ProviderStatusClient(
            real.url, poll_interval=3600.0, stale_after=1e6, start_timeout=LIMIT
        )
        assert use(client, body) == (
            ("groq", "mistral", "together"),
            ("groq", "together"),
            ("mistral", "together", "groq"),
            State.LIVE,
        )


# -- filters ---------------------------------------------------------------------------------

LISTS = {
    "llama-3.3-70b": ["groq"],
    "meta-llama/Llama-3.3-70B": ["together", "deepinfra"],
    "mistralai/mistral-small": ["mistral"],
}


@pytest.mark.parametrize(
    ("candidates", "model", "expected"),
    [
        (["together", "mistral"], None, ("mistral", "together")),
        ({"together"}, None, ("together",)),
        ("together, mistral", None, ("mistral", "together")),
        (iter(["mistral"]), None, ("mistral",)),
        ([], None, ()),
        (["nobody"], None, ()),
        (None, "llama-3.3-70b", ("groq", "together")),
        (None, "meta-llama/llama-3.3-70b", ("groq", "together")),
        (None, "together_ai/meta-llama/Llama-3.3-70B", ("groq", "together")),
        (None, "groq/llama-3.3-70b", ("groq",)),
        (None, "mistral-small", ("mistral",)),
        (None, "other/mistral-small", ("mistral",)),  # a vendor's name is ignored
        (None, "gpt-9", ()),
        (["together", "mistral"], "llama-3.3-70b", ("together",)),
        (["mistral"], "llama-3.3-70b", ()),
    ],
)
def test_candidates_and_model_filter_every_answer(
    candidates: Any, model: str | None, expected: Any
) -> None:
    with FakeTracker("groq", "mistral", "together", models=LISTS) as tracker, quick(tracker) as c:
        candidates = list(candidates) if isinstance(candidates, Iterator) else candidates
        assert c.ranking(candidates, model) == expected
        assert c.get_healthiest_provider(candidates, model) == (expected or (None,))[0]
        assert c.choose_weighted(candidates, model, lambda: 0.0) == (expected or (None,))[0]
        assert c.choose_weighted(candidates, model, lambda: 0.9999) == (expected or (None,))[-1]


def test_a_question_about_a_model_without_model_lists_gets_the_static_order(
    tracker: FakeTracker,
) -> None:
    tracker.models = {"models": 5}
    with quick(tracker, static_order=["openai"]) as client:
        assert client.get_healthiest_provider(model="gpt-9") == "openai"
        assert client.get_healthiest_provider() == "groq"
        assert client.state is State.POLLING
        assert "its model lists are not known: invalid response from the tracker" in client.reason


def test_model_lists_that_can_no_longer_be_fetched_are_used_and_marked_as_old(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.models = {"models": {"gpt-9": ["groq"]}}
    tracker.events = True

    def body(client: Any) -> tuple[Any, ...]:
        block_until(lambda: client.state is State.LIVE)
        tracker.models = {"models": 5}
        seen = tracker.asked["/api/providers/models"]
        tracker.tell("best")
        tracker.wait(lambda: tracker.asked["/api/providers/models"] >= seen + 2)
        return client.get_healthiest_provider(model="gpt-9"), client.reason

    best, reason = use(quick(tracker), body)
    assert best == "groq"
    assert "; its model lists may be out of date: invalid response from the tracker" in reason


def test_partial_model_lists_of_a_starting_tracker_are_not_taken_as_complete(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.ready, tracker.models = 503, {"models": {"gpt-9": ["mistral"]}}

    def body(client: Any) -> tuple[Any, ...]:
        starting = client.get_healthiest_provider(model="gpt-9"), client.reason
        tracker.models = {"models": {"gpt-9": ["groq", "mistral"]}}
        tracker.offers["gpt-9"] = best_offers("groq/gpt-9", "mistral/gpt-9")
        tracker.ready = 200
        block_until(lambda: client.reason.endswith("event stream"))
        return starting, client.get_healthiest_provider(model="gpt-9")

    (before, reason), after = use(quick(tracker, static_order=["openai"]), body)
    assert before == "openai"
    assert "are not known: the tracker is still making its first checks" in reason
    assert after == "groq"


def test_model_lists_sent_while_the_tracker_gets_ready_are_not_taken_as_complete(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    def lists() -> dict[str, Any]:
        known = ["mistral"] if tracker.ready == 503 else ["groq", "mistral"]
        tracker.ready = 200  # right after this answer was made
        return {"models": {"gpt-9": known}}

    tracker.ready, tracker.models = 503, lists
    tracker.offers["gpt-9"] = best_offers("groq/gpt-9", "mistral/gpt-9")

    def body(client: Any) -> Any:
        tracker.wait(lambda: tracker.asked["/readyz"] >= 1)
        tracker.ready = 200
        block_until(lambda: client.get_healthiest_provider(model="gpt-9") != "openai")
        return client.get_healthiest_provider(model="gpt-9")

    assert use(quick(tracker, static_order=["openai"]), body) == "groq"


def test_a_ranking_without_a_best_sent_while_the_tracker_gets_ready_does_not_count(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    def start(handler: Any) -> None:
        tracker.ready, tracker.mood = 200, None  # right after this answer was made
        handler.answer_json(best(), 503)

    tracker.ready, tracker.mood = 503, start

    def body(client: Any) -> Any:
        block_until(lambda: client.get_healthiest_provider() != "openai")
        return client.get_healthiest_provider()

    assert use(quick(tracker, static_order=["openai"]), body) == "groq"


def test_a_change_of_the_ranking_fetches_the_model_lists_of_returning_providers(
    tracker: FakeTracker, use: Callable[..., Any]
) -> None:
    tracker.events = True

    def body(client: Any) -> None:
        block_until(lambda: client.state is State.LIVE)
        tracker.models = {"models": {"gpt-9": ["groq"]}}
        tracker.tell("best")
        block_until(lambda: client._memory.models.offering("gpt-9"))
        assert client._memory.models.offering("gpt-9") == {"groq": "gpt-9"}

    use(quick(tracker), body)


class Hostile:
    def __iter__(self) -> None:
        raise RuntimeError("no")

    __len__ = __hash__ = __eq__ = __iter__


def endless() -> Iterator[str]:
    while True:
        yield "mistral"


@pytest.mark.parametrize(
    "garbage", [0, 1.5, object(), Hostile(), [Hostile()], [["groq"]], [None], b"x"]
)
@pytest.mark.parametrize("model", [None, 5, b"x", [], Hostile(), "", "/" * 10_000])
def test_invalid_arguments_are_answered_with_none(
    tracker_view_client: ProviderStatusClient, garbage: Any, model: str
) -> None:
    client = tracker_view_client
    assert client.get_healthiest_provider(garbage, model) is None
    assert client.ranking(garbage, model) == ()
    assert client.choose_weighted(garbage, model) is None


def test_invalid_and_endless_candidates_do_not_affect_the_others(
    tracker_view_client: ProviderStatusClient,
) -> None:
    client = tracker_view_client
    assert client.get_healthiest_provider([None, ["x"], Hostile(), "mistral"]) == "mistral"
    assert client.get_healthiest_provider(endless()) == "mistral"


@pytest.fixture
def tracker_view_client() -> ProviderStatusClient:
    """A client that was never opened, with a ranking in its memory."""
    client = ProviderStatusClient("http://127.0.0.1:1")
    client._memory.models = ListedModels.of({"gpt": frozenset({"groq"})})
    client._memory.learn(CachedRanking(names=("groq", "mistral"), weights=(0.75, 0.25)))
    return client


# -- weighted choice -------------------------------------------------------------------------


def test_a_weighted_choice_follows_the_shares(tracker_view_client: ProviderStatusClient) -> None:
    marks = iter(place / 1000 for place in range(1000))
    drawn = Counter(
        tracker_view_client.choose_weighted(random=lambda: next(marks)) for _ in range(1000)
    )
    assert drawn == {"groq": 750, "mistral": 250}


def test_shares_are_computed_among_the_filtered_providers(tracker: FakeTracker) -> None:
    with quick(tracker) as client:  # groq 1/2, mistral and together 1/4 each
        marks = iter(place / 1000 for place in range(1000))
        drawn = Counter(
            client.choose_weighted(["groq", "together"], random=lambda: next(marks))
            for _ in range(1000)
        )
    assert drawn == {"groq": 667, "together": 333}


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        (lambda: 7.0, "mistral"),
        (lambda: -1.0, "groq"),
        (lambda: float("nan"), "mistral"),
        (lambda: "x", "groq"),
        (lambda: 1 / 0, "groq"),
        (None, "groq"),
    ],
)
def test_a_broken_random_source_still_draws(
    tracker_view_client: ProviderStatusClient, random: Any, expected: str
) -> None:
    assert tracker_view_client.choose_weighted(random=random) == expected


@given(
    st.lists(
        st.tuples(st.text(min_size=1), st.floats(0.0, 1.0)), max_size=20, unique_by=lambda x: x[0]
    ),
    st.sets(st.text(min_size=1)) | st.none(),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_every_read_agrees_with_the_ranking(ranked: Any, candidates: Any, mark: float) -> None:
    view = CachedRanking(names=tuple(n for n, _ in ranked), weights=tuple(w for _, w in ranked))
    chosen = tuple(n for n in view.names if candidates is None or n in candidates)
    assert view.chosen(candidates, None) == chosen
    assert view.first(candidates, None) == (chosen[0] if chosen else None)
    assert view.first(None if candidates is None else list(candidates), None) == view.first(
        candidates, None
    )
    assert view.draw(chosen, lambda: mark) in (chosen or (None,))


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_best_candidate_is_found_among_few_and_among_many(first: int, count: int) -> None:
    view = CachedRanking(names=tuple(f"p{place:03}" for place in range(400)))
    candidates = [f"p{place:03}" for place in range(first, min(first + count, 400))]
    assert view.first(candidates, None) == (candidates[0] if candidates else None)


def test_a_list_that_changed_since_the_last_question_is_read_again() -> None:
    view = CachedRanking(names=tuple(f"p{place:03}" for place in range(400)))
    candidates = [f"p{place:03}" for place in range(100, 300)]
    assert view.first(candidates, None) == "p100"
    candidates[150] = "p007"
    assert view.first(candidates, None) == "p007"
    assert view.first(tuple(candidates), None) == "p007"
    assert view.first([Hostile(), *candidates[1:]], None) == "p007"


def test_candidates_may_be_members_of_a_string_enum(
    tracker_view_client: ProviderStatusClient,
) -> None:
    mine = StrEnum("mine", {"M": "mistral"})
    assert tracker_view_client.get_healthiest_provider(mine) == "mistral"
    assert tracker_view_client.ranking([mine.M]) == ("mistral",)


# -- garbage of the right shape --------------------------------------------------------------

WRONG = [None, True, 5, 1.5, "x", "", [], {}, [None], [5], [[]], [{}], [{"provider_name": 5}]]


@pytest.mark.parametrize(
    "answer",
    [
        *([], "x", 5, None, {}, {"title": "Not Found", "status": 404}),
        *({"best_provider": wrong} for wrong in (True, 5, "", [], {})),
        *({"best_provider": "a", "ranking": wrong} for wrong in WRONG if wrong != []),
        *(
            {"best_provider": "a", "alternatives": wrong}
            for wrong in (None, 5, "b", {}, [5], [None])
        ),
        *({"best_provider": "a", "timestamp": wrong} for wrong in (None, 5, [])),
        *(
            {"best_provider": "a", "ranking": [{"provider_name": "a", "weight": wrong}]}
            for wrong in (True, "x", [], -0.1, 1.1, 10**400, float("nan"), float("inf"))
        ),
        best("a", best_provider=None),
    ],
    ids=repr,
)
def test_a_best_answer_of_wrong_types_is_refused_as_a_whole(answer: Any) -> None:
    with pytest.raises(InvalidResponseError):
        read_best(json.dumps(answer).encode())


@pytest.mark.parametrize("answer", [*WRONG[:4], {}, *({"models": w} for w in WRONG if w != {})])
def test_models_of_wrong_types_are_refused(answer: Any) -> None:
    with pytest.raises(InvalidResponseError):
        read_models(json.dumps(answer).encode())


@pytest.mark.parametrize(
    "lists", [{"m": None}, {"m": "groq"}, {"m": [5]}, {"m": [None]}, {"m": {}}]
)
def test_a_model_list_of_wrong_types_is_refused(lists: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError):
        read_models(json.dumps({"models": lists}).encode())


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "best_provider",
                        "ranking",
                        "alternatives",
                        "timestamp",
                        "provider_name",
                        "weight",
                        "models",
                    ]
                ),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_body_is_read_or_refused(body: Any) -> None:
    for read in (read_best, read_models):
        try:
            read(body)
        except InvalidResponseError as error:
            assert str(error)


def test_a_tracker_without_weights_or_ranking_is_understood() -> None:
    view = read_best(b'{"best_provider": "a", "alternatives": ["b", "a"]}')
    assert (view.names, view.weights) == (("a", "b"), ())
    assert view.draw(view.names, lambda: 0.99) == "a"


# -- construction and life -------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://", None, 5])
def test_a_bad_url_is_refused_with_an_example(url: str | int | None) -> None:
    with pytest.raises(ValueError, match=r"like http://127\.0\.0\.1:8000"):
        ProviderStatusClient(url)


def test_a_token_that_no_header_can_carry_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        ProviderStatusClient("http://127.0.0.1:1", token="clé\n")
    assert "clé" not in str(caught.value)


@pytest.mark.parametrize("setting", ["stale_after", "poll_interval", "request_timeout"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_an_invalid_duration_is_refused(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=setting):
        ProviderStatusClient("http://127.0.0.1:1", **{setting: value})


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_callers_own_error_is_raised_unchanged(tracker: FakeTracker, backend: str) -> None:
    async def main() -> None:
        async with quick(tracker):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        anyio.run(main, backend=backend)


def test_asyncio_cancellation_is_raised_unchanged(tracker: FakeTracker) -> None:
    async def main() -> None:
        async with asyncio.timeout(0.01), quick(tracker):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_trio_cancellation_is_raised_unchanged(tracker: FakeTracker) -> None:
    async def main() -> bool:
        with trio.move_on_after(0.01) as scope:
            async with quick(tracker):
                await trio.sleep_forever()
        return scope.cancelled_caught

    assert trio.run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_being_cancelled_while_entering_ends_the_background(
    tracker: FakeTracker, backend: str
) -> None:
    tracker.mood = hang

    async def main() -> bool:
        with anyio.move_on_after(0.01) as scope:
            async with quick(tracker):
                pytest.fail("entered")
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)


def test_threads_share_a_client(tracker: FakeTracker) -> None:
    answers: Counter[str | None] = Counter()
    with quick(tracker) as client:

        def ask() -> None:
            answers.update(client.get_healthiest_provider() for _ in range(1000))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {"groq": 8000}


def test_closing_ends_the_thread_also_while_the_tracker_hangs(tracker: FakeTracker) -> None:
    tracker.mood = hang
    with quick(tracker, start_timeout=0.0):
        tracker.wait_polls(1)
        assert "provider-status-client" in {thread.name for thread in threading.enumerate()}
    assert "provider-status-client" not in {thread.name for thread in threading.enumerate()}


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("mood", [None, hang], ids=["well", "hanging"])
def test_the_interpreter_exits_with_a_client_left_open(tracker: FakeTracker, mood: Any) -> None:
    tracker.mood = mood
    done = run_python(f"""
        from tracker.client import ProviderStatusClient
        client = ProviderStatusClient({tracker.url!r}, start_timeout=0.1).__enter__()
        print("bye")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "bye\n", "")


def test_importing_the_client_needs_nothing_of_the_server() -> None:
    done = run_python("""
        import sys
        import tracker.client
        server = {"trio", "quart", "hypercorn", "apsw", "structlog", "cattrs", "msgspec"}
        print(sorted(server & {name.partition(".")[0] for name in sys.modules}))
        print(*(name for name in sys.modules if name.startswith("tracker.")))
    """)
    assert done.returncode == 0, done.stderr
    heavy, ours = done.stdout.splitlines()
    assert heavy == "[]"
    own = (name for name in ours.split() if not name.startswith("tracker.client"))
    assert {".".join(name.split(".")[:2]) for name in own} == {
        "tracker.core",
        "tracker.models",
    }
