"""tracker.probes.dialects: what each says beyond the shapes of test_conformance."""

import attrs
import pytest
import trio
from loopback import Answer, answer, events, http_server

from tracker.catalogue import load_catalogue
from tracker.probes import open_check
from tracker.probes.dialects import dialect_of, kinds
from tracker.probes.dialects.openrouter import readings
from tracker.probes.lists import read_models
from tracker.reports import Facts, KeyState, Kind, LimitReading
from tracker.secret import Secret
from tracker.settings import Provider
from tracker.testing.clocks import START, virtual_clock

KEY = "canary-0123456789abcdef"
LIST = answer({"data": [{"id": "m"}]})


def provider(name, url, **more):
    entry = load_catalogue()[name]
    fields = {
        "name": name,
        "kind": entry.kind,
        "base_url": url,
        "moved": True,
        "keys": (Secret(KEY),),
        "check": entry.check,
        "list_public": entry.list_public,
        "options": entry.options,
    }
    return Provider(**(fields | more))


async def check(name, answers, *, times=1, clock=None, **more):
    """The last finding of so many checks, and everything that was asked."""
    async with http_server(answers) as server:
        named = {} if clock is None else {"clock": clock}
        async with open_check(provider(name, server.url, **more), **named) as ask:
            for _ in range(times):
                finding = await ask()
        return finding, server.asked


def routes(**answers: Answer):
    """By the last word of the path."""
    return lambda asked: answers.get(asked.target.partition("?")[0].rpartition("/")[2], LIST)


def test_a_kind_without_a_file_is_named_with_those_there_are():
    with pytest.raises(LookupError, match="no dialect for kind 'telepathy'; there are anthropic, "):
        dialect_of("telepathy")
    assert "openai" in kinds()


# OpenAI


@pytest.mark.parametrize(
    ("list_public", "keys", "authenticated"),
    [(False, True, True), (False, False, None), (True, True, None), (None, True, None)],
)
async def test_a_list_proves_the_key_only_where_it_is_known_to_need_one(
    list_public, keys, authenticated
):
    keys = (Secret(KEY),) if keys else ()
    finding, asked = await check("groq", LIST, list_public=list_public, keys=keys)
    assert finding.facts == Facts(reachable=True, authenticated=authenticated)
    assert ("authorization" in asked[0].headers) == bool(keys)


async def test_a_completion_streams_one_token_and_times_the_first():
    stream = events(
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"content": "Hi"}}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        delay=0.05,
    )
    finding, asked = await check("groq", stream, check="chat", model="m")
    assert finding.kind is Kind.OK
    assert 0.1 <= finding.ttft <= finding.latency - 0.05
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
async def test_an_answer_without_text_is_one_and_without_a_stream_has_no_ttft(choice):
    finding, _ = await check("groq", answer({"choices": [choice]}), check="chat", model="m")
    assert (finding.kind, finding.ttft) == (Kind.OK, None)
    assert finding.facts.inference is True


async def test_no_choice_is_a_server_that_still_starts():
    finding, _ = await check("groq", answer({"choices": []}), check="chat", model="m")
    assert finding.kind is Kind.OVERLOADED
    assert finding.facts == Facts(reachable=True, inference=False)


@pytest.mark.parametrize("body", [b"", b"hi", b"data: nonsense\n\n", [1]])
async def test_what_is_no_completion_is_a_bad_response(body):
    finding, _ = await check("groq", answer(body), check="chat", model="m")
    assert finding.kind is Kind.BAD_RESPONSE
    assert finding.facts == Facts(reachable=True, inference=False)


async def test_an_error_in_the_middle_of_a_stream_is_classified():
    stream = events(
        {"choices": [{"delta": {"content": "H"}}]},
        {"error": {"code": 429, "message": "upstream is full"}, "choices": []},
    )
    finding, _ = await check("groq", stream, check="chat", model="m")
    assert finding.kind is Kind.RATE_LIMITED
    assert finding.message == "rate limited (429): upstream is full"


async def test_a_reasoning_model_is_asked_in_its_own_words_from_then_on():
    def picky(asked):
        if "max_tokens" in asked.json:
            message = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return answer({"error": {"message": message}}, 400)
        return answer({"choices": [{"message": {}}]})

    finding, asked = await check("groq", picky, check="chat", model="o", times=2)
    assert finding.kind is Kind.OK
    assert ["max_completion_tokens" in one.json for one in asked] == [False, True, True]


async def test_the_model_chosen_chats_and_the_list_is_read_once():
    listed = answer({"data": [{"id": "bge-m3"}, {"id": "whisper-1"}, {"id": "llama"}]})
    done = answer({"choices": [{}]})
    finding, asked = await check(
        "nvidia", routes(models=listed, completions=done), check="chat", times=3
    )
    assert [one.method for one in asked] == ["GET", "POST", "POST", "POST"]
    assert {one.json["model"] for one in asked[1:]} == {"llama"}
    assert finding.requests == 1


async def test_a_listed_model_that_is_not_ours_gives_way_to_the_next():
    def reply(asked):
        if asked.method == "GET":
            return answer({"data": [{"id": "a"}, {"id": "b"}]})
        if asked.json["model"] == "a":
            return answer({"detail": "Function 'x': Not found for account 'y'"}, 404)
        return answer({"choices": [{}]})

    finding, asked = await check("nvidia", reply, times=2)
    assert finding.kind is Kind.OK
    assert [one.json["model"] for one in asked[1:]] == ["a", "b", "b"]


async def test_a_named_model_that_is_gone_is_not_replaced():
    gone = answer({"detail": "gone"}, 410)
    finding, asked = await check("nvidia", gone, model="mine")
    assert finding.kind is Kind.NOT_FOUND
    assert finding.facts == Facts(reachable=True, inference=False)
    assert len(asked) == 1


async def test_a_list_without_a_chat_model_asks_for_a_name():
    finding, _ = await check("nvidia", answer({"data": [{"id": "bge-m3"}]}))
    assert (finding.kind, finding.completions) == (Kind.REQUEST, 0)
    assert finding.message == "its list has no model to ask: name one with model ="


async def test_a_completion_lost_to_a_time_out_is_counted_with_the_next():
    replies = iter([attrs.evolve(answer(b"x"), delay=5.0), answer({"choices": [{}]})])
    async with http_server(lambda _: next(replies)) as server:
        here = provider("groq", server.url, check="chat", model="m")
        async with open_check(here) as ask:
            with trio.move_on_after(0.1):
                await ask()
            finding = await ask()
    assert finding.completions == 2


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ([{"id": "a"}, {"id": "a"}, {"id": "b"}], ("a", "b")),
        ({"models": [{"name": "models/gemini-x"}]}, ("gemini-x",)),
        ({"data": [{"id": "x" * 300}, {"id": "\x00"}, {"id": "ok"}]}, ("ok",)),
        ({"data": [{"id": ""}]}, None),
        ({"data": None}, None),
        ({}, None),
        ("a", None),
    ],
)
def test_reading_a_list(body, names):
    found = read_models(body)
    assert (found and found.names) == names


def test_a_gemini_model_that_only_embeds_is_not_asked_to_chat():
    entries = [
        {"name": "models/x-1", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/y-1", "supportedGenerationMethods": ["generateContent"]},
    ]
    assert read_models({"models": entries}).chat == ("y-1",)


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
async def test_a_completion_proves_key_quota_and_inference(name):
    target, stream, body = CHATS[name]
    finding, asked = await check(name, stream, check="chat", model="m")
    assert finding.kind is Kind.OK
    assert finding.facts == Facts(
        reachable=True, authenticated=True, quota_available=True, inference=True
    )
    assert finding.ttft is not None
    assert [f"{one.method} {one.target}" for one in asked] == [target]
    assert asked[0].json == (body or {
        "model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1,
        "stream": True,
    })  # fmt: skip


async def test_an_overload_told_in_anthropics_stream():
    stream = events({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    finding, _ = await check("anthropic", stream, check="chat", model="m")
    assert finding.kind is Kind.OVERLOADED


async def test_cloudflare_without_a_list_asks_for_a_model():
    finding, asked = await check("cloudflare", LIST, check="chat")
    assert (finding.kind, asked) == (Kind.REQUEST, [])
    assert finding.message == 'check = "chat" needs a model here: set model ='


async def test_g4f_lets_the_server_choose_and_sends_a_key_only_if_there_is_one():
    finding, asked = await check("g4f_main", answer({"choices": [{}]}), keys=())
    assert finding.facts == Facts(reachable=True, quota_available=True, inference=True)
    assert asked[0].json["model"] == ""
    assert "authorization" not in asked[0].headers


async def test_a_429_of_g4f_says_what_it_may_be():
    finding, _ = await check("g4f_groq", answer({"error": {"message": "no"}}, 429))
    assert finding.message == "rate limited, or its upstream failed (429): no"


# OpenRouter


async def test_a_spent_budget_lasts_until_its_daily_reset(autojump_clock):
    key = answer({"data": {"limit": 5, "limit_remaining": -0.1, "limit_reset": "daily"}})
    clock = virtual_clock()
    finding, _ = await check("openrouter", key, clock=clock)
    assert finding.kind is Kind.QUOTA_EXHAUSTED
    assert finding.message == "quota spent: credits"
    assert finding.facts == Facts(reachable=True, authenticated=True, quota_available=False)
    midnight = (finding.limits[0].reset_at - clock.now()).total_seconds()
    assert finding.retry_after == pytest.approx(midnight, abs=5)
    assert finding.limits[0].reset_at.strftime("%H:%M:%S") == "00:00:00"


@pytest.mark.parametrize(("free_tier", "kind"), [(True, Kind.QUOTA_EXHAUSTED), (False, Kind.OK)])
async def test_spent_free_requests_stop_only_who_has_no_credit(free_tier, kind):
    free = {"limit": 50, "used": 50, "remaining": 0}
    data = {"limit": None, "is_free_tier": free_tier, "free_model_daily_requests": free}
    finding, _ = await check("openrouter", routes(key=answer({"data": data})))
    assert finding.kind is kind
    assert finding.limits[0].used_percent == 100.0


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"limit": "much", "limit_remaining": [], "free_model_daily_requests": 3},
        {"limit": -1, "limit_remaining": -1, "free_model_daily_requests": {"limit": None}},
        {"limit": 10**400, "limit_remaining": 1},
        {"limit": True, "limit_remaining": True},
    ],
)
def test_a_key_described_in_nonsense_has_no_limits(data):
    assert list(readings(data, START)) == []


async def test_the_slow_list_is_asked_once_an_hour_and_its_failure_is_no_failure(autojump_clock):
    clock = virtual_clock()
    broken = routes(key=answer({"data": {}}), models=answer(status=500))
    async with http_server(broken) as server:
        here = provider("openrouter", server.url)
        async with open_check(here, clock=clock) as ask:
            kinds_found = [(await ask()).kind, (await ask()).kind]
            await trio.sleep(3600)
            kinds_found.append((await ask()).kind)
    assert kinds_found == [Kind.OK] * 3
    assert [one.target for one in server.asked] == ["/key", "/models", "/key", "/key", "/models"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openrouter", "it does not describe the key"),
        ("cohere", "it does not say whether the key is valid"),
        ("deepseek", "it does not say whether there is a balance"),
        ("cloudflare", "it does not say whether the token is active"),
    ],
)
@pytest.mark.parametrize("body", [{}, [], 3, None, {"data": 1, "valid": 1, "success": True}])
async def test_a_verdict_of_the_wrong_shape_is_a_bad_response(name, message, body):
    finding, _ = await check(name, answer(body))
    assert (finding.kind, finding.message) == (
        Kind.BAD_RESPONSE,
        f"not the API's answer: {message}",
    )


# Cohere, DeepSeek, Cloudflare


async def test_cohere_says_invalid_with_a_200():
    finding, _ = await check("cohere", answer({"valid": False}))
    assert finding.kind is Kind.AUTH
    assert finding.facts == Facts(reachable=True, authenticated=False)


async def test_an_empty_balance_is_a_good_key_without_quota():
    infos = [{"currency": "USD", "total_balance": "0.00"}, {"currency": 1}, 7]
    body = {"is_available": False, "balance_infos": infos}
    finding, _ = await check("deepseek", answer(body))
    assert finding.kind is Kind.QUOTA_EXHAUSTED
    assert finding.facts == Facts(reachable=True, authenticated=True, quota_available=False)
    assert finding.limits == (LimitReading(name="balance_usd", remaining=0.0),)


ACTIVE = answer({"success": True, "result": {"status": "active"}})


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_cloudflare_tries_an_account_token_where_it_belongs_and_remembers(status):
    def reply(asked):
        return ACTIVE if asked.target.startswith("/accounts/") else answer({}, status)

    options = load_catalogue()["cloudflare"].options | {"account_id": "a/b"}
    finding, asked = await check("cloudflare", reply, options=options, times=2)
    assert finding.facts == Facts(reachable=True, authenticated=True)
    account = "/accounts/a%2Fb/tokens/verify"
    assert [one.target for one in asked] == ["/user/tokens/verify", account, account]


async def test_a_cloudflare_token_that_ended_is_refused():
    finding, _ = await check(
        "cloudflare", answer({"success": True, "result": {"status": "expired"}})
    )
    assert (finding.kind, finding.message) == (Kind.AUTH, "key refused: the token is expired")


# HuggingFace


async def test_whoami_is_asked_once_an_hour(autojump_clock):
    clock = virtual_clock()
    good = routes(**{"whoami-v2": answer({"name": "me"})})
    async with http_server(good) as server:
        here = provider("huggingface", server.url)
        async with open_check(here, clock=clock) as ask:
            first = await ask()
            await trio.sleep(720)
            second = await ask()
            await trio.sleep(2880)
            third = await ask()
    assert [one.facts.authenticated for one in (first, second, third)] == [True] * 3
    assert second.message == "key verified 12 min ago; now only the public list was read"
    assert (first.message, third.message) == ("", "")
    whoami = "/api/whoami-v2"
    assert [one.target for one in server.asked] == [
        whoami, "/models", "/models", whoami, "/models",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [429, 500])
async def test_a_whoami_that_says_nothing_leaves_the_key_unproven(status):
    finding, _ = await check("huggingface", routes(**{"whoami-v2": answer(status=status)}))
    assert finding.kind is Kind.OK
    assert finding.facts == Facts(reachable=True)
    assert finding.message == "whoami did not answer: the key is not proven now"


# Where requests go


async def test_an_absolute_url_of_the_catalogue_is_asked_unless_the_provider_moved():
    async with http_server(ACTIVE) as elsewhere, http_server(ACTIVE) as home:
        options = load_catalogue()["cloudflare"].options | {"verify_url": elsewhere.url + "/verify"}
        for moved in (False, True):
            here = provider("cloudflare", home.url + "/ai", options=options, moved=moved)
            async with open_check(here) as ask:
                assert (await ask()).kind is Kind.OK
    assert [one.target for one in elsewhere.asked] == ["/verify"]
    assert [one.target for one in home.asked] == ["/ai/user/tokens/verify"]


# Several keys


def keyed(**answers):
    """By the key's last letter."""
    return lambda asked: answers[asked.headers["authorization"][-1]]


KEYS = tuple(Secret(f"canary-0123456789-{letter}") for letter in "abc")
REFUSED, SPENT, LIMITED = (
    answer(status=401),
    answer(status=402),
    answer(status=429, retry_after="9"),
)


async def states(answers, times=1):
    finding, asked = await check("groq", answers, keys=KEYS, times=times)
    tried = "".join(one.headers["authorization"][-1] for one in asked)
    return finding, [report.state for report in finding.keys], tried


async def test_each_check_takes_the_next_key():
    finding, found, tried = await states(keyed(a=LIST, b=LIST, c=LIST), times=4)
    assert tried == "abca"
    assert found == [KeyState.OK] * 3
    assert finding.requests == 1


async def test_bad_keys_do_not_condemn_their_provider():
    finding, found, tried = await states(keyed(a=REFUSED, b=SPENT, c=LIST))
    assert (finding.kind, finding.requests, tried) == (Kind.OK, 3, "abc")
    assert found == [KeyState.REFUSED, KeyState.SPENT, KeyState.OK]
    assert finding.facts == Facts(reachable=True, authenticated=True)


async def test_keys_not_tried_yet_are_unknown():
    _, found, _ = await states(keyed(a=LIST))
    assert found == [KeyState.OK, KeyState.UNKNOWN, KeyState.UNKNOWN]


async def test_of_failing_keys_the_one_that_comes_back_first_speaks():
    finding, found, _ = await states(keyed(a=REFUSED, b=LIMITED, c=SPENT))
    assert (finding.kind, finding.retry_after) == (Kind.RATE_LIMITED, 9.0)
    assert found == [KeyState.REFUSED, KeyState.RATE_LIMITED, KeyState.SPENT]


async def test_a_failing_server_is_not_asked_again_with_another_key():
    finding, found, tried = await states(keyed(a=answer(status=500)))
    assert (finding.kind, tried) == (Kind.SERVER, "a")
    assert found == [KeyState.UNKNOWN] * 3


async def test_a_key_is_not_called_refused_for_where_we_are():
    region = answer({"error": {"code": "unsupported_country_region_territory"}}, 403)
    finding, found, _ = await states(keyed(a=region, b=region, c=region))
    assert finding.message.startswith("not offered where we are (403)")
    assert found == [KeyState.UNKNOWN] * 3
