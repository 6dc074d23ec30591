"""tracker.probes.dialects: what each says beyond the shapes of test_conformance."""

from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.helpers.ask_provider import KEY, LIST, check, provider, routes
from tests.helpers.loopback import Answer, answer, http_server
from tracker.config.catalogue import load_catalogue
from tracker.core.outcomes import Facts, OutcomeKind
from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import Secret
from tracker.probes import open_check
from tracker.probes.dialects import dialect_of, kinds
from tracker.probes.dialects.openrouter import readings
from tracker.testing.clocks import START, virtual_clock


def test_a_kind_without_a_file_is_named_with_those_there_are() -> None:
    with pytest.raises(
        LookupError, match="no dialect for kind 'telepathy'; known kinds: anthropic, "
    ):
        dialect_of("telepathy")
    assert "openai" in kinds()


# OpenAI


@pytest.mark.parametrize(
    ("list_public", "keys", "authenticated"),
    [(False, True, True), (False, False, None), (True, True, None), (None, True, None)],
)
async def test_a_list_proves_the_key_only_where_it_is_known_to_need_one(
    list_public: bool | None, keys: bool, authenticated: bool | None
) -> None:
    keys = (Secret(KEY),) if keys else ()
    finding, asked = await check("groq", LIST, list_public=list_public, keys=keys)
    assert finding.facts == Facts(reachable=True, authenticated=authenticated)
    assert ("authorization" in asked[0].headers) == bool(keys)


# OpenRouter


async def test_a_management_key_is_a_refused_key() -> None:
    key = answer({"data": {"is_management_key": True, "limit": 5, "limit_remaining": 5}})
    finding, _ = await check("openrouter", key)
    assert finding.kind is OutcomeKind.AUTH
    assert finding.facts == Facts(reachable=True, authenticated=False)
    assert "management key" in finding.message


@pytest.mark.parametrize(
    ("window", "seconds", "ends"),
    [
        ("daily", 86_400, "2026-02-13"),
        ("weekly", 7 * 86_400, "2026-02-16"),  # the Monday after
        ("monthly", 30 * 86_400, "2026-03-01"),
    ],
)
def test_a_budget_resets_with_the_next_day_week_or_month(
    window: str, seconds: float, ends: str
) -> None:
    thursday = datetime(2026, 2, 12, 23, 30, tzinfo=UTC)
    data = {"limit": 5, "limit_remaining": 1, "limit_reset": window}
    (credit,) = readings(data, thursday)
    assert (credit.window_seconds, credit.reset_at) == (
        seconds,
        datetime.fromisoformat(f"{ends}T00:00:00Z"),
    )


@pytest.mark.parametrize(
    ("resets", "waits"), [("2026-01-05T13:00:00Z", True), ("2026-01-05T11:00:00Z", False)]
)
async def test_a_spent_workspace_blocks_a_key_until_a_future_reset(
    resets: str, waits: bool, autojump_clock: MockClock
) -> None:
    spent = {"remaining_usd": -0.5, "resets_at": resets}
    key = answer({"data": {"limit": None, "effective_budget": spent}})
    finding, _ = await check("openrouter", key, clock=virtual_clock())  # at noon
    assert finding.kind is OutcomeKind.QUOTA_EXHAUSTED
    assert finding.message == "quota used up: budget"
    assert (finding.retry_after is not None) is waits


def test_a_workspace_without_a_budget_of_its_own_is_no_limit() -> None:
    assert list(readings({"effective_budget": {"remaining_usd": None}}, START)) == []


async def test_a_spent_budget_lasts_until_its_daily_reset(autojump_clock: MockClock) -> None:
    key = answer({"data": {"limit": 5, "limit_remaining": -0.1, "limit_reset": "daily"}})
    clock = virtual_clock()
    finding, _ = await check("openrouter", key, clock=clock)
    assert finding.kind is OutcomeKind.QUOTA_EXHAUSTED
    assert finding.message == "quota used up: credits"
    assert finding.facts == Facts(reachable=True, authenticated=True, quota_available=False)
    midnight = (finding.limits[0].reset_at - clock.now()).total_seconds()
    assert finding.retry_after == pytest.approx(midnight, abs=5)
    assert finding.limits[0].reset_at.strftime("%H:%M:%S") == "00:00:00"


@pytest.mark.parametrize(
    ("free_tier", "kind"), [(True, OutcomeKind.QUOTA_EXHAUSTED), (False, OutcomeKind.OK)]
)
async def test_spent_free_requests_block_only_a_key_without_credit(
    free_tier: bool, kind: OutcomeKind
) -> None:
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
def test_an_invalid_description_of_a_key_has_no_limits(data: dict[str, Any]) -> None:
    assert list(readings(data, START)) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit": f'"{KEY}";r=1;t=5'},
        {"ratelimit": f'"the limit of {KEY.upper()}";r=1;t=5'},
        {f"x-ratelimit-remaining-{KEY}": "1"},
    ],
)
async def test_a_key_in_a_limits_name_is_not_shown(
    headers: dict[str, Any] | dict[Any, Any],
) -> None:
    told = headers | {"x-ratelimit-remaining-tokens": "3"}
    finding, _ = await check("together", answer({"data": [{"id": "m"}]}, **told))
    assert {limit.name: limit.remaining for limit in finding.limits} == {"***": 1.0, "tokens": 3.0}


async def test_the_slow_list_is_read_once_an_hour_and_its_failure_does_not_count(
    autojump_clock: MockClock,
) -> None:
    clock = virtual_clock()
    broken = routes(key=answer({"data": {}}), models=answer(status=500))
    async with http_server(broken) as server:
        here = provider("openrouter", server.url)
        async with open_check(here, clock=clock) as ask:
            kinds_found = [(await ask()).kind, (await ask()).kind]
            await trio.sleep(3600)
            kinds_found.append((await ask()).kind)
    assert kinds_found == [OutcomeKind.OK] * 3
    assert [one.target for one in server.asked] == ["/key", "/models", "/key", "/key", "/models"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openrouter", "it does not describe the key"),
        ("cohere", "it does not say whether the key is valid"),
        ("deepseek", "it does not say whether the balance is sufficient"),
        ("cloudflare", "it does not say whether the token is active"),
    ],
)
@pytest.mark.parametrize("body", [{}, [], 3, None, {"data": 1, "valid": 1, "success": True}])
async def test_a_verdict_of_the_wrong_shape_is_a_bad_response(
    name: str, message: str, body: Any
) -> None:
    finding, _ = await check(name, answer(body))
    assert (finding.kind, finding.message) == (
        OutcomeKind.BAD_RESPONSE,
        f"not the API's format: {message}",
    )


# Cohere, DeepSeek, Cloudflare


async def test_cohere_says_invalid_with_a_200() -> None:
    finding, _ = await check("cohere", answer({"valid": False}))
    assert finding.kind is OutcomeKind.AUTH
    assert finding.facts == Facts(reachable=True, authenticated=False)


async def test_an_empty_balance_is_a_good_key_without_quota() -> None:
    infos = [{"currency": "USD", "total_balance": "0.00"}, {"currency": 1}, 7]
    body = {"is_available": False, "balance_infos": infos}
    finding, _ = await check("deepseek", answer(body))
    assert finding.kind is OutcomeKind.QUOTA_EXHAUSTED
    assert finding.facts == Facts(reachable=True, authenticated=True, quota_available=False)
    assert finding.limits == (LimitReading(name="balance_usd", remaining=0.0),)


ACTIVE = answer({"success": True, "result": {"status": "active"}})


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_cloudflare_tries_an_account_token_where_it_belongs_and_remembers(
    status: int,
) -> None:
    def reply(asked: Any) -> Any:
        return ACTIVE if asked.target.startswith("/accounts/") else answer({}, status)

    options = load_catalogue()["cloudflare"].options | {"account_id": "a/b"}
    finding, asked = await check("cloudflare", reply, options=options, times=2)
    assert finding.facts == Facts(reachable=True, authenticated=True)
    account = "/accounts/a%2Fb/tokens/verify"
    verified = [one.target for one in asked if "/ai/models/search" not in one.target]
    assert verified == ["/user/tokens/verify", account, account]
    assert len(asked) == 4  # its registry is read once an hour


async def test_a_cloudflare_token_that_ended_is_refused() -> None:
    finding, _ = await check(
        "cloudflare", answer({"success": True, "result": {"status": "expired"}})
    )
    assert (finding.kind, finding.message) == (
        OutcomeKind.AUTH,
        "key refused: the token is expired",
    )


# HuggingFace


async def test_whoami_is_asked_once_an_hour(autojump_clock: MockClock) -> None:
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
    assert second.message == "key verified 12 min ago; this check read only the public list"
    assert (first.message, third.message) == ("", "")
    whoami = "/api/whoami-v2"
    assert [one.target for one in server.asked] == [
        whoami, "/models", "/models", whoami, "/models",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [429, 500])
async def test_a_whoami_that_says_nothing_leaves_the_key_unproven(status: int) -> None:
    finding, _ = await check("huggingface", routes(**{"whoami-v2": answer(status=status)}))
    assert finding.kind is OutcomeKind.OK
    assert finding.facts == Facts(reachable=True)
    assert finding.message == f"the key could not be verified: whoami answered {status}"


async def test_a_whoami_without_an_answer_says_so(autojump_clock: MockClock) -> None:
    silent = Answer(pieces=(b"HTTP/1.1 200 OK",), delay=60.0)
    finding, _ = await check("huggingface", routes(**{"whoami-v2": silent}))
    assert finding.message == "the key could not be verified: whoami did not answer"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, 240),
        ({"ratelimit": '"api";r=0;t=55'}, 240),
        ({"ratelimit": '"api";r=0;t=900'}, 900),
        ({"ratelimit": '"api";r=0;t=900', "retry-after": "1000"}, 1000),
        ({"ratelimit": '"api";r=0;t=9999999'}, 86_400),
    ],
)
async def test_a_refusing_whoami_is_not_asked_before_its_retry_after(
    autojump_clock: MockClock, headers: dict[str, Any], pause: int
) -> None:
    refusing = routes(**{"whoami-v2": answer(status=429, **headers)})
    async with http_server(refusing) as server:
        here = provider("huggingface", server.url)
        async with open_check(here, clock=virtual_clock()) as ask:
            await ask()
            await trio.sleep(pause - 5)
            await ask()
            await trio.sleep(10)
            await ask()
    whoami = "/api/whoami-v2"
    assert [one.target for one in server.asked] == [
        whoami, "/models", "/models", whoami, "/models",
    ]  # fmt: skip


# Where requests go


async def test_an_absolute_path_option_of_a_moved_provider_stays_below_its_base() -> None:
    async with http_server(LIST) as elsewhere, http_server(LIST) as home:
        options = {"path": elsewhere.url + "/v2/models?all=1"}
        async with open_check(provider("groq", home.url + "/base", options=options)) as ask:
            assert (await ask()).kind is OutcomeKind.OK
    assert elsewhere.asked == []
    assert [one.target for one in home.asked] == ["/base/v2/models?all=1"]


async def test_an_absolute_url_of_the_catalogue_is_asked_unless_the_provider_moved() -> None:
    async with http_server(ACTIVE) as elsewhere, http_server(ACTIVE) as home:
        options = load_catalogue()["cloudflare"].options | {"verify_url": elsewhere.url + "/verify"}
        for moved in (False, True):
            here = provider("cloudflare", home.url + "/ai", options=options, moved=moved)
            async with open_check(here) as ask:
                assert (await ask()).kind is OutcomeKind.OK
    assert [one.target for one in elsewhere.asked] == ["/verify"]
    assert [one.target for one in home.asked] == ["/ai/user/tokens/verify"]
