"""The fast path on real sockets: when it is open, its timer, and its end.

That it says what the ordinary route says is property_tests/test_fast_path.py's.
"""

import itertools
import weakref
from typing import Any

import httpx
import pytest
import trio
from hypercorn.config import Config as HyperConfig
from trio.testing import MockClock, wait_all_tasks_blocked

from api.http.response_cache import ResponseCache
from api.serving import fast_path_connection as lane
from api.serving import http_connection, http_server
from api.serving.fast_path_connection import disabled_reason
from api.serving.fast_path_responses import HEADS, FastPathResponses
from tests.helpers.garbage import gone, no_collector
from tests.helpers.idle_tracker import a_provider, a_tracker
from tests.helpers.plain_http import PLAIN
from tests.helpers.served_app import PROMPT_SECONDS, connect, raw, read_until, serving
from tests.helpers.waiting import GIVE_UP_SECONDS, wait_until
from tracker.core.redaction import Secret
from tracker.core.settings import ServerSettings

GET = b"GET /api/providers/best HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Counts the hot answers given."""
    counted = []
    answer = FastPathResponses.answer

    def counting(self: Any, head: Any, config: Any) -> Any:
        found = answer(self, head, config)
        if found is not None:
            counted.append(head)
        return found

    monkeypatch.setattr(FastPathResponses, "answer", counting)
    return counted


def test_the_fast_path_is_open_unless_a_setting_forbids_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert disabled_reason(ServerSettings()) is None
    assert "fast_lane = false" in disabled_reason(ServerSettings(fast_lane=False))
    assert disabled_reason(ServerSettings(read_token=Secret("r" * 32))) is None
    monkeypatch.setattr(lane, "version", lambda _: "0.19.1")
    assert "hypercorn 0.19.1 is installed" in disabled_reason(ServerSettings())


async def test_nothing_of_a_client_that_left_waits_for_the_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cycle of forty objects stayed for each, until everything old was looked at."""
    known: list[weakref.ref[object]] = []
    begin = lane.FastPathConnection.run

    async def run(self: lane.FastPathConnection) -> None:
        known.append(weakref.ref(self))
        await begin(self)

    monkeypatch.setattr(lane.FastPathConnection, "run", run)
    slow = GET.replace(b"best", b"health")  # by the ordinary route
    with no_collector():
        async with serving() as url:
            for request in (GET, slow, b""):
                async with await connect(url) as stream:
                    if request:
                        await stream.send_all(request)
                        await read_until(stream, b"}")
            await wait_until(lambda: len(known) == 3)
            for client in known:
                await gone(client)


async def test_a_fast_request_uses_the_fast_path(taken: Any) -> None:
    async with serving() as url:
        assert b'"best_provider":"groq"' in await raw(url, GET, 0.3)
    assert taken == [GET]


async def test_a_closed_fast_path_is_never_used(taken: Any) -> None:
    async with serving(a_tracker(a_provider(), port=0, fast_lane=False)) as url:
        assert (await raw(url, GET, 0.3)).startswith(b"HTTP/1.1 ")
    assert taken == []


async def test_the_answer_follows_the_snapshot(taken: Any) -> None:
    tracker = a_tracker(a_provider(), port=0)
    async with serving(tracker) as url, await connect(url) as stream:
        await stream.send_all(GET)
        assert b'"best_provider":"groq"' in await read_until(stream, b"}")
        tracker.post(a_provider("mistral"))
        await stream.send_all(GET)
        assert b'"best_provider":"mistral"' in await read_until(stream, b"fastest")
    assert len(taken) == 2


def test_the_date_follows_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = a_tracker(a_provider())
    hot, config = FastPathResponses(tracker, ResponseCache()), HyperConfig()
    now = 1_800_000_000.9
    monkeypatch.setattr("api.serving.fast_path_responses.time", lambda: now)
    monkeypatch.setattr("hypercorn.config.time", lambda: now)
    assert b"date: Fri, 15 Jan 2027 08:00:00 GMT" in hot.answer(GET, config)
    now += 1.0
    assert b"date: Fri, 15 Jan 2027 08:00:01 GMT" in hot.answer(GET, config)


def test_the_number_of_cached_heads_is_bounded() -> None:
    hot, config = FastPathResponses(a_tracker(a_provider()), ResponseCache()), HyperConfig()
    for number in range(3 * HEADS):
        head = GET.replace(b"\r\n\r\n", b"\r\nX-Number: %d\r\n\r\n" % number)
        assert hot.answer(head, config) is not None
        assert len(hot._requests) <= HEADS
    assert (
        hot.answer(GET.replace(b"\r\n\r\n", b"\r\nX: %s\r\n\r\n" % (b"x" * 8200)), config) is None
    )


async def test_each_answer_restarts_the_keep_alive_time(
    taken: Any, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time stands still but for what the test moves; sockets do not."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE_SECONDS", 4.0)
    almost = http_server.KEEP_ALIVE_SECONDS - 0.5
    async with serving() as url, await connect(url) as stream:
        for _ in range(3):
            mock_clock.jump(almost)  # three times: longer than one keep-alive time
            await stream.send_all(GET)
            await read_until(stream, b"fastest")
        await wait_all_tasks_blocked()
        mock_clock.jump(1.0 + almost)
        assert await stream.receive_some() == b""
    assert len(taken) == 3


async def test_an_idle_connection_closes_when_the_server_stops(taken: Any) -> None:
    tracker = a_tracker(a_provider(), port=0)
    async with serving(tracker) as url, await connect(url) as stream:
        await stream.send_all(GET)
        await read_until(stream, b"fastest")
        began = trio.current_time()
        tracker.stop()
        assert await stream.receive_some() == b""
        assert trio.current_time() - began < PROMPT_SECONDS


async def test_a_client_that_reads_no_answers_is_disconnected(
    taken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "SEND_SECONDS", 0.2)
    many = tuple(a_provider(f"p{number}") for number in range(300))
    ask = GET.replace(b"best", b"status")
    async with serving(a_tracker(*many, port=0)) as url, await connect(url) as stream:
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(GIVE_UP_SECONDS):
            while True:
                await stream.send_all(ask * 50)
                await trio.sleep(0.05)  # between tries: only the cut ends the test
        async with await connect(url) as other:
            await other.send_all(GET)
            assert b" 200 " in await read_until(other, b"\r\n\r\n")


def _ten_thousand(names: list[str], comma: str) -> str:
    return comma.join(itertools.islice(itertools.cycle(names), 10_000))


async def test_a_filter_of_ten_thousand_names_is_answered_as_the_two_it_names() -> None:
    """Repeated, in another order, percent-encoded, in many parameters, beside unknown names."""
    forms = [
        "candidates=aa,bb",
        "candidates=" + _ten_thousand(["bb", "aa"], ","),
        "candidates=" + _ten_thousand(["a%61", "bb"], "%2C"),
        "&".join("candidates=" + name for name in ["bb", "aa"] * 2_000),
    ]
    tracker = a_tracker(a_provider("aa"), a_provider("bb"), a_provider("cc"), port=0)
    async with serving(tracker) as url, httpx.AsyncClient(verify=PLAIN) as client:
        answers = [await client.get(f"{url}/api/providers/best?{form}") for form in forms]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["ETag"] for answer in answers}) == 1
        known = {"If-None-Match": answers[0].headers["ETag"]}
        for form in forms:
            again = await client.get(f"{url}/api/providers/best?{form}", headers=known)
            assert again.status_code == 304
        model = await client.get(f"{url}/api/providers/best?model={'m' * 10_000}")
        assert model.status_code == 404
        assert len(model.content) < 2_000
