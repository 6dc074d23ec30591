"""tracker.probes.classify: what an answer means, by its body before its status."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.outcomes import MESSAGE_LENGTH, Facts, OutcomeKind
from tracker.core.redaction import Mask, Secret
from tracker.probes.classify import classify
from tracker.probes.http.response import UNPARSEABLE, BoundedResponse, parse_json
from tracker.probes.messages import printable

KEY = "sk-canary-0123456789abcdef"
MASK = Mask([Secret(KEY)])


def reply(status: int, body: object = b"", **headers: str) -> BoundedResponse:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    kind = "text/html" if raw.startswith(b"<") else "application/json"
    told = {"content-type": kind} | {name.replace("_", "-"): v for name, v in headers.items()}
    return BoundedResponse(status=status, headers=tuple(told.items()), body=raw)


def google(code: int, status: str, *details: object, message: str = "told") -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": details}}


PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
PER_MINUTE = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}],
}
CHECK_PLAN = "You exceeded your current quota, please check your plan and billing details."
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}

STATUSES = {
    400: OutcomeKind.REQUEST,
    401: OutcomeKind.AUTH,
    402: OutcomeKind.QUOTA_EXHAUSTED,
    403: OutcomeKind.AUTH,
    404: OutcomeKind.NOT_FOUND,
    405: OutcomeKind.REQUEST,
    408: OutcomeKind.TIMEOUT,
    409: OutcomeKind.REQUEST,
    410: OutcomeKind.NOT_FOUND,
    413: OutcomeKind.REQUEST,
    422: OutcomeKind.REQUEST,
    429: OutcomeKind.RATE_LIMITED,
    498: OutcomeKind.OVERLOADED,
    499: OutcomeKind.REQUEST,
    500: OutcomeKind.SERVER,
    502: OutcomeKind.SERVER,
    503: OutcomeKind.OVERLOADED,
    504: OutcomeKind.TIMEOUT,
    520: OutcomeKind.SERVER,
    521: OutcomeKind.SERVER,
    522: OutcomeKind.SERVER,
    523: OutcomeKind.SERVER,
    524: OutcomeKind.TIMEOUT,
    529: OutcomeKind.OVERLOADED,
}


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_a_status_without_a_body_is_classified(status: Any, kind: Any) -> None:
    verdict = classify(reply(status))
    assert verdict is not None
    assert (verdict.kind, verdict.facts.reachable) == (kind, True)


# One line an answer: who gives it (facts: docs/providers.md), what came, what it means.
BODIES = {
    "gemini: key, with a 400": (
        reply(400, google(400, "INVALID_ARGUMENT", BAD_KEY)),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "gemini: region, with a 400": (
        reply(
            400,
            google(
                400,
                "FAILED_PRECONDITION",
                message="User location is not supported for the API use.",
            ),
        ),
        OutcomeKind.AUTH,
        Facts(reachable=True),
    ),
    "gemini: API switched off": (
        reply(403, google(403, "PERMISSION_DENIED", {"reason": "SERVICE_DISABLED"})),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "gemini: new key form": (
        reply(401, google(401, "UNAUTHENTICATED", {"reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED"})),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "gemini: the day's quota": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", PER_DAY)),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: the minute's quota": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", PER_MINUTE)),
        OutcomeKind.RATE_LIMITED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: the day's quota, in Google's words": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", PER_DAY, message=CHECK_PLAN)),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: the minute's quota, in the same words": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", PER_MINUTE, message=CHECK_PLAN)),
        OutcomeKind.RATE_LIMITED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: the minute's and the day's quota": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", PER_MINUTE, PER_DAY, message=CHECK_PLAN)),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "no credit, in words alone": (
        reply(429, {"error": {"message": CHECK_PLAN}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: a stream's error in a list": (
        reply(429, [google(429, "RESOURCE_EXHAUSTED", PER_DAY)]),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini: overload": (reply(503, google(503, "UNAVAILABLE")), OutcomeKind.OVERLOADED, None),
    "gemini: a token without the scope": (
        reply(
            403,
            google(
                403,
                "PERMISSION_DENIED",
                {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"},
                message="Request had insufficient authentication scopes.",
            ),
        ),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "gemini: no permission, and a word of quota": (
        reply(403, google(403, "PERMISSION_DENIED", message="It requires a quota project.")),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "gemini: no billing": (
        reply(403, google(403, "PERMISSION_DENIED", {"reason": "BILLING_DISABLED"})),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "gemini cli: capacity, with a 429": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", {"reason": "MODEL_CAPACITY_EXHAUSTED"})),
        OutcomeKind.OVERLOADED,
        Facts(reachable=True),
    ),
    "gemini cli: quota": (
        reply(429, google(429, "RESOURCE_EXHAUSTED", {"reason": "QUOTA_EXHAUSTED"})),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "groq: key": (
        reply(401, {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "groq: flex capacity": (
        reply(498, {"error": {"code": "capacity_exceeded"}}),
        OutcomeKind.OVERLOADED,
        None,
    ),
    "groq: rate": (
        reply(429, {"error": {"code": "rate_limit_exceeded"}}),
        OutcomeKind.RATE_LIMITED,
        Facts(reachable=True, quota_available=False),
    ),
    "openai: no credit, with a 429": (
        reply(429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "openai: country": (
        reply(403, {"error": {"code": "unsupported_country_region_territory"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True),
    ),
    "openai: a key that may not list models": (
        reply(403, {"error": {"message": "Missing scopes: api.model.read"}}),
        OutcomeKind.REQUEST,
        Facts(reachable=True, authenticated=True),
    ),
    "openai: model": (
        reply(404, {"error": {"code": "model_not_found"}}),
        OutcomeKind.NOT_FOUND,
        Facts(reachable=True),
    ),
    "openrouter: an overload inside a 200": (
        reply(200, {"error": {"code": 529, "message": "Provider overloaded"}}),
        OutcomeKind.OVERLOADED,
        Facts(reachable=True),
    ),
    "openrouter: a rate limit inside a 200": (
        reply(200, {"error": {"code": 429, "message": "slow down"}}),
        OutcomeKind.RATE_LIMITED,
        Facts(reachable=True, quota_available=False),
    ),
    "openrouter: a key refused inside a 200": (
        reply(200, {"error": {"code": 401, "message": "User not found"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "openrouter: an error in the choice": (
        reply(200, {"choices": [{"finish_reason": "error", "error": {"code": 502}}]}),
        OutcomeKind.SERVER,
        Facts(reachable=True),
    ),
    "openrouter: finish_reason error alone": (
        reply(200, {"choices": [{"finish_reason": "error"}]}),
        OutcomeKind.SERVER,
        Facts(reachable=True),
    ),
    "openrouter: no credits": (
        reply(402, {"error": {"code": 402, "message": "Insufficient credits"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "openrouter: spent budget, with a 403": (
        reply(403, {"error": {"code": 403, "message": "Key limit exceeded (daily limit)"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "openrouter: no permission": (
        reply(403, {"error": {"code": 403, "message": "Insufficient permissions"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "spent, with a 403": (
        reply(403, {"error": {"message": "Insufficient balance"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "openrouter: moderation, with a 403": (
        reply(403, {"error": {"code": 403, "message": "Your input was flagged"}}),
        OutcomeKind.REQUEST,
        Facts(reachable=True),
    ),
    "mistral: key": (
        reply(401, {"detail": "Unauthorized"}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "mistral: rate": (
        reply(429, {"object": "error", "type": "rate_limited", "code": "1300"}),
        OutcomeKind.RATE_LIMITED,
        None,
    ),
    "mistral: no plan, a limit of 0": (
        reply(429, {"code": "1300"}, x_ratelimit_limit_req_minute="0"),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "mistral: capacity, with a 429": (
        reply(429, {"type": "service_tier_capacity_exceeded", "code": "3505"}),
        OutcomeKind.OVERLOADED,
        Facts(reachable=True),
    ),
    "nvidia: key, with a 403": (
        reply(403, {"status": 403, "title": "Forbidden", "detail": "Authorization failed"}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "nvidia: model not for this account": (
        reply(404, {"detail": "Function 'x': Not found for account 'y'"}),
        OutcomeKind.NOT_FOUND,
        Facts(reachable=True),
    ),
    "together: their capacity": (
        reply(503, {"error": {"message": "busy", "type": "server_error"}}),
        OutcomeKind.OVERLOADED,
        None,
    ),
    "together: our dynamic rate": (
        reply(429, {"error": {"type": "dynamic_request_limited"}}),
        OutcomeKind.RATE_LIMITED,
        None,
    ),
    "huggingface: credits": (
        reply(402, {"error": "You have exceeded your monthly included credits"}),
        OutcomeKind.QUOTA_EXHAUSTED,
        None,
    ),
    "anthropic: overload": (
        reply(529, {"type": "error", "error": {"type": "overloaded_error"}}),
        OutcomeKind.OVERLOADED,
        None,
    ),
    "anthropic: no permission": (
        reply(
            403,
            {"error": {"type": "permission_error", "message": "No (insufficient scope, quota)."}},
        ),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "anthropic: billing": (
        reply(402, {"type": "error", "error": {"type": "billing_error"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        None,
    ),
    "anthropic: no credit, with a 400": (
        reply(400, {"error": {"message": "Your credit balance is too low to access the API."}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        Facts(reachable=True, quota_available=False),
    ),
    "fireworks: suspended": (
        reply(412, {"error": {"message": "Account is suspended"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "litellm: not its master key, with a 400": (
        reply(400, {"error": {"message": "No connected db.", "type": "no_db_connection"}}),
        OutcomeKind.AUTH,
        Facts(reachable=True, authenticated=False),
    ),
    "litellm: its database is away": (
        reply(503, {"error": {"message": "Service Unavailable", "type": "no_db_connection"}}),
        OutcomeKind.OVERLOADED,
        Facts(reachable=True),
    ),
    "litellm: model gone, with a 400": (
        reply(
            400,
            {
                "error": {
                    "message": "/chat/completions: Invalid model name passed in model=gone.",
                    "type": "invalid_request_error",
                    "code": "400",
                }
            },
        ),
        OutcomeKind.NOT_FOUND,
        Facts(reachable=True),
    ),
    "sambanova: no card": (
        reply(402, {"error": {"code": "PAYMENT_METHOD_REQUIRED"}}),
        OutcomeKind.QUOTA_EXHAUSTED,
        None,
    ),
    "a firewall's 403 page": (
        reply(403, b"<html><title>Attention Required! | Cloudflare</title>"),
        OutcomeKind.BLOCKED,
        Facts(reachable=True),
    ),
    "a firewall's 503 page": (
        reply(503, b"<!DOCTYPE html><title>Just a moment...</title>", cf_ray="8f"),
        OutcomeKind.BLOCKED,
        Facts(reachable=True),
    ),
    "a firewall's text": (
        reply(403, b"error code: 1010"),
        OutcomeKind.BLOCKED,
        Facts(reachable=True),
    ),
    "a firewall's JSON": (
        reply(403, {"title": "Error 1010: Access denied", "status": 403, "error_code": 1010}),
        OutcomeKind.BLOCKED,
        Facts(reachable=True),
    ),
    "a load balancer's page": (
        reply(503, b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>"),
        OutcomeKind.OVERLOADED,
        Facts(reachable=True),
    ),
    "a missing page that quotes an API's error": (
        reply(404, b'Not here. {"error": {"code": "invalid_api_key"}} Invalid API key'),
        OutcomeKind.NOT_FOUND,
        Facts(reachable=True),
    ),
    "a challenge that hides behind a 200": (
        reply(200, b"<html><title>Just a moment...</title>"),
        OutcomeKind.BLOCKED,
        Facts(reachable=True),
    ),
    "a 403 of an API behind the firewall": (
        reply(403, {"error": {"message": "Just a moment: no such key"}}, cf_ray="8f"),
        OutcomeKind.AUTH,
        None,
    ),
    "an overloaded origin's own page": (
        reply(503, b"<html><center>503</center><hr><center>nginx/1.27</center></html>"),
        OutcomeKind.OVERLOADED,
        None,
    ),
    "an origin's page given out by a firewall": (
        reply(503, b"<html><center>503</center><hr><center>nginx</center></html>", cf_ray="8f"),
        OutcomeKind.OVERLOADED,
        None,
    ),
    "an origin that is down, told by the firewall": (
        reply(522, b"<html>Connection timed out</html>", cf_ray="8f"),
        OutcomeKind.SERVER,
        None,
    ),
    "a page instead of the API": (
        reply(200, b"<!doctype html><title>Welcome</title>"),
        OutcomeKind.BAD_RESPONSE,
        Facts(reachable=True),
    ),
}


@pytest.mark.parametrize(("answer", "kind", "facts"), BODIES.values(), ids=BODIES)
def test_a_body_says_more_than_its_status(answer: Any, kind: Any, facts: Any) -> None:
    verdict = classify(answer)
    assert verdict is not None
    assert verdict.kind is kind
    assert facts is None or verdict.facts == facts


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        [],
        {"choices": [{}]},
        {"error": None},
        {"error": {}},
        {"error": ""},
        b"",
        b"x",
        b"data: Just a moment",
    ],
)
def test_an_answer_without_a_failure_is_not_an_error(
    body: dict[str, Any] | list[Any] | bytes,
) -> None:
    assert classify(reply(200, body)) is None


def test_a_page_instead_of_a_completion_disproves_inference() -> None:
    verdict = classify(reply(200, b"<html>Hello"), completion=True)
    assert verdict.facts == Facts(reachable=True, inference=False)
    assert verdict.message == "the answer does not have the API's format: it is an HTML page"


def test_499_is_a_rate_limit_at_google_only() -> None:
    assert classify(reply(499), dialect="gemini_cli").kind is OutcomeKind.RATE_LIMITED
    assert classify(reply(499), dialect="openai").kind is OutcomeKind.REQUEST


def test_498_is_a_denied_text_at_cohere_only() -> None:
    assert classify(reply(498), dialect="cohere").kind is OutcomeKind.REQUEST
    assert classify(reply(498), dialect="openai").kind is OutcomeKind.OVERLOADED


def test_a_429_of_g4f_says_that_an_upstream_may_have_failed() -> None:
    verdict = classify(reply(429, {"error": {"message": "no"}}), dialect="g4f")
    assert verdict.kind is OutcomeKind.RATE_LIMITED
    assert verdict.message == "rate limited, or its upstream failed (429): no"


@pytest.mark.parametrize(
    ("status", "inference"),
    [(500, False), (503, False), (404, False), (504, False), (401, None), (429, None), (422, None)],
)
def test_a_failing_completion_disproves_inference_only_if_the_model_was_reached(
    status: int, inference: bool | None
) -> None:
    verdict = classify(reply(status), completion=True)
    assert verdict.facts.inference is inference
    assert classify(reply(status)).facts.inference is None


def test_the_message_is_one_plain_line() -> None:
    answer = reply(401, {"error": {"message": f"Bad\tkey\r\n{KEY}\x1b[31m <script>"}})
    verdict = classify(answer, mask=MASK)
    assert verdict.message == "our key or account was refused (401): Bad key *** <script>"


def test_a_page_gives_no_mark_up_as_its_message() -> None:
    assert classify(reply(500, b"<html><h1>Oops</h1></html>")).message == "server error (500)"


def test_a_key_cut_by_the_limit_shows_no_half() -> None:
    text = "x" * (MESSAGE_LENGTH - 10) + KEY
    assert KEY[:6] not in printable(text, MASK)
    assert KEY[:6] not in printable(" " * 8180 + KEY, MASK)


def test_a_key_is_masked_when_control_characters_stand_around_it() -> None:
    assert printable(f"\x00{KEY}\x00", MASK) == "***"


@pytest.mark.parametrize("sign", ["\n", "\t", "\x00", "\u200b", "\xad", "\xa0", "\r\n"])
def test_a_key_that_a_character_splits_is_masked_whole(sign: str) -> None:
    split = f"wrong{sign}key {KEY[:9]}{sign}{KEY[9:14]}{sign}{KEY[14:]}!"
    assert printable(split, MASK) == "wrong key ***!"


def test_a_key_with_a_blank_is_masked_where_another_sign_stands_for_it() -> None:
    mask = Mask([Secret("open sesame now")])
    assert printable("say open\nsesame\nnow", mask) == "say ***"
    assert printable("say open\nsesame now", mask) == "say ***"


def test_long_keys_that_are_masked_leave_no_half_of_the_last() -> None:
    key = "canary" + "x" * 300
    assert "canary" not in printable(f"{key} " * 100, Mask([Secret(key)]))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b"",
        b'{"a": 1',
        b'{"a": 1} x',
        b"<html>",
    ],
)
def test_invalid_json_is_unparseable(body: bytes) -> None:
    assert parse_json(body) is UNPARSEABLE


@pytest.mark.parametrize("number", [b"9" * 6_000, b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_number_that_none_can_hold_is_null(number: bytes) -> None:
    assert parse_json(number) is None
    assert parse_json(b'{"a": ' + number + b', "b": 1}') == {"a": None, "b": 1}


def test_null_is_json() -> None:
    assert parse_json(b"null") is None
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


WORDS = """error code type status message detail details reason metadata error_type choices errors
finish_reason violations quotaId title data"""
json_keys = st.sampled_from(WORDS.split())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(json_keys, inner),
    max_leaves=12,
)
bodies = st.binary(max_size=200) | json_values.map(msgspec.json.encode)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "cf-ray", "cf-mitigated", "retry-after", "x-ratelimit-limit-requests"]
        ),
        st.sampled_from(["text/html", "application/json", "0", "challenge", "", "\x00"]),
    )
)


@given(
    st.integers(100, 999), headers, bodies, st.booleans(), st.sampled_from(["", "g4f", "gemini"])
)
def test_any_answer_is_classified(
    status: int, headers: Any, body: Any, completion: bool, dialect: Any
) -> None:
    answer = BoundedResponse(status=status, headers=tuple(headers), body=body)
    verdict = classify(answer, dialect=dialect, completion=completion, mask=MASK)
    if verdict is None:
        assert status < 400
    else:
        assert not verdict.kind.is_success
        assert verdict.facts.reachable is True
        assert len(verdict.message) <= MESSAGE_LENGTH
        assert verdict.message.isprintable()


@pytest.mark.parametrize(
    ("status", "told", "headers", "kind"),
    [
        (429, "stop", {"x_should_retry": "false"}, OutcomeKind.QUOTA_EXHAUSTED),
        (429, "stop", {"x_should_retry": "true"}, OutcomeKind.RATE_LIMITED),
        (429, "stop", {"x_should_retry": "perhaps"}, OutcomeKind.RATE_LIMITED),
        (429, "stop", {"x_should_retry": "false", "retry_after": "60"}, OutcomeKind.RATE_LIMITED),
        (
            429,
            "stop",
            {"x_should_retry": "false", "retry_after": "90000"},
            OutcomeKind.QUOTA_EXHAUSTED,
        ),
        (429, "3 requests per minute", {"x_should_retry": "false"}, OutcomeKind.RATE_LIMITED),
        (429, "too many requests", {"x_should_retry": "false"}, OutcomeKind.RATE_LIMITED),
        (409, "conflict", {"x_should_retry": "true"}, OutcomeKind.SERVER),
        (400, "try later", {"x_should_retry": "True"}, OutcomeKind.SERVER),
        (400, "Unsupported parameter: 'x'", {"x_should_retry": "true"}, OutcomeKind.REQUEST),
        (401, "no", {"x_should_retry": "true"}, OutcomeKind.AUTH),
        (500, "no", {"x_should_retry": "false"}, OutcomeKind.SERVER),
    ],
)
def test_the_retryable_flag_decides_if_nothing_else_does(
    status: int, told: str, headers: dict[str, Any], kind: OutcomeKind
) -> None:
    verdict = classify(reply(status, {"error": {"message": told}}, **headers))
    assert verdict is not None
    assert verdict.kind is kind


@given(st.binary())
def test_parsing_is_total(body: bytes) -> None:
    found = parse_json(body)
    assert found is UNPARSEABLE or json.dumps(found)


@given(st.text(max_size=300), st.text(max_size=300), st.integers(0, 9000))
def test_no_message_shows_a_key(before: str, after: str, padding: int) -> None:
    shown = printable(f"{before}{' ' * padding}{KEY}{after}", MASK)
    assert len(shown) <= MESSAGE_LENGTH
    assert shown.isprintable()
    assert KEY not in shown
    assert KEY[:12] not in shown or KEY[:12] in before + after


@given(json_values, st.integers(200, 599))
def test_an_error_that_echoes_the_key_anywhere_is_masked(value: Any, status: int) -> None:
    body = msgspec.json.encode({"error": {"message": KEY, "code": KEY, "details": [value]}})
    verdict = classify(BoundedResponse(status=status, body=body), mask=MASK)
    assert verdict is not None
    assert KEY not in verdict.message
