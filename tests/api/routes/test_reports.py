"""Reporting real calls over HTTP: tokens, limits, receipts; and reading them back."""

import json
from datetime import timedelta
from typing import Any

import pytest

from api.app import create_app
from tests.helpers.calls import batch, report
from tests.helpers.idle_tracker import NOON, FakeTracker, a_provider, a_tracker
from tracker.core.latency_sketch import LatencySketch
from tracker.core.redaction import Secret
from tracker.core.settings import ReportSettings
from tracker.reports.admission import Allowance
from tracker.store.traffic import TrafficBucket

ADMIN, REPORTER, READER = "admin-token-1", "report-token-1", "read-token-1"


def tracker_with_tokens(**server: Any) -> FakeTracker:
    tracker = a_tracker(a_provider("groq"), admin_token=Secret(ADMIN), **server)
    tracker.config = type(tracker.config)(
        providers=tracker.config.providers,
        server=tracker.config.server,
        reports=ReportSettings(token=Secret(REPORTER)),
    )
    return tracker


async def send(
    tracker: FakeTracker,
    body: bytes,
    token: str | None = REPORTER,
    path: str = "/api/reports",
    **headers: str,
) -> tuple[Any, Any]:
    sent = {"Content-Type": "application/json", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    client = create_app(tracker).test_client()
    response = await client.open(path, method="POST", headers=sent, data=body)
    return response, json.loads(await response.get_data())


def at_noon(report_id: str = "r1", **fields: Any) -> dict[str, Any]:
    return report(report_id, at=NOON, **fields)


@pytest.mark.parametrize("token", [REPORTER, ADMIN])
async def test_a_batch_is_accepted_with_the_report_or_the_admin_token(token: str) -> None:
    tracker = tracker_with_tokens()
    body = batch(at_noon("a"), at_noon("b", outcome="cancelled"), at_noon("c", provider="x"))
    response, receipt = await send(tracker, body, token)
    assert response.status_code == 202
    assert (receipt["accepted"], receipt["neutral"]) == (2, 1)
    assert receipt["refused"] == [{"id": "c", "reason": "unknown provider 'x'"}]
    assert receipt["send_every_seconds"] > 0
    assert [call.provider for call in tracker.told] == ["groq", "groq"]


@pytest.mark.parametrize("token", [None, "wrong", READER])
async def test_no_other_token_may_report(token: str | None) -> None:
    tracker = tracker_with_tokens(read_token=Secret(READER))
    response, _ = await send(tracker, batch(at_noon()), token)
    assert response.status_code == 401
    assert not tracker.told


async def test_without_any_token_the_refusal_says_how_to_set_one() -> None:
    tracker = a_tracker(a_provider("groq"))
    response, problem = await send(tracker, batch(at_noon()))
    assert response.status_code == 403
    assert "PROVIDER_STATUS_REPORT_TOKEN" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/providers/check"),
        ("PATCH", "/api/providers/groq"),
        ("GET", "/api/providers/best"),
    ],
)
async def test_the_report_token_may_do_nothing_else(method: str, path: str) -> None:
    tracker = tracker_with_tokens(read_token=Secret(READER))
    client = create_app(tracker).test_client()
    headers = {"Authorization": f"Bearer {REPORTER}"}
    response = await client.open(path, method=method, headers=headers)
    assert response.status_code == 401
    assert not tracker.asked


async def test_the_report_token_works_where_reading_needs_a_token() -> None:
    response, _ = await send(tracker_with_tokens(read_token=Secret(READER)), batch(at_noon()))
    assert response.status_code == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"not json", 400), (b'{"reporter": "p"}', 400), (b"[" * 1000, 400), (b" " * 2_000_000, 413)],
)
async def test_an_invalid_batch_is_a_problem(body: bytes, status: int) -> None:
    response, problem = await send(tracker_with_tokens(), body)
    assert (response.status_code, problem["status"]) == (status, status)


async def test_a_thousand_reports_fit_and_one_more_does_not() -> None:
    padded = [at_noon(str(n), error={"message": "x" * 500}) for n in range(1_001)]
    response, receipt = await send(tracker_with_tokens(), batch(*padded[:1_000]))
    assert (response.status_code, receipt["accepted"]) == (202, 1_000)
    response, problem = await send(tracker_with_tokens(), batch(*padded))
    assert response.status_code == 413
    assert "1000" in problem["detail"]


async def test_another_content_type_is_refused() -> None:
    response, _ = await send(tracker_with_tokens(), batch(), **{"Content-Type": "text/plain"})
    assert response.status_code == 415


async def test_too_many_reports_are_answered_with_a_wait_and_a_slower_rate() -> None:
    tracker = tracker_with_tokens()
    later = tracker.receiver.clock.steady() + 3_600.0  # nothing is added until then
    tracker.receiver.intake.allowance = Allowance(left=0.0, at=later)
    response, problem = await send(tracker, batch(*(at_noon(str(n)) for n in range(1_000))))
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1
    assert problem["send_every_seconds"] > 2.0
    assert not tracker.told


async def test_past_calls_are_returned_in_buckets() -> None:
    tracker = tracker_with_tokens()
    latency = LatencySketch()
    latency.add(200.0)
    tracker.calls = {
        "groq": (
            TrafficBucket(
                at=NOON - timedelta(minutes=1), calls=5, counted=4, failures=1, latency=latency
            ),
        )
    }
    response = await create_app(tracker).test_client().get("/api/providers/traffic?hours=1")
    document = json.loads(await response.get_data())
    (point,) = document["providers"]["groq"]
    assert (document["hours"], document["resolution_seconds"]) == (1, 60)
    assert (point["calls"], point["failures"], point["failure_percent"]) == (5, 1, 25.0)
    assert point["latency_p50_ms"] == pytest.approx(200.0, rel=0.02)
    assert point["ttft_ms"] is None
