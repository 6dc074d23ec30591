"""GETs about the present, over a tracker whose snapshot the test writes."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from api.app import create_app
from api.http import response_cache as encoding
from benchmarks.torture.loop import MOST_MS
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.idle_tracker import (
    NOON,
    a_bare_provider,
    a_condition,
    a_provider,
    a_tracker,
)
from tests.helpers.turn_timer import timed_turns
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import Uptime
from tracker.runtime.supervisor import ActorHealth

WELL = a_provider()
SLOWER = a_provider("mistral", response_time_ms=310.0)
DOWN = a_provider(
    "together",
    status=Status.DOWN,
    usable=False,
    reason="3 checks failed",
    outcome=OutcomeKind.SERVER,
)
NEW = a_bare_provider()


def client(*providers: Any, **server: Any) -> Any:
    return create_app(a_tracker(*providers, **server)).test_client()


async def get(path: Any, *providers: Any, **server: Any) -> tuple[Any, ...]:
    response = await client(*providers, **server).get(path)
    body = await response.get_data()
    return response, json.loads(body) if "json" in response.content_type else body


async def test_status_has_every_field_of_the_contract() -> None:
    response, body = await get("/api/providers/status", WELL, NEW)
    assert response.status_code == 200
    assert body["timestamp"] == "2026-03-01T12:00:00.000Z"
    assert list(body["providers"]) == ["groq", "new"]
    assert body["providers"]["groq"] == {
        "provider_name": "groq",
        "status": "healthy",
        "status_since": None,
        "reason": "last check ok in 245 ms",
        "usable": True,
        "usable_at": None,
        "stale": False,
        "enabled": True,
        "response_time_ms": 245.1,
        "ttft_ms": None,
        "uptime_percent": 99.8,
        "uptime": {"1h": 100.0, "24h": 99.8, "7d": 99.91},
        "latency_ms": {
            "min": 180.2,
            "avg": 244.0,
            "p50": 240.9,
            "p95": 402.7,
            "max": 911.0,
            "samples": 287,
        },
        "rate_limit_percent": 45.0,
        "rate_limit": {
            "source": "headers",
            "limits": [
                {
                    "name": "requests",
                    "window_seconds": 86400.0,
                    "limit": 1000.0,
                    "remaining": 550.0,
                    "reset_at": "2026-03-02T00:00:00.000Z",
                }
            ],
            "exhausts_at": None,
        },
        "last_check": "2026-03-01T11:59:30.000Z",
        "next_check": "2026-03-01T12:04:30.000Z",
        "interval_seconds": 300.0,
        "timeout_seconds": 10.0,
        "interval_overridden": False,
        "checks_24h": 288,
        "completions_24h": 0,
        "outcome": "ok",
        "error_message": "",
        "consecutive_failures": 0,
        "reachable": True,
        "authenticated": True,
        "quota_available": True,
        "inference": None,
        "keys": [],
        "adaptations": [],
        "offers": [],
        "waits_for_budget": False,
        "last_call": None,
        "evidence": {
            "checks": {"last": "2026-03-01T11:59:30.000Z", "failures": 0},
            "traffic": {
                "window_seconds": 300,
                "calls": 0,
                "counted": 0,
                "failures": 0,
                "last": None,
                "latency_ms": None,
                "ttft_ms": None,
                "tokens_per_second": None,
            },
            "models": [],
        },
        "checks_saved_24h": 0,
        "vantages": [],
        "cluster_status": None,
        "cluster_reason": "",
        "completions_saved_24h": 0,
    }


async def test_an_unknown_value_is_null_and_the_rate_limit_percent_zero() -> None:
    _, body = await get("/api/providers/status/new", NEW)
    assert body["uptime_percent"] is None
    assert body["uptime"] == {"1h": None, "24h": None, "7d": None}
    assert body["response_time_ms"] is None
    assert body["latency_ms"] == {
        "min": None,
        "avg": None,
        "p50": None,
        "p95": None,
        "max": None,
        "samples": 0,
    }
    assert (body["rate_limit_percent"], body["rate_limit"]["source"]) == (0.0, "none")
    assert (body["last_check"], body["outcome"], body["reachable"]) == (None, None, None)


@pytest.mark.parametrize(
    "name", ["a,b", 'say "hi"', "émilie 東", "a/b", "=HYPERLINK(", "best", "x\ny", "50%", "../up"]
)
async def test_any_name_is_found_url_encoded(name: str) -> None:
    response, body = await get(f"/api/providers/status/{quote(name, safe='')}", a_provider(name))
    assert (response.status_code, body["provider_name"]) == (200, name)


async def test_an_unknown_name_is_a_404_that_repeats_it_and_points_on() -> None:
    response, body = await get("/api/providers/status/nobody", WELL)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert body == {
        "title": "No such provider",
        "status": 404,
        "detail": "there is no provider 'nobody'; /api/providers/status lists all",
    }


async def test_best_ranks_the_usable_and_explains_the_others() -> None:
    response, body = await get("/api/providers/best", SLOWER, WELL, DOWN)
    assert response.status_code == 200
    assert (body["best_provider"], body["alternatives"]) == ("groq", ["mistral"])
    assert body["reason"] == "groq is fastest"
    assert body["ranking"][0] == {
        "provider_name": "groq",
        "status": "healthy",
        "expected_cost_ms": 245.1,
        "failure_probability": 0.0123,
        "latency_ms": 245.1,
        "samples": 12,
        "last_check": "2026-03-01T11:59:30.000Z",
        "reason": "answers in 245 ms",
        "model": None,
        "variant": None,
        "evidence": None,
        "weight": 0.5,
        "patience_ms": None,
        "failure_ms": None,
    }
    assert body["excluded"] == [
        {"provider_name": "together", "reason": "3 checks failed", "until": None, "model": None}
    ]
    assert body["timestamp"] == "2026-03-01T12:00:00.000Z"
    assert body["valid_until"] == "2026-03-01T12:04:30.000Z"


async def test_with_nothing_usable_best_is_503_with_the_reasons_and_retry_after() -> None:
    response, body = await get("/api/providers/best", DOWN, NEW)
    assert response.status_code == 503
    assert body["best_provider"] is None
    assert [e["provider_name"] for e in body["excluded"]] == ["together", "new"]
    assert int(response.headers["Retry-After"]) >= 1  # NOON has passed: at once, but not at once


@pytest.mark.parametrize(
    ("query", "best", "alternatives"),
    [
        ("candidates=mistral", "mistral", []),
        ("candidates=mistral,groq", "groq", ["mistral"]),
        ("candidates=mistral,nobody", "mistral", []),
        ("candidates=mistral&candidates=groq", "groq", ["mistral"]),
        ("exclude=groq", "mistral", []),
        ("exclude=together,%20groq", "mistral", []),
        ("exclude=%20groq%20", "mistral", []),
        ("candidates=mistral,%20groq", "groq", ["mistral"]),
        ("exclude=", "groq", ["mistral"]),
        ("model=gpt-oss-20b", "groq", ["mistral"]),
        ("model=mistral-only", "mistral", []),
        ("model=mistralai/mistral-only", "mistral", []),
        ("candidates=groq,together&exclude=together", "groq", []),
    ],
)
async def test_filters_narrow_the_ranking(query: str, best: str, alternatives: list[Any]) -> None:
    response, body = await get(f"/api/providers/best?{query}", WELL, SLOWER, DOWN)
    assert response.status_code == 200
    assert (body["best_provider"], body["alternatives"]) == (best, alternatives)
    assert sum(r["weight"] for r in body["ranking"]) == pytest.approx(1.0)


async def test_the_weights_of_many_sum_to_one_in_the_document_too() -> None:
    many = [attrs.evolve(WELL, name=f"p{number:03}") for number in range(700)]
    _, body = await get("/api/providers/best", *many)
    assert sum(r["weight"] for r in body["ranking"]) == pytest.approx(1.0, abs=1e-4)


async def test_filters_that_leave_nothing_usable_say_why() -> None:
    response, body = await get("/api/providers/best?candidates=together", WELL, DOWN)
    assert (response.status_code, body["best_provider"], body["ranking"]) == (503, None, [])
    assert body["excluded"][0]["reason"] == "3 checks failed"
    assert body["valid_until"] == "2026-03-01T12:04:30.000Z"


NONE_OF_THESE = "No candidate is watched."


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("candidates=nobody", NONE_OF_THESE),
        ("exclude=groq,together", NONE_OF_THESE),
    ],
)
async def test_filters_that_match_no_provider_say_so(query: str, reason: str) -> None:
    response, body = await get(f"/api/providers/best?{query}", WELL, DOWN)
    assert (response.status_code, body["best_provider"]) == (503, None)
    assert body["reason"] == reason
    assert (body["excluded"], body["valid_until"]) == ([], None)
    assert int(response.headers["Retry-After"]) >= 1


async def test_a_candidate_with_a_comma_is_one_name() -> None:
    _, body = await get("/api/providers/best?candidates=a%2Cb", a_provider("a,b"), WELL)
    assert (body["best_provider"], body["alternatives"]) == ("a,b", [])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("candidate=groq", "unknown parameter 'candidate'; did you mean 'candidates'?"),
        ("x=1", "unknown parameter 'x'; known here: candidates, exclude, model, vantage"),
        ("candidates=", "candidates and model must not be empty; leave them out instead"),
        ("model=a&model=b", "model is given 2 times; give it once"),
    ],
)
async def test_a_filter_not_understood_is_refused_rather_than_ignored(
    query: str, said: str
) -> None:
    response, body = await get(f"/api/providers/best?{query}", WELL)
    assert (response.status_code, body["detail"]) == (400, said)


async def test_models_lists_the_providers_of_each_model() -> None:
    _, body = await get("/api/providers/models", SLOWER, WELL, NEW)
    assert body == {
        "models": {
            "gpt-oss-20b": ["groq", "mistral"],
            "groq-only": ["groq"],
            "mistral-only": ["mistral"],
        }
    }


async def test_csv_has_the_columns_and_the_order_of_the_contract() -> None:
    poor = a_provider("a-poor", uptime=Uptime(day=50.0))
    response, body = await get("/api/providers/export/csv", NEW, poor, SLOWER, WELL)
    assert response.headers["Content-Disposition"] == 'attachment; filename="provider_status.csv"'
    assert response.content_type == "text/csv; charset=utf-8"
    assert body.decode().split("\r\n") == [
        "provider_name,status,response_time_ms,uptime_percent,rate_limit_percent,"
        "last_check_timestamp,consecutive_failures",
        "groq,healthy,245.1,99.80,45.00,2026-03-01T11:59:30.000Z,0",
        "mistral,healthy,310.0,99.80,45.00,2026-03-01T11:59:30.000Z,0",
        "a-poor,healthy,245.1,50.00,45.00,2026-03-01T11:59:30.000Z,0",
        "new,unknown,,,0.00,,0",
        "",
    ]


async def test_a_get_with_the_current_etag_is_304() -> None:
    asker = client(WELL, NEW)
    for path in ("status", "status/groq", "best", "models", "export/csv"):
        first = await asker.get(f"/api/providers/{path}")
        tag = first.headers["ETag"]
        for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await asker.get(f"/api/providers/{path}", headers={"If-None-Match": held})
            assert (again.status_code, await again.get_data()) == (304, b"")
            assert again.headers["ETag"] == tag
        stale = await asker.get(f"/api/providers/{path}", headers={"If-None-Match": '"other"'})
        assert stale.status_code == 200


async def test_503_is_never_304() -> None:
    response = await client(DOWN).get("/api/providers/best", headers={"If-None-Match": "*"})
    assert response.status_code == 503


async def test_an_answer_is_encoded_once_and_a_provider_unchanged_keeps_its_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = []
    monkeypatch.setattr(
        encoding,
        "view_provider",
        lambda p, real=encoding.view_provider: encoded.append(p.name) or real(p),
    )
    tracker = a_tracker(WELL, SLOWER)
    asker = create_app(tracker).test_client()
    for _ in range(3):
        await asker.get("/api/providers/status")
        await asker.get("/api/providers/status/groq")
    assert encoded == ["groq", "mistral"]
    tracker.post(WELL, a_provider("mistral", response_time_ms=1.0), at=NOON + timedelta(seconds=1))
    await asker.get("/api/providers/status")
    assert encoded == ["groq", "mistral", "mistral"]


async def test_head_has_the_headers_and_no_more() -> None:
    response = await client(WELL).head("/api/providers/status")
    assert response.status_code == 200
    assert "ETag" in response.headers


async def test_a_wrong_method_is_405_and_says_which_are_right() -> None:
    response = await client(WELL).delete("/livez")
    assert response.status_code == 405
    assert response.content_type == "application/problem+json"
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/providers/nope", 404),
        ("GET", "/api/providers/heath", 404),
        ("GET", "/api/providers/status/", 404),
        ("GET", "/api/providers/nope/check", 404),
        ("POST", "/api/providers/nope", 404),
        ("POST", "/badge/nope.svg", 404),
        ("GET", "/api/providers/groq", 405),
        ("GET", "/api/providers/groq/check", 405),
        ("GET", "/api/providers/check", 405),
        ("POST", "/api/providers/status", 405),
        ("POST", "/dashboard/app.js", 405),
    ],
)
async def test_an_unknown_path_or_provider_is_404_for_every_method(
    method: str, path: str, status: int
) -> None:
    response = await client(WELL).open(path, method=method)
    problem = json.loads(await response.get_data())
    assert (response.status_code, problem["status"]) == (status, status)
    assert ("no provider of that name" in problem["detail"]) is (status == 404)


async def test_an_unknown_path_is_a_problem() -> None:
    response, body = await get("/api/nothing")
    assert (response.status_code, body["status"]) == (404, 404)


async def test_every_answer_forbids_running_anything_in_it() -> None:
    for path in ("/api/providers/status", "/api/nothing"):
        response, _ = await get(path, WELL)
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/best",
        "/best?exclude=p0001",
        "/export/csv",
        "/status",
        "/health",
    ],
)
async def test_no_answer_about_thousands_of_providers_holds_the_loop(path: str) -> None:
    """And it is what a tracker of a few would say, byte for byte, kept until something changes."""
    many = [a_provider(f"p{n:04}", response_time_ms=100.0 + n) for n in range(2_000)]
    tracker = a_tracker(*many)
    actor = ActorHealth(state="running", last_heartbeat=NOON)
    tracker.condition = a_condition(actors={each.name: actor for each in many})
    asker = create_app(tracker).test_client()
    with no_collector(), timed_turns() as timer:
        response = await asker.get(f"/api/providers{path}")
        body = await response.get_data()
    assert response.status_code == 200
    assert fair_ms(timer.worst) <= MOST_MS
    again = await asker.get(f"/api/providers{path}")
    assert await again.get_data() == body
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "api.present_answers.RANKED_INLINE",
            "api.http.response_cache.SLICE",
            "api.routes.status.SLICE",
            "api.routes.operations.SLICE",
        ):
            patch.setattr(name, 1_000_000)  # all at once
        plain = await create_app(tracker).test_client().get(f"/api/providers{path}")
        assert await plain.get_data() == body
