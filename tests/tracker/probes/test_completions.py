"""tracker.probes.completions: one token of every kind of API, and what it proves."""

from typing import Any

import attrs
import pytest
import trio

from tests.helpers.ask_provider import LIST, check, provider, routes
from tests.helpers.loopback import answer, events, http_server
from tests.helpers.waiting import wait_until
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.probes import open_check


async def test_a_completion_streams_one_token_and_times_the_first() -> None:
    stream = events(
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"content": "Hi"}}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        delay=0.05,
    )
    finding, asked = await check("groq", stream, check="chat", model="m")
    assert finding.kind is OutcomeKind.OK
    assert 100.0 <= finding.ttft_ms <= finding.latency_ms - 50.0
    assert asked[0].json == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 1,
        "stream": True,
    }
    assert (finding.requests, finding.completions, finding.models) == (1, 1, None)


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": ""}, "finish_reason": "length"},  # a token spent on thinking
        {"message": {"content": None}, "finish_reason": "length"},
        {"message": {"content": "Hi"}},
    ],
)
async def test_an_answer_without_text_is_one_and_without_a_stream_has_no_ttft(
    choice: dict[str, Any],
) -> None:
    finding, _ = await check("groq", answer({"choices": [choice]}), check="chat", model="m")
    assert (finding.kind, finding.ttft_ms) == (OutcomeKind.OK, None)
    assert finding.facts.inference is True


async def test_no_choice_is_a_server_that_still_starts() -> None:
    finding, _ = await check("groq", answer({"choices": []}), check="chat", model="m")
    assert finding.kind is OutcomeKind.OVERLOADED
    assert finding.facts == Facts(reachable=True, inference=False)


@pytest.mark.parametrize("body", [b"", b"hi", b"data: nonsense\n\n", [1]])
async def test_what_is_no_completion_is_a_bad_response(body: bytes | list[Any]) -> None:
    finding, _ = await check("groq", answer(body), check="chat", model="m")
    assert finding.kind is OutcomeKind.BAD_RESPONSE
    assert finding.facts == Facts(reachable=True, inference=False)


async def test_an_error_in_the_middle_of_a_stream_is_classified() -> None:
    stream = events(
        {"choices": [{"delta": {"content": "H"}}]},
        {"error": {"code": 429, "message": "slow down"}, "choices": []},
    )
    finding, _ = await check("groq", stream, check="chat", model="m")
    assert finding.kind is OutcomeKind.RATE_LIMITED
    assert finding.message == "rate limited (429): slow down"


@pytest.mark.parametrize(
    ("name", "end", "kind"),
    [
        ("openrouter", {"choices": [{"finish_reason": "error"}]}, OutcomeKind.SERVER),
        ("openrouter", {"choices": [{"delta": {}, "error": {"code": 502}}]}, OutcomeKind.SERVER),
        (
            "openrouter",
            {"choices": [{"delta": {}, "error": {"code": 429}}]},
            OutcomeKind.RATE_LIMITED,
        ),
        ("groq", {"choices": [{"delta": {}}], "error": "no more"}, OutcomeKind.SERVER),
        (
            "cohere",
            {"type": "message-end", "delta": {"finish_reason": "ERROR"}},
            OutcomeKind.SERVER,
        ),
    ],
)
async def test_a_stream_that_ends_in_an_error_is_no_completion(
    name: str, end: dict[str, Any], kind: OutcomeKind
) -> None:
    begin = {"choices": [{"delta": {"content": "H"}}], "error": None, "type": "content-delta"}
    finding, _ = await check(name, events(begin, end), check="chat", model="m")
    assert finding.kind is kind
    assert finding.facts.inference is (False if kind is OutcomeKind.SERVER else None)


async def test_a_limit_stated_inside_a_200_is_read() -> None:
    headers = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0"}
    error = {"code": 429, "message": "full", "metadata": {"headers": headers}}
    finding, _ = await check("openrouter", answer({"error": error}), check="chat", model="m")
    assert finding.kind is OutcomeKind.RATE_LIMITED
    assert [(one.limit, one.remaining) for one in finding.limits] == [(20.0, 0.0)]


async def test_a_reasoning_model_gets_its_own_parameter_from_then_on() -> None:
    def picky(asked: Any) -> Any:
        if "max_tokens" in asked.json:
            message = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return answer({"error": {"message": message}}, 400)
        return answer({"choices": [{"message": {}}]})

    finding, asked = await check("groq", picky, check="chat", model="o", times=2)
    assert finding.kind is OutcomeKind.OK
    assert ["max_completion_tokens" in one.json for one in asked] == [False, True, True]


async def test_a_reasoning_model_that_spent_its_token_on_thinking_has_answered() -> None:
    message = (
        "Could not finish the message because max_tokens or model output limit was reached. "
        "Please try again with higher max_tokens."
    )
    spent = answer({"error": {"message": message, "type": "invalid_request_error"}}, 400)
    finding, asked = await check("openai", spent, check="chat", model="o")
    assert (finding.kind, finding.message, finding.ttft_ms) == (OutcomeKind.OK, "", None)
    assert finding.facts == Facts(
        reachable=True, authenticated=True, quota_available=True, inference=True
    )
    assert len(asked) == 1


async def test_a_chat_model_is_chosen_and_the_list_is_read_once() -> None:
    listed = answer({"data": [{"id": "bge-m3"}, {"id": "whisper-1"}, {"id": "llama"}]})
    done = answer({"choices": [{}]})
    finding, asked = await check(
        "nvidia", routes(models=listed, completions=done), check="chat", times=3
    )
    assert [one.method for one in asked] == ["GET", "POST", "POST", "POST"]
    assert {one.json["model"] for one in asked[1:]} == {"llama"}
    assert finding.requests == 1


async def test_a_listed_model_that_we_may_not_use_is_replaced_by_the_next() -> None:
    def reply(asked: Any) -> Any:
        if asked.method == "GET":
            return answer({"data": [{"id": "a"}, {"id": "b"}]})
        if asked.json["model"] == "a":
            return answer({"detail": "Function 'x': Not found for account 'y'"}, 404)
        return answer({"choices": [{}]})

    finding, asked = await check("nvidia", reply, times=2)
    assert finding.kind is OutcomeKind.OK
    assert [one.json["model"] for one in asked[1:]] == ["a", "b", "b"]


TWO_MODELS = answer({"data": [{"id": "first-model"}, {"id": "second-model"}]})


def refusing(message: str, status: Any) -> Any:
    """A list of two models, of which the first is refused and the second answers."""

    def reply(asked: Any) -> Any:
        if asked.method == "GET":
            return TWO_MODELS
        if asked.json["model"] == "first-model":
            return answer({"error": {"message": message}}, status)
        return answer({"choices": [{}]})

    return reply


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("Unsupported parameter: 'stream_mode'", 400),
        ("Rate limit reached for model `first-model` on requests per minute", 429),
        ("first-model is overloaded", 503),
        ("internal error in first-model", 500),
    ],
)
async def test_a_refusal_that_concerns_one_model_asks_the_next(message: str, status: int) -> None:
    finding, asked = await check("nvidia", refusing(message, status))
    assert [one.json["model"] for one in asked[1:]] == ["first-model", "second-model"]
    assert finding.kind is OutcomeKind.OK


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        ("Rate limit reached: requests per minute", 429, OutcomeKind.RATE_LIMITED),
        ("overloaded", 503, OutcomeKind.OVERLOADED),
        ("first-model-large is overloaded", 503, OutcomeKind.OVERLOADED),
        ("the key may not use first-model", 401, OutcomeKind.AUTH),
    ],
)
async def test_a_refusal_of_the_provider_asks_no_other_model(
    message: str, status: int, kind: OutcomeKind
) -> None:
    finding, asked = await check("nvidia", refusing(message, status))
    assert [one.json["model"] for one in asked[1:]] == ["first-model"]
    assert finding.kind is kind


async def test_a_limit_of_one_model_is_reported_if_there_is_no_other() -> None:
    def reply(asked: Any) -> Any:
        if asked.method == "GET":
            return TWO_MODELS
        if asked.json["model"] == "first-model":
            return answer({"error": "rate limit reached for first-model per minute"}, 429)
        return answer({"error": "gone"}, 404)

    finding, _ = await check("nvidia", reply)
    assert finding.kind is OutcomeKind.RATE_LIMITED


async def test_the_model_that_answered_is_asked_first_by_the_next_process() -> None:
    reply = refusing("model gone", 404)
    finding, _ = await check("nvidia", reply)
    assert finding.learned["second-model"].first
    async with http_server(reply) as server:
        async with open_check(provider("nvidia", server.url)) as ask:
            ask.remember(finding.learned)
            again = await ask()
        asked = [one.json["model"] for one in server.asked if one.method == "POST"]
    assert (again.kind, asked) == (OutcomeKind.OK, ["second-model"])


async def test_only_one_model_is_asked_first() -> None:
    models = iter(["first-model", "second-model"])
    works = next(models)

    def reply(asked: Any) -> Any:
        if asked.method == "GET":
            return TWO_MODELS
        return answer({"choices": [{}]}) if asked.json["model"] == works else answer({}, 404)

    async with http_server(reply) as server, open_check(provider("nvidia", server.url)) as ask:
        await ask()
        works = next(models)
        finding = await ask()
    assert [m for m, shape in finding.learned.items() if shape.first] == ["second-model"]


async def test_a_named_model_that_is_missing_is_not_replaced() -> None:
    gone = answer({"detail": "gone"}, 410)
    finding, asked = await check("nvidia", gone, model="mine")
    assert finding.kind is OutcomeKind.NOT_FOUND
    assert finding.facts == Facts(reachable=True, inference=False)
    assert len(asked) == 1


async def test_a_list_without_a_chat_model_asks_for_a_name() -> None:
    finding, _ = await check("nvidia", answer({"data": [{"id": "bge-m3"}]}))
    assert (finding.kind, finding.completions) == (OutcomeKind.REQUEST, 0)
    assert finding.message == "its model list has no model to ask: set model ="


async def test_a_completion_lost_to_a_time_out_is_counted_with_it() -> None:
    replies = iter([attrs.evolve(answer(b"x"), delay=5.0), answer({"choices": [{}]})])
    async with http_server(lambda _: next(replies)) as server:
        here = provider("groq", server.url, check="chat", model="m")
        async with open_check(here) as ask:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                await wait_until(lambda: server.asked)
                nursery.cancel_scope.cancel()
            lost, finding = ask.partial_result(), await ask()
    assert (lost.completions, lost.requests) == (finding.completions, finding.requests) == (1, 1)


# Completions of the other kinds


CHATS = {
    "gemini": (
        "POST /models/m:streamGenerateContent?alt=sse",
        events({"candidates": [{"content": {"parts": [{"text": "H"}]}}]}),
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 1},
        },
    ),
    "anthropic": (
        "POST /messages",
        events(
            {"type": "message_start", "message": {}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "H"}},
            {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}},
        ),
        None,
    ),
    "cohere": (
        "POST /v2/chat",
        events({"type": "message-start"}, {"type": "content-delta"}, {"type": "message-end"}),
        None,
    ),
    "openrouter": (
        "POST /chat/completions",
        events({"choices": [{"delta": {"content": 1}}]}),
        None,
    ),
    "huggingface": (
        "POST /chat/completions",
        events({"choices": [{"delta": {"content": 1}}]}),
        None,
    ),
    "deepseek": ("POST /chat/completions", events({"choices": [{"delta": {"content": 1}}]}), None),
    "cloudflare": (
        "POST /chat/completions",
        events({"choices": [{"delta": {"content": 1}}]}),
        None,
    ),
}


@pytest.mark.parametrize("name", CHATS)
async def test_a_completion_proves_key_quota_and_inference(name: str) -> None:
    target, stream, body = CHATS[name]
    finding, asked = await check(name, stream, check="chat", model="m")
    assert finding.kind is OutcomeKind.OK
    assert finding.facts == Facts(
        reachable=True, authenticated=True, quota_available=True, inference=True
    )
    assert finding.ttft_ms is not None
    assert [f"{one.method} {one.target}" for one in asked] == [target]
    assert asked[0].json == (body or {
        "model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1,
        "stream": True,
    })  # fmt: skip


async def test_an_overload_in_anthropics_stream_is_classified() -> None:
    stream = events({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    finding, _ = await check("anthropic", stream, check="chat", model="m")
    assert finding.kind is OutcomeKind.OVERLOADED


async def test_cloudflare_without_a_list_asks_for_a_model() -> None:
    finding, asked = await check("cloudflare", LIST, check="chat")
    assert (finding.kind, asked) == (OutcomeKind.REQUEST, [])
    assert finding.message == 'check = "chat" needs a model for this provider: set model ='


async def test_g4f_lets_the_server_choose_and_sends_a_key_only_if_there_is_one() -> None:
    finding, asked = await check("g4f_main", answer({"choices": [{}]}), keys=())
    assert finding.facts == Facts(reachable=True, quota_available=True, inference=True)
    assert asked[0].json["model"] == ""
    assert "authorization" not in asked[0].headers


async def test_a_429_of_g4f_says_what_it_may_be() -> None:
    finding, _ = await check("g4f_groq", answer({"error": {"message": "no"}}, 429))
    assert finding.message == "rate limited, or its upstream failed (429): no"
