"""Messages about incidents, as text for people and as data for programs. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import attrs

from tracker.alerts.policy import Announcement
from tracker.alerts.serving import RankOffers
from tracker.alerts.wording import Telling, title_of
from tracker.core.incidents import Delivery, Incident, MessageKind
from tracker.core.snapshot import Snapshot


@attrs.frozen(kw_only=True)
class Message:
    """title: one line. data: the same for programs."""

    title: str
    body: str
    data: dict[str, Any]


def compose(
    announcement: Announcement,
    snapshot: Snapshot,
    now: datetime,
    link: str | None,
    status_pages: Mapping[str, str] = MappingProxyType({}),
    *,
    rank_offers: RankOffers | None = None,
) -> Message:
    """Write the message of an announcement.

    link: the dashboard's address. status_pages: the providers' own status pages, by name.
    rank_offers: as ``/best?model=`` does; None: the message does not say which offer that names.
    """
    incidents = announcement.incidents
    address = _address(link, incidents)
    told = Telling(announcement.kind, incidents, snapshot, now, status_pages, rank_offers)
    title, text = (
        title_of(announcement),
        "\n".join([*told.lines(), *([address] if address else [])]),
    )
    return Message(
        title=title,
        body=text,
        data={
            "title": title,
            "text": text,
            "incidents": [_incident_data(each) for each in incidents],
            "usable": [ranked.provider for ranked in snapshot.ranking.ranked],
            "best_provider": snapshot.ranking.best,
            "link": address,
        },
    )


def deliveries(
    announcement: Announcement, message: Message, targets: Sequence[str], now: datetime
) -> tuple[Delivery, ...]:
    """Return the message once for each target."""
    event = {
        "type": f"incident.{announcement.kind.value}",
        "timestamp": _rfc3339(now),
        "data": message.data,
    }
    key, data = announcement.key, json.dumps(event, ensure_ascii=True)
    incidents = tuple(each.id for each in announcement.incidents)
    return tuple(
        Delivery(
            key=key,
            target=target,
            kind=announcement.kind,
            incidents=incidents,
            created_at=now,
            title=message.title,
            body=message.body,
            data=data,
        )
        for target in targets
    )


def compose_test(target: str, key: str, now: datetime, link: str | None) -> Delivery:
    """Write the message that tries a target out."""
    body = "This is a test. Messages about incidents arrive here."
    event = {
        "type": "test",
        "timestamp": _rfc3339(now),
        "data": {"title": "Test of the alerts", "text": body, "link": link},
    }
    return Delivery(
        key=key,
        target=target,
        kind=MessageKind.TEST,
        created_at=now,
        title="Test of the alerts",
        body="\n".join([body, *([link] if link else [])]),
        data=json.dumps(event),
    )


def _address(link: str | None, incidents: Sequence[Incident]) -> str | None:
    if link is None:
        return None
    provider = incidents[0].provider if len(incidents) == 1 else None
    return f"{link.rstrip('/')}/" + (f"#provider={quote(provider, safe='')}" if provider else "")


def _incident_data(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "subject": incident.subject,
        "cause": incident.cause.value,
        "summary": incident.summary,
        "opened_at": _rfc3339(incident.opened_at),
        "closed_at": None if incident.closed_at is None else _rfc3339(incident.closed_at),
    }


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
