"""A message answers an operator's questions."""

import json
from datetime import timedelta
from typing import Any

import attrs

from tests.helpers.alert_scenario import START, a_down_provider, snapshot_of
from tests.helpers.idle_tracker import a_provider
from tracker.alerts.messages import compose, deliveries
from tracker.alerts.policy import Announcement
from tracker.core.incidents import Cause, Incident, MessageKind

INCIDENT = Incident(
    id="abc",
    cause=Cause.PROVIDER,
    subject="groq",
    provider="groq",
    opened_at=START - timedelta(minutes=12),
    noticed_at=START - timedelta(minutes=11),
    summary="groq is down: server error (503)",
)


def message(
    kind: MessageKind, *incidents: Incident, link: str | None = "http://127.0.0.1:8000"
) -> tuple[Any, ...]:
    reset = START + timedelta(minutes=30)
    down = a_down_provider("groq", INCIDENT.opened_at, usable_at=reset)
    snapshot = snapshot_of([down, a_provider("mistral")], START)
    announcement = Announcement(kind=kind, incidents=incidents or (INCIDENT,))
    pages = {"groq": "https://groqstatus.com"}
    return announcement, compose(announcement, snapshot, START, link, pages)


def test_an_opening_answers_every_question_of_an_operator() -> None:
    _, opened = message(MessageKind.OPENED)
    assert opened.title == "groq is down"
    assert opened.body.splitlines() == [
        "groq is down: server error (503), since 11:48:00 UTC (12 min).",
        "Whose fault: the provider's.",
        "Still usable: mistral.",
        "/best names mistral now.",
        "groq may be used again at 12:30:00 UTC.",
        "What to do: nothing, calls go to other providers; their status page: https://groqstatus.com",
        "To acknowledge: provider-status ack abc",
        "http://127.0.0.1:8000/#provider=groq",
    ]


def test_an_end_says_how_long_it_took() -> None:
    over = attrs.evolve(INCIDENT, closed_at=START + timedelta(hours=2, minutes=53))
    _, resolved = message(MessageKind.RESOLVED, over, link=None)
    assert resolved.title == "Resolved: groq is up again"
    assert resolved.body == "Over: groq, after 3 h 5 min.\n/best names mistral now."


def test_a_message_about_many_stays_short_enough_for_a_chat() -> None:
    many = [attrs.evolve(INCIDENT, id=str(n), summary="x" * 120) for n in range(100)]
    _, opened = message(MessageKind.OPENED, *many)
    assert opened.title == "100 providers are down"
    assert "And 90 more." in opened.body
    assert len(opened.body) < 2000


def test_every_target_gets_the_same_event() -> None:
    announcement, opened = message(MessageKind.OPENED)
    rows = deliveries(announcement, opened, ["webhook 1", "json 1"], START)
    assert [row.target for row in rows] == ["webhook 1", "json 1"]
    assert len({row.key for row in rows}) == 1
    event = json.loads(rows[0].data)
    assert (event["type"], event["timestamp"]) == ("incident.opened", "2026-03-28T12:00:00.000Z")
    assert event["data"]["incidents"][0]["cause"] == "provider"
    assert event["data"]["best_provider"] == "mistral"
