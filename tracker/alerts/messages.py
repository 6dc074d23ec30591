"""What a message says: what, whose fault, since when, what still works, and what to do. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import attrs

from tracker.alerts.plain_text import plain_text
from tracker.alerts.policy import Announcement
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind
from tracker.core.snapshot import Snapshot

MOST_INCIDENTS = 10  # spelt out in one message: chats cut what is longer than 2,000 characters
MOST_NAMES = 8  # in a sentence; more nobody reads on a phone

FAULTS = {
    Cause.PROVIDER: "the provider's",
    Cause.OFFER: "the provider's, with this one model",
    Cause.KEY: "ours: a key is refused or spent",
    Cause.NOTHING_USABLE: "not one provider's alone; see each below",
    Cause.NETWORK: "our own network's, not the providers'",
    Cause.TRACKER: "the tracker's own",
}
ADVICE = {
    Cause.PROVIDER: "nothing, while others serve; else ask the provider's status page.",
    Cause.OFFER: "send this model's calls elsewhere; the provider itself answers.",
    Cause.KEY: "renew the key or its credit, then check again.",
    Cause.NOTHING_USABLE: "see each provider's reason; add a key, or wait for the first reset.",
    Cause.NETWORK: "check this machine's DNS, route and firewall.",
    Cause.TRACKER: "look at /api/providers/health and the log; restart it if it stays so.",
}
_TITLES = {
    Cause.PROVIDER: "{subject} is down",
    Cause.OFFER: "{subject} is down",
    Cause.KEY: "{subject}: key refused or spent",
    Cause.NOTHING_USABLE: "No provider is usable",
    Cause.NETWORK: "Our network reaches nobody",
    Cause.TRACKER: "The tracker sees nothing",
}
_MANY = {
    Cause.PROVIDER: "{count} providers are down",
    Cause.OFFER: "{count} models are down",
    Cause.KEY: "{count} providers: keys refused or spent",
}


@attrs.frozen(kw_only=True)
class Message:
    """title: one line. data: the same for programs."""

    title: str
    body: str
    data: dict[str, Any]


def compose(
    announcement: Announcement, snapshot: Snapshot, now: datetime, link: str | None
) -> Message:
    """Write the message of an announcement."""
    incidents = announcement.incidents
    address = _address(link, incidents)
    lines = [*_lines(announcement.kind, incidents, snapshot, now), *([address] if address else [])]
    title, text = _title(announcement), "\n".join(lines)
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
    return tuple(
        Delivery(
            key=announcement.key,
            target=target,
            kind=announcement.kind,
            incidents=tuple(each.id for each in announcement.incidents),
            created_at=now,
            title=message.title,
            body=message.body,
            data=json.dumps(event, ensure_ascii=True),
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


def _title(announcement: Announcement) -> str:
    first, count = announcement.incidents[0], len(announcement.incidents)
    template = _MANY.get(first.cause) if count > 1 else None
    title = (template or _TITLES[first.cause]).format(
        subject=plain_text(first.subject, 80), count=count
    )
    prefix = {MessageKind.REMINDER: "Still: ", MessageKind.RESOLVED: "Resolved: "}
    return prefix.get(announcement.kind, "") + title


def _lines(
    kind: MessageKind, incidents: Sequence[Incident], snapshot: Snapshot, now: datetime
) -> Iterator[str]:
    first = incidents[0]
    ending = kind is MessageKind.RESOLVED
    for each in incidents[:MOST_INCIDENTS]:
        yield _over(each, now) if ending else f"{each.summary}, {_since(each, now)}."
    if len(incidents) > MOST_INCIDENTS:
        yield f"And {len(incidents) - MOST_INCIDENTS} more."
    if ending:
        yield _best(snapshot)
        return
    yield f"Whose fault: {FAULTS[first.cause]}."
    yield _serving(snapshot, incidents)
    yield _best(snapshot)
    yield from _until(snapshot, incidents, now)
    yield f"What to do: {ADVICE[first.cause]}"


def _since(incident: Incident, now: datetime) -> str:
    again = f", it came and went {len(incident.changes)} times" if incident.flapping else ""
    lasted = _for(now - incident.opened_at)
    return f"since {_moment(incident.opened_at, now)} UTC ({lasted}{again})"


def _over(incident: Incident, now: datetime) -> str:
    lasted = _for((incident.closed_at or now) - incident.opened_at)
    return f"Over: {plain_text(incident.subject, 80)}, after {lasted}."


def _for(lasted: timedelta) -> str:
    """Say a duration as people do: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    seconds = max(int(lasted.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours == 0:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days == 0 else f"{days} d {hours % 24} h"


def _moment(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def _serving(snapshot: Snapshot, incidents: Sequence[Incident]) -> str:
    down = {each.provider for each in incidents if each.cause is not Cause.OFFER}
    usable = [r.provider for r in snapshot.ranking.ranked if r.provider not in down]
    return f"Still usable: {_list_names(usable)}." if usable else "Nothing else is usable."


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(plain_text(name, 80) for name in names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _best(snapshot: Snapshot) -> str:
    best = snapshot.ranking.best
    return "/best names nobody." if best is None else f"/best names {plain_text(best, 80)} now."


def _until(snapshot: Snapshot, incidents: Sequence[Incident], now: datetime) -> Iterator[str]:
    """Say when a known reset makes a provider usable again."""
    for incident in incidents[:MOST_NAMES]:
        view = snapshot.providers.get(incident.provider or "")
        if view is not None and view.usable_at is not None and view.usable_at > now:
            yield f"{plain_text(view.name, 80)}: until {_moment(view.usable_at, now)} UTC."


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
