"""Simulated providers: what they say, when, and what they remember. Replies are read by h11."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

import attrs
import h11
import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.outcomes import OutcomeKind
from tracker.testing import ProviderBehavior, Quota, SimulatedProvider, Window, simulated_provider
from tracker.testing.quota import go_duration

CHAT = {"model": "gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


@attrs.frozen
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    events: tuple[bytes, ...] = ()

    def json(self) -> Any:
        return json.loads(self.body)


@attrs.define
class Client:
    stream: trio.abc.Stream
    state: h11.Connection = attrs.field(factory=lambda: h11.Connection(h11.CLIENT))

    async def ask(
        self, method: str = "GET", path: str = "/v1/models", key: Any = None, asked: Any = None
    ) -> Answer:
        body = b"" if asked is None else json.dumps(asked).encode()
        headers = [("host", "simulated"), ("content-length", str(len(body)))]
        headers += [] if key is None else [("authorization", f"Bearer {key}")]
        head = h11.Request(method=method, target=path, headers=headers)
        sent = [self.state.send(e) for e in (head, h11.Data(body), h11.EndOfMessage())]
        await self.stream.send_all(b"".join(sent))
        response, parts = await self._event(), []
        while isinstance(event := await self._event(), h11.Data):
            parts.append(bytes(event.data))
        assert isinstance(event, h11.EndOfMessage)
        self.state.start_next_cycle()
        headers = {name.decode(): value.decode() for name, value in response.headers}
        return Answer(response.status_code, headers, b"".join(parts), tuple(parts))

    async def _event(self) -> Any:
        while (event := self.state.next_event()) is h11.NEED_DATA:
            self.state.receive_data(await self.stream.receive_some())
        return event


@pytest.fixture
async def client_of(nursery: trio.Nursery) -> AsyncIterator[Any]:
    """Talk to a provider over memory, so that tests run on virtual time."""

    def connect(provider: Any) -> Client:
        ours, theirs = memory_stream_pair()
        nursery.start_soon(provider.talk, theirs)
        return Client(ours)

    yield connect
    nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(provider: Any) -> AsyncIterator[Any]:
    port = int(provider.base_url.rpartition(":")[2].removesuffix("/v1"))
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        yield Client(stream)


async def test_lists_its_models(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    answer = await client_of(SimulatedProvider(models=("a", "b"))).ask()
    assert answer.status == 200
    assert [model["id"] for model in answer.json()["data"]] == ["a", "b"]


async def test_completes_and_counts_tokens(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    provider = SimulatedProvider()
    answer = await client_of(provider).ask("POST", "/v1/chat/completions", asked=CHAT)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello from"
    assert answer.json()["usage"]["completion_tokens"] == 2
    assert (provider.checks, provider.completions) == (1, 1)


async def test_streams_one_event_a_token_and_keeps_the_connection(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    client = client_of(SimulatedProvider())
    answer = await client.ask("POST", "/v1/chat/completions", asked={**CHAT, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream"
    events = answer.body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    deltas = [json.loads(e.removeprefix("data: "))["choices"][0]["delta"] for e in events[:-2]]
    assert [delta.get("content") for delta in deltas] == ["Hello", " from", None]
    assert (await client.ask()).status == 200


async def test_unknown_paths_and_methods_are_404(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    client = client_of(SimulatedProvider())
    asked = [("GET", "/v1/nothing"), ("POST", "/v1/models"), ("GET", "/v1/chat/completions")]
    assert [(await client.ask(*one)).status for one in asked] == [404, 404, 404]


async def test_a_completion_without_json_is_400(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    answer = await client_of(SimulatedProvider()).ask("POST", "/v1/chat/completions")
    assert answer.status == 400


async def test_refuses_a_wrong_and_a_missing_key(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    client = client_of(SimulatedProvider(key="right"))
    answers = [await client.ask(key=key) for key in ("right", "wrong", None)]
    assert [answer.status for answer in answers] == [200, 401, 401]
    assert answers[1].json()["error"]["code"] == "invalid_api_key"


async def test_remembers_requests_with_their_keys_masked(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    provider = SimulatedProvider(key="secret-key")
    await client_of(provider).ask(key="secret-key", path="/v1/models?limit=1")
    (request,) = provider.received
    assert (request.method, request.path) == ("GET", "/v1/models")
    assert request.headers["authorization"] == "***"
    assert "secret-key" not in repr(provider)


@pytest.mark.parametrize(
    ("mood", "status", "content", "word"),
    [
        (ProviderBehavior.OK, 200, "application/json", '"object": "list"'),
        (ProviderBehavior.SLOW, 200, "application/json", '"object": "list"'),
        (ProviderBehavior.RATE_LIMITED, 429, "application/json", "rate_limit_exceeded"),
        (ProviderBehavior.QUOTA, 429, "application/json", "insufficient_quota"),
        (ProviderBehavior.AUTH, 401, "application/json", "invalid_api_key"),
        (ProviderBehavior.SERVER_ERROR, 500, "application/json", "internal_server_error"),
        (ProviderBehavior.OVERLOADED, 503, "application/json", "overloaded"),
        (ProviderBehavior.GARBAGE, 200, "text/html; charset=utf-8", "It works!"),
        (ProviderBehavior.BLOCKED, 403, "text/html; charset=utf-8", "Just a moment"),
        (ProviderBehavior.NOT_FOUND, 404, "application/json", "model_not_found"),
    ],
)
async def test_each_mood_has_its_answer(
    autojump_clock: MockClock,
    client_of: Callable[..., Client],
    mood: Any,
    status: int,
    content: str,
    word: str,
) -> None:
    answer = await client_of(SimulatedProvider(mood=mood)).ask()
    assert (answer.status, answer.headers["content-type"]) == (status, content)
    assert word in answer.body.decode()


async def test_a_rate_limit_has_its_reset(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    provider = SimulatedProvider(mood=ProviderBehavior.RATE_LIMITED, retry_after=12.5)
    assert (await client_of(provider).ask()).headers["retry-after"] == "12.5"


async def test_a_spent_account_can_be_402(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    provider = SimulatedProvider(mood=ProviderBehavior.QUOTA, quota_status=402)
    assert (await client_of(provider).ask()).status == 402


async def test_a_mood_changes_the_next_answer_on_the_same_connection(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    provider = SimulatedProvider()
    client, statuses = client_of(provider), []
    for mood in (ProviderBehavior.OK, ProviderBehavior.SERVER_ERROR, ProviderBehavior.OK):
        provider.mood = mood
        statuses.append((await client.ask()).status)
    assert statuses == [200, 500, 200]


async def test_answers_after_its_latency_exactly(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    client = client_of(SimulatedProvider(latency_ms=120.0, spread=0.0))
    began = trio.current_time()
    await client.ask()
    assert trio.current_time() - began == pytest.approx(0.120)


async def test_latencies_spread_around_their_median(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    client, waits = client_of(SimulatedProvider(latency_ms=100.0, spread=0.5)), []
    for _ in range(400):
        began = trio.current_time()
        await client.ask()
        waits.append(trio.current_time() - began)
    assert median(waits) == pytest.approx(0.100, rel=0.1)
    below = sum(wait < 0.1 / 1.6487 for wait in waits)  # one sigma below: 15.9 % of a log-normal
    assert below / 400 == pytest.approx(0.159, abs=0.05)


async def test_the_same_seed_gives_the_same_latencies(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    async def waits(seed: int) -> Any:
        client, seen = client_of(SimulatedProvider(seed=seed)), []
        for _ in range(5):
            began = trio.current_time()
            await client.ask()
            seen.append(round(trio.current_time() - began, 9))
        return seen

    assert await waits(1) == await waits(1) != await waits(2)


async def test_hangs_until_the_client_leaves_and_no_longer(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(SimulatedProvider(mood=ProviderBehavior.HANG).talk, theirs)
        with trio.move_on_after(60) as scope:
            await Client(ours).ask()
        await ours.aclose()
    assert scope.cancelled_caught


async def test_limits_count_down_and_come_back_with_their_window(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    quota = Quota(requests=Window(3, 100.0), tokens=Window(50, 60.0))
    client = client_of(SimulatedProvider(quota=quota, latency_ms=0.0))
    left = [(await client.ask()).headers["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    await trio.sleep(40)
    refused = await client.ask()
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert refused.headers["x-ratelimit-reset-requests"] == "1m0s"
    await trio.sleep(60)
    assert (await client.ask()).headers["x-ratelimit-remaining-requests"] == "2"


async def test_tokens_are_limited_too(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    quota = Quota(tokens=Window(5, 60.0))
    client = client_of(SimulatedProvider(quota=quota, latency_ms=0.0))
    statuses = []
    for _ in range(3):
        answer = await client.ask("POST", "/v1/chat/completions", asked=CHAT)
        statuses.append((answer.status, answer.headers["x-ratelimit-remaining-tokens"]))
    assert statuses == [(200, "2"), (200, "0"), (429, "0")]


async def test_tells_no_limits_without_a_quota(
    autojump_clock: MockClock, client_of: Callable[..., Client]
) -> None:
    headers = (await client_of(SimulatedProvider()).ask()).headers
    assert not [name for name in headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0125, "12.5ms"),
        (7.66, "7.66s"),
        (59.99999, "59.999s"),
        (60.0, "1m0s"),
        (179.56, "2m59.56s"),
        (86_398.0, "23h59m58s"),
    ],
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_every_mood_has_an_expected_outcome() -> None:
    assert {mood: mood.expected for mood in ProviderBehavior}[
        ProviderBehavior.REFUSE
    ] is OutcomeKind.CONNECT
    assert len({mood.expected for mood in ProviderBehavior}) == len(ProviderBehavior)


async def test_serves_on_a_real_port() -> None:
    async with simulated_provider(latency_ms=1.0) as provider, connected(provider) as client:
        assert (await client.ask()).status == 200


async def test_refusing_closes_connections_at_once_and_can_end_on_the_same_port() -> None:
    async with simulated_provider(latency_ms=1.0) as provider:
        async with connected(provider) as client:
            await client.ask()
            before, provider.mood = provider.base_url, ProviderBehavior.REFUSE
            assert await client.stream.receive_some() == b""
        for _ in range(3):
            with pytest.raises(OSError, match="all attempts to connect"):
                await connected(provider).__aenter__()
        provider.mood = ProviderBehavior.OK
        async with connected(provider) as client:
            assert (await client.ask()).status == 200
        assert provider.base_url == before


async def test_afterwards_it_has_no_address_and_its_mood_still_turns() -> None:
    async with simulated_provider() as provider:
        pass
    provider.mood = ProviderBehavior.REFUSE
    provider.mood = ProviderBehavior.OK
    with pytest.raises(RuntimeError, match="serves no port"):
        print(provider.base_url)


async def test_of_several_switches_within_one_tick_the_last_counts() -> None:
    async with simulated_provider(latency_ms=1.0) as provider:
        for _ in range(20):
            provider.mood = ProviderBehavior.REFUSE
            provider.mood = ProviderBehavior.OK
            provider.mood = ProviderBehavior.REFUSE
            await trio.lowlevel.checkpoint()
            provider.mood = ProviderBehavior.OK
        async with connected(provider) as client:
            assert (await client.ask()).status == 200


async def test_invalid_http_ends_that_connection_only() -> None:
    async with simulated_provider(latency_ms=1.0) as provider:
        async with connected(provider) as client:
            await client.stream.send_all(b"\x16\x03\x01 no request\r\n\r\n")
            assert await client.stream.receive_some() == b""
        async with connected(provider) as client:
            assert (await client.ask()).status == 200


async def test_the_blocks_own_error_is_raised_outside_a_group() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with simulated_provider():
            raise KeyError("mine")


def test_many_answer_in_a_process_of_their_own() -> None:
    async def ask_all(lines: Any) -> Any:
        async def ask(line: str) -> None:
            port = int(line["base_url"].split(":")[2].removesuffix("/v1"))
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                with trio.move_on_after(0.3 if line["hangs"] else GIVE_UP_SECONDS):
                    statuses[line["name"]] = (await Client(stream).ask()).status

        statuses = {}
        async with trio.open_nursery() as nursery:
            for line in lines:
                nursery.start_soon(ask, line)
        return statuses

    command = [
        sys.executable,
        "-m",
        "tracker.testing.many_providers",
        "--count",
        "5",
        "--hang",
        "2",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        lines = [json.loads(process.stdout.readline()) for _ in range(5)]
        assert trio.run(ask_all, lines) == {"p0000": 200, "p0001": 200, "p0002": 200}
        process.stdin.close()
        assert process.wait(timeout=GIVE_UP_SECONDS) == 0
