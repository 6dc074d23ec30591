"""tracker.probes.classify: answers that people met in the field, by kind, and laws over them all.

tests/data/answers has one file a kind; ``source`` says where an answer was reported, the others
have the shapes and words that vendors' documents and public code record. Expectations were
written before they were tried.
"""

import copy
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.outcomes import MESSAGE_LENGTH, OutcomeKind
from tracker.core.redaction import Mask, Secret
from tracker.probes.classify import ErrorClassification, classify
from tracker.probes.http.response import BoundedResponse
from tracker.probes.refusals.codes import EXACT_CODES
from tracker.probes.refusals.exact_codes import EXACT

FOLDER = Path(__file__).parents[3] / "data" / "answers"
KEY = "sk-canary-0123456789abcdef"
MASK = Mask([Secret(KEY)])


def load() -> dict[str, dict[str, Any]]:
    return {
        f"{file.stem}: {case.get('name') or place}": case
        for file in sorted(FOLDER.glob("*.json"))
        for place, case in enumerate(json.loads(file.read_text()))
    }


CASES = load()


def reply(status: int, body: object, headers: dict[str, str] | None = None) -> BoundedResponse:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    told = {"content-type": "application/json", **(headers or {})}
    return BoundedResponse(status=status, headers=tuple(told.items()), body=raw)


def classified(status: int, body: object, **more: Any) -> ErrorClassification:
    verdict = classify(reply(status, body), mask=MASK, **more)
    assert verdict is not None
    return verdict


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_reported_answer_is_classified(case: Any) -> None:
    answer = reply(case["status"], case["body"], case.get("headers"))
    verdict = classify(answer, dialect=case.get("dialect", "openai"), completion=True)
    assert verdict is not None
    assert verdict.kind.value in case["outcome"].split("|")
    for fact in ("authenticated", "quota_available", "inference"):
        assert getattr(verdict.facts, fact) in case.get(fact, [True, False, None])


def test_every_kind_of_answer_has_cases() -> None:
    kinds = {name.partition(":")[0] for name in CASES}
    assert kinds == {file.stem for file in FOLDER.glob("*.json")}
    assert "money_or_allowance" in kinds


def test_a_page_with_a_503_blames_no_firewall() -> None:
    for name, case in CASES.items():
        if name.startswith("pages_with_a_503"):
            verdict = classify(reply(case["status"], case["body"], case.get("headers")))
            assert verdict is not None
            assert "firewall" not in verdict.message


# Laws.

FAILURES = st.integers(400, 599)
MONEY = st.sampled_from(
    [
        *("Insufficient balance", "You have no credits left", "Your credit balance is too low"),
        *("Payment required", "Your account has an overdue balance", "账户余额不足", "欠费"),
        *("budget has been exceeded", "This account is suspended due to insufficient funds"),
        *("spending limit reached", "用户额度不足", "billing is not active"),
    ]
)
ADVERTISEMENTS = st.sampled_from(
    [
        *("Add 10 credits to unlock 1000 requests per day", "Please check your plan and billing"),
        *("Upgrade to a paid plan", "Please add a payment method to increase your limits"),
        *("Purchase more credits or raise your spending limit", "See https://x.ai/billing"),
    ]
)
SHORT_LIMITS = st.sampled_from(
    [
        *("Rate limit reached on requests per min", "Limit: 3 / min", "20 RPM exceeded"),
        *("Requests per minute limit exceeded", "free-models-per-min", "每分钟请求次数超过限制"),
        *("too many requests a second", "limited to 20 API calls / minute"),
    ]
)
PLACES = st.sampled_from(
    ["error", "bare", "list", "text", "errors", "detail", "details", "nested", "message"]
)


def placed(place: str, fields: dict[str, Any]) -> object:
    """The same error where one or another vendor puts it."""
    shapes: dict[str, Any] = {
        "error": {"error": fields},
        "bare": fields,
        "list": [{"error": fields}],
        "text": {"error": fields.get("message"), "code": fields.get("code")},
        "errors": {"success": False, "errors": [fields], "result": None},
        "detail": {"detail": fields},
        "details": {"error": {"code": 400, "details": [fields]}},
        "nested": {"error": {"message": "upstream said", "error": fields}},
        "message": {"message": fields},
    }
    return shapes[place]


# A number means something in its own place, a name wherever it stands.
NAMED_CODES = sorted(code for code in EXACT_CODES if not code.split(".")[-1].isdigit())
NUMBERS = sorted(code for code in EXACT_CODES if code.isdigit())


@given(MONEY, FAILURES, PLACES.filter(lambda place: place != "nested"))
def test_words_of_money_never_make_a_key_refused(text: str, status: Any, place: Any) -> None:
    verdict = classified(status, placed(place, {"message": text}))
    assert verdict.kind is OutcomeKind.QUOTA_EXHAUSTED
    assert verdict.facts.authenticated is not False


@given(SHORT_LIMITS, ADVERTISEMENTS, PLACES.filter(lambda place: place != "nested"))
def test_a_minutes_limit_that_advertises_billing_stays_a_rate_limit(
    limit: Any, advertised: Any, place: Any
) -> None:
    verdict = classified(429, placed(place, {"message": f"{limit}. {advertised}."}))
    assert verdict.kind is OutcomeKind.RATE_LIMITED


@given(st.sampled_from(NAMED_CODES), FAILURES, PLACES)
def test_a_status_never_overrules_a_code_that_is_known(code: Any, status: Any, place: Any) -> None:
    verdict = classified(status, placed(place, {"code": code, "message": "no"}))
    assert verdict.kind is EXACT_CODES[code]


@given(st.sampled_from(NAMED_CODES + NUMBERS), st.booleans())
def test_a_code_is_known_in_capitals_and_as_a_number(code: Any, as_number: bool) -> None:
    told: object = int(code) if as_number and code.isdigit() else code.upper()
    assert classified(400, {"error": {"code": told}}).kind is EXACT_CODES[code]


@pytest.mark.parametrize("place", ["errors", "base_resp"])
def test_a_number_means_something_only_in_its_place(place: str) -> None:
    fields = {"errors": {"code": 5007}, "base_resp": {"status_code": 1008}}[place]
    body = {place: [fields] if place == "errors" else fields}
    elsewhere = {"error": {"code": 5007 if place == "errors" else 1008}}
    assert classified(400, body).kind in {OutcomeKind.NOT_FOUND, OutcomeKind.QUOTA_EXHAUSTED}
    assert classified(400, elsewhere).kind is OutcomeKind.REQUEST


BLAMES_US = st.sampled_from(
    [
        *("Unsupported parameter: 'max_tokens'", "Bad request", "Invalid value for 'temperature'"),
        *("prompt is too long: 210000 tokens > 200000 maximum", "Field required", "", "no"),
    ]
)


@given(BLAMES_US, st.sampled_from([400, 405, 409, 413, 415, 422]))
def test_an_error_that_blames_the_request_or_nothing_is_request(text: str, status: Any) -> None:
    assert classified(status, {"error": {"message": text}}).kind is OutcomeKind.REQUEST


@given(MONEY | SHORT_LIMITS, st.sampled_from([400, 402, 403, 422, 429]))
def test_a_refused_account_is_never_classified_as_a_bad_request(text: str, status: Any) -> None:
    assert classified(status, {"error": {"message": text}}).kind is not OutcomeKind.REQUEST


def test_the_reason_of_a_refused_request_says_what_to_change() -> None:
    message = classified(400, {"error": {"message": "Bad request"}}).message
    assert message == (
        "our request was rejected as invalid; set another model = or check = (400): Bad request"
    )


def test_no_code_means_two_things() -> None:
    codes = [(code, group.kind) for group in EXACT for code in group.codes]
    assert len(EXACT_CODES) == len({code for code, _ in codes})
    assert all(EXACT_CODES[code] is kind for code, kind in codes)


# Any value anywhere.

VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 401, "429", 10**400, 1.5, "", "x" * 9_000, KEY, f"code {KEY}"),
    *([], {}, [[[[[[]]]]]], {"error": {"error": {"error": {"error": {"message": KEY}}}}}),
    *(["insufficient_quota"], {"code": ["invalid_api_key"]}, "余额不足" * 900, "\x00\ud7ff"),
)


def variants(value: Any, put: object) -> Iterator[object]:
    """The value, with each of its nodes in turn replaced."""
    yield put
    if isinstance(value, dict | list):
        for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            for one in variants(inner, put):
                changed = copy.copy(value)
                changed[name] = one
                yield changed


# A value replaces one node in so many, and three of the values meet a given node; all of them do in
# the nightly run.
SHARES = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else len(VALUES) // 3


def spoiled(put: object) -> Iterator[tuple[int, object]]:
    """Each answer with each of its nodes in turn replaced, and its status."""
    for case in CASES.values():
        if not isinstance(case["body"], str):
            for body in variants(case["body"], put):
                yield case["status"], body


@pytest.mark.parametrize(
    ("number", "put"), list(enumerate(VALUES)), ids=[repr(value)[:20] for value in VALUES]
)
def test_every_node_of_every_answer_replaced_by_anything_is_judged(number: int, put: Any) -> None:
    for status, body in islice(spoiled(put), number % SHARES, None, SHARES):
        verdict = classify(reply(status, body), completion=True, mask=MASK)
        assert status == 200 or verdict is not None
        if verdict is not None:
            assert not verdict.kind.is_success
            assert len(verdict.message) <= MESSAGE_LENGTH
            assert KEY not in verdict.message


@given(st.lists(st.sampled_from(sorted(EXACT_CODES)), min_size=1, max_size=3), st.text(max_size=80))
def test_any_mixture_is_judged(codes: Any, text: str) -> None:
    body = {"error": {"type": codes[0], "code": codes[-1], "message": f"{text} {' '.join(codes)}"}}
    assert classified(400, body).kind in set(OutcomeKind)
