"""Checking now and tuning: the token, the sender's site, the body."""

import json
from typing import Any

import pytest

from api.app import create_app
from tests.helpers.idle_tracker import a_provider, a_tracker
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import EvidenceSource, OfferStatus
from tracker.core.redaction import Secret

TOKEN = "s3cret-admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}


def a_tracker_with_token(*names: Any, **server: Any) -> Any:
    providers = [a_provider(name) for name in names or ("groq", "mistral")]
    return a_tracker(*providers, admin_token=Secret(TOKEN), **server)


async def send(
    tracker: Any, method: str, path: Any, headers: Any = ADMIN, data: Any = None
) -> tuple[Any, ...]:
    client = create_app(tracker).test_client()
    response = await client.open(path, method=method, headers=headers, data=data)
    body = await response.get_data()
    return response, json.loads(body)


async def patch(
    tracker: Any, text: str, path: str = "/api/providers/groq", headers: Any = None
) -> Any:
    sent = {**ADMIN, "Content-Type": "application/json", **(headers or {})}
    return await send(tracker, "PATCH", path, sent, text)


async def test_check_all_answers_with_every_outcome() -> None:
    tracker = a_tracker_with_token()
    tracker.found["mistral"] = OutcomeKind.TIMEOUT
    response, body = await send(tracker, "POST", "/api/providers/check")
    assert response.status_code == 200
    assert tracker.asked == [("check",)]
    assert body["outcomes"]["groq"] == {
        "outcome": "ok",
        "status": "healthy",
        "response_time_ms": 245.1,
        "error_message": "",
        "http_status": 200,
        "checked_at": "2026-03-01T12:00:00.000Z",
    }
    assert body["outcomes"]["mistral"]["outcome"] == "timeout"


@pytest.mark.parametrize("name", ["groq", "check", "best", "a,b/ü"])
async def test_one_provider_is_checked_by_its_name(name: str) -> None:
    tracker = a_tracker_with_token(name)
    response, body = await send(tracker, "POST", f"/api/providers/{name}/check")
    assert (response.status_code, list(body["outcomes"])) == (200, [name])
    assert tracker.asked == [("check", name)]


@pytest.fixture
def watching_llama() -> Any:
    offer = OfferStatus(
        model="meta/llama-70b",
        variant=None,
        status=Status.DEGRADED,
        usable=True,
        reason="",
        evidence=EvidenceSource.OFFER,
    )
    return a_tracker(a_provider(offers=(offer,)), admin_token=Secret(TOKEN))


async def test_one_offer_is_checked_by_its_id(watching_llama: Any) -> None:
    path = "/api/providers/groq/check?model=meta/llama-70b"
    response, body = await send(watching_llama, "POST", path)
    assert response.status_code == 200
    assert {name: one["status"] for name, one in body["outcomes"].items()} == {
        "groq/meta/llama-70b": "degraded"
    }
    assert watching_llama.asked == [("check_offer", "groq", "meta/llama-70b")]


async def test_an_offer_that_is_not_watched_is_404_with_the_nearest(watching_llama: Any) -> None:
    path = "/api/providers/groq/check?model=meta/lama-70b"
    response, body = await send(watching_llama, "POST", path)
    assert (response.status_code, body["title"]) == (404, "No such offer")
    assert body["detail"].endswith("did you mean 'meta/llama-70b'?")
    response, _ = await send(watching_llama, "POST", "/api/providers/nobody/check?model=x")
    assert response.status_code == 404


async def test_checking_an_unknown_provider_is_404() -> None:
    response, body = await send(a_tracker_with_token(), "POST", "/api/providers/nobody/check")
    assert (response.status_code, body["title"]) == (404, "No such provider")


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ('{"interval_seconds": 60}', {"interval_seconds": 60.0}),
        ('{"interval_seconds": null}', {"interval_seconds": None}),
        ('{"enabled": false}', {"enabled": False}),
        ('{"enabled": null, "interval_seconds": 30}', {"interval_seconds": 30.0, "enabled": None}),
    ],
)
async def test_tuning_passes_on_only_the_given_fields(text: str, changes: dict[str, Any]) -> None:
    tracker = a_tracker_with_token()
    response, body = await patch(tracker, text)
    assert (response.status_code, body["provider_name"]) == (200, "groq")
    assert tracker.asked == [("tune", "groq", changes)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        '{"interval_seconds": 0}',
        '{"interval_seconds": -1}',
        '{"interval_seconds": 0.09}',
        '{"interval_seconds": 604801}',
        '{"interval_seconds": "abc"}',
        '{"interval_seconds": NaN}',
        '{"interval_seconds": 1e999}',
        '{"interval_seconds": true}',
        '{"enabled": 1}',
        '{"intervall_seconds": 60}',
        '{"interval_seconds": 60, "name": "mistral"}',
        "[" * 10_000,
        '{"interval_seconds": ' + "9" * 6_000 + "}",
        b"\xff\xfe",
    ],
)
async def test_an_impossible_change_is_400_and_changes_nothing(text: str | bytes) -> None:
    tracker = a_tracker_with_token()
    response, _ = await patch(tracker, text)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert tracker.asked == []


async def test_the_trackers_own_refusal_is_a_400_with_its_sentence() -> None:
    tracker = a_tracker_with_token()
    tracker.fault = ValueError("timeout_seconds (10) must not exceed interval_seconds (5)")
    response, body = await patch(tracker, '{"interval_seconds": 5}')
    assert (response.status_code, body["detail"]) == (400, str(tracker.fault))


async def test_tuning_an_unknown_provider_is_404() -> None:
    response, _ = await patch(a_tracker_with_token(), '{"enabled": true}', "/api/providers/nobody")
    assert response.status_code == 404


@pytest.mark.parametrize("name", ["best", "events", "status", "history", "check"])
async def test_a_providers_name_may_look_like_a_path(name: str) -> None:
    response, body = await patch(
        a_tracker_with_token(name), '{"enabled": true}', f"/api/providers/{name}"
    )
    assert (response.status_code, body["provider_name"]) == (200, name)


async def test_a_form_cannot_tune() -> None:
    response, body = await patch(
        a_tracker_with_token(), '{"enabled": true}', headers={"Content-Type": "text/plain"}
    )
    assert (response.status_code, body["detail"]) == (415, "send the change as application/json")


async def test_a_large_body_is_413() -> None:
    response, body = await patch(a_tracker_with_token(), " " * 20_000)
    assert (response.status_code, body["detail"]) == (413, "the request's body is too large")


CHANGING = [
    ("POST", "/api/providers/check"),
    ("POST", "/api/providers/groq/check"),
    ("PATCH", "/api/providers/groq"),
]


@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_without_a_token_set_nothing_changes_and_the_answer_says_how_to_set_one(
    method: str, path: Any
) -> None:
    tracker = a_tracker(a_provider())
    response, body = await send(tracker, method, path)
    assert (response.status_code, tracker.asked) == (403, [])
    assert "PROVIDER_STATUS_ADMIN_TOKEN" in body["detail"]


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer schl\xfcssel",
        "Bearer " + "x" * 5_000,
    ],
)
async def test_a_missing_or_wrong_token_is_401(method: str, path: Any, authorization: Any) -> None:
    tracker = a_tracker_with_token()
    headers = {} if authorization is None else {"Authorization": authorization}
    response, _ = await send(tracker, method, path, headers)
    assert (response.status_code, tracker.asked) == (401, [])
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="provider status"'


async def test_a_token_outside_ascii_works() -> None:
    tracker = a_tracker(a_provider(), admin_token=Secret("schlüssel"))
    headers = {"Authorization": "Bearer schlüssel"}  # sent as UTF-8
    response, _ = await send(tracker, "POST", "/api/providers/check", headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), CHANGING)
async def test_a_page_of_another_site_cannot_change_anything(
    method: str, path: Any, headers: dict[str, Any]
) -> None:
    tracker = a_tracker_with_token()
    response, body = await send(tracker, method, path, {**ADMIN, **headers})
    assert (response.status_code, tracker.asked) == (403, [])
    assert body["title"] == "Cross-site request refused"


async def test_our_own_page_can_change_settings() -> None:
    headers = {**ADMIN, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    response, _ = await send(a_tracker_with_token(), "POST", "/api/providers/check", headers)
    assert response.status_code == 200


async def test_no_other_site_may_read_an_answer() -> None:
    response, _ = await send(
        a_tracker_with_token(), "GET", "/api/providers/status", {"Origin": "https://evil.example"}
    )
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_change_that_is_not_stored_yet_says_so() -> None:
    tracker = a_tracker_with_token()
    response, _ = await patch(tracker, '{"enabled": false}')
    assert response.status_code == 200
    tracker.stored = False
    response, body = await patch(tracker, '{"enabled": false}')
    assert (response.status_code, body["provider_name"]) == (202, "groq")
    assert "not stored yet" in response.headers["Warning"]
