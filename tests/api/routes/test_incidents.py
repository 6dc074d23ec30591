"""Incidents over HTTP: what is shown, and what an operator may do."""

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest

from api.app import create_app
from tests.helpers.idle_tracker import NOON, a_provider, a_snapshot, a_tracker
from tracker.core.clock import utc_now
from tracker.core.incidents import Cause, Incident, IncidentLog, MessageKind, Notification
from tracker.core.redaction import Secret

TOKEN = "s3cret-admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
INCIDENT = Incident(
    id="abc123",
    cause=Cause.PROVIDER,
    subject="groq",
    provider="groq",
    opened_at=NOON - timedelta(minutes=12),
    noticed_at=NOON - timedelta(minutes=11),
    summary="groq is down: server error (503)",
    notified=(Notification(target="slack 1", what=MessageKind.OPENED, at=NOON, error="it broke"),),
)


def a_tracker_with(*incidents: Any, **mutes: Any) -> Any:
    tracker = a_tracker(a_provider("groq"), admin_token=Secret(TOKEN))
    log = IncidentLog(incidents=incidents, mutes=mutes)
    tracker.board.post(attrs.evolve(a_snapshot(a_provider("groq"), revision=2), incidents=log))
    return tracker


async def send(
    tracker: Any, method: str, path: Any, body: Any = None, headers: Any = ADMIN
) -> tuple[Any, ...]:
    client = create_app(tracker).test_client()
    data = None if body is None else json.dumps(body)
    sent = headers if body is None else {**headers, "Content-Type": "application/json"}
    response = await client.open(path, method=method, headers=sent, data=data)
    return response, json.loads(await response.get_data() or b"null")


async def test_an_open_incident_is_shown_whatever_its_age() -> None:
    response, body = await send(
        a_tracker_with(INCIDENT, groq=NOON), "GET", "/api/incidents?hours=1"
    )
    assert response.status_code == 200
    assert body["incidents"] == [
        {
            "id": "abc123",
            "subject": "groq",
            "cause": "provider",
            "provider_name": "groq",
            "summary": "groq is down: server error (503)",
            "opened_at": "2026-03-01T11:48:00.000Z",
            "closed_at": None,
            "duration_seconds": None,
            "flapping": False,
            "acknowledged_by": None,
            "muted_until": None,
            "notified": [
                {
                    "target": "slack 1",
                    "what": "opened",
                    "at": "2026-03-01T12:00:00.000Z",
                    "error": "it broke",
                }
            ],
        }
    ]
    assert body["mutes"] == {"groq": "2026-03-01T12:00:00.000Z"}


async def test_a_closed_one_is_shown_for_as_many_hours_as_asked() -> None:
    closed = attrs.evolve(
        INCIDENT, opened_at=utc_now() - timedelta(hours=6), closed_at=utc_now() - timedelta(hours=5)
    )
    for hours, shown in ((4, 0), (6, 1)):
        path = f"/api/incidents?hours={hours}"
        _, body = await send(a_tracker_with(closed), "GET", path)
        assert len(body["incidents"]) == shown
    assert body["incidents"][0]["duration_seconds"] == pytest.approx(3600, abs=1)


async def test_an_unchanged_list_of_incidents_is_304() -> None:
    tracker = a_tracker_with(INCIDENT)
    response, _ = await send(tracker, "GET", "/api/incidents")
    again, _ = await send(
        tracker, "GET", "/api/incidents", headers={"If-None-Match": response.headers["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("hours", ["0", "169", "x", "1.5"])
async def test_bad_hours_are_refused(hours: str) -> None:
    response, _ = await send(a_tracker_with(), "GET", f"/api/incidents?hours={hours}")
    assert response.status_code == 400


async def test_an_incident_is_acknowledged_by_name() -> None:
    tracker = a_tracker_with(INCIDENT)
    path = "/api/incidents/abc123/acknowledge"
    response, body = await send(tracker, "POST", path, {"by": " anna "})
    assert (response.status_code, body["acknowledged_by"]) == (200, "anna")
    response, body = await send(tracker, "POST", path.replace("abc", "x"), {"by": "anna"})
    assert (response.status_code, body["title"]) == (404, "No such incident")


@pytest.mark.parametrize(
    "body", [{}, {"by": ""}, {"by": "x" * 101}, {"by": 5}, {"by": "a", "to": "b"}]
)
async def test_a_bad_acknowledgement_is_refused(body: dict[str, Any]) -> None:
    path = "/api/incidents/abc123/acknowledge"
    response, _ = await send(a_tracker_with(INCIDENT), "POST", path, body)
    assert response.status_code == 400


@pytest.mark.parametrize(("by", "shown"), [("a\x1b[31mnna<b>", "anna"), (" \x1f", "somebody")])
async def test_a_name_is_shown_as_plain_text(by: str, shown: str) -> None:
    path = "/api/incidents/abc123/acknowledge"
    _, body = await send(a_tracker_with(INCIDENT), "POST", path, {"by": by})
    assert body["acknowledged_by"] == shown


async def test_a_provider_is_muted_and_unmuted() -> None:
    path = "/api/providers/groq/mute"
    _, body = await send(a_tracker_with(), "POST", path, {"minutes": 60})
    assert body == {"provider_name": "groq", "muted_until": "2026-03-01T13:00:00.000Z"}
    _, body = await send(a_tracker_with(), "POST", path, {"minutes": 0})
    assert body["muted_until"] is None
    response, _ = await send(a_tracker_with(), "POST", "/api/providers/x/mute", {"minutes": 1})
    assert response.status_code == 404


@pytest.mark.parametrize("minutes", [-1, 1e9, "60", None])
async def test_a_bad_mute_is_refused(minutes: float | str | None) -> None:
    path = "/api/providers/groq/mute"
    response, _ = await send(a_tracker_with(), "POST", path, {"minutes": minutes})
    assert response.status_code == 400


async def test_a_test_returns_the_answer_of_each_target() -> None:
    _, body = await send(a_tracker_with(), "POST", "/api/alerts/test")
    assert body == {
        "targets": [
            {"target": "webhook 1", "delivered": True, "error": ""},
            {"target": "slack 1", "delivered": False, "error": "it answered 500"},
        ],
        "delivered": 1,
    }


@pytest.mark.parametrize(
    "path",
    ["/api/incidents/abc123/acknowledge", "/api/providers/groq/mute", "/api/alerts/test"],
)
async def test_changes_need_the_admin_token(path: str) -> None:
    tracker = a_tracker_with(INCIDENT)
    response, _ = await send(tracker, "POST", path, {"by": "a"}, headers={})
    assert response.status_code == 401
    assert not tracker.asked
