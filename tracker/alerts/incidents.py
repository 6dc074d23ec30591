"""Opening and closing incidents from successive snapshots. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType

import attrs

from tracker.alerts.conditions import Condition, Findings, Key
from tracker.core.incidents import Incident, MessageKind, Notification, Stage

# Nagios and Consul handle flapping in the same way; four changes are two outages in an hour.
FLAPPING_CHANGES = 4
FLAPPING_WINDOW = timedelta(hours=1)
QUIET = timedelta(minutes=30)
# Past incidents that the API shows and a restart loads: a week of a bad month. Those whose end is
# still to be announced stay beyond this number, so that many can end at once.
MOST_CLOSED = 1_000
# Contract, section 5: the API answers for at most a week.
LONGEST_KEPT = timedelta(hours=168)
MOST_NOTIFIED = 50  # a week of reminders to one target


@attrs.frozen(kw_only=True)
class IncidentBook:
    """The open incidents by cause and subject, and the closed ones, newest first."""

    open: Mapping[Key, Incident] = MappingProxyType({})
    closed: tuple[Incident, ...] = ()

    @classmethod
    def of(cls, incidents: tuple[Incident, ...]) -> "IncidentBook":
        """Take the incidents that an earlier process stored."""
        closed = sorted(
            (each for each in incidents if each.closed_at is not None),
            key=lambda each: each.closed_at or each.opened_at,
            reverse=True,
        )
        still = {each.key: each for each in incidents if each.closed_at is None}
        return cls(open=MappingProxyType(still), closed=tuple(_within_limit(closed)))

    def all(self) -> tuple[Incident, ...]:
        """Return every incident, the newest first."""
        every = (*self.open.values(), *self.closed)
        return tuple(sorted(every, key=lambda each: (each.opened_at, each.id), reverse=True))

    def by_id(self) -> dict[str, Incident]:
        """Return every open and remembered closed incident by its id."""
        return {each.id: each for each in (*self.closed, *self.open.values())}

    def replace(self, *changed: Incident) -> "IncidentBook":
        """Return the book with other versions of incidents it has."""
        by_id = {each.id: each for each in changed}
        if not by_id:
            return self
        return IncidentBook(
            open=MappingProxyType({k: by_id.get(v.id, v) for k, v in self.open.items()}),
            closed=tuple(by_id.get(each.id, each) for each in self.closed),
        )


def observe(
    book: IncidentBook,
    findings: Findings,
    now: datetime,
    in_maintenance: Callable[[str | None], bool],
) -> IncidentBook:
    """Return the book after one more snapshot.

    in_maintenance: of a provider, or of None: of everything. What is maintained opens nothing and
    closes nothing, so that at the end only what was not wrong before is news.
    """
    after = dict(_judge_open(book, findings, now, in_maintenance))
    just_closed = [each for each in after.values() if each.closed_at is not None]
    still_open = {key: each for key, each in after.items() if each.closed_at is None}
    closed = book.closed
    if just_closed or len(closed) > MOST_CLOSED:
        closed = _forget((*reversed(just_closed), *closed), now)
    last = {each.key: each for each in reversed(closed)}  # a thousand may open at once
    for key, condition in findings.present.items():
        if key not in after and not in_maintenance(condition.provider):
            still_open[key] = _open(condition, now, last.get(key))
    if still_open == book.open and len(closed) == len(book.closed) and not just_closed:
        return book
    return IncidentBook(open=MappingProxyType(still_open), closed=closed)


def _judge_open(
    book: IncidentBook,
    findings: Findings,
    now: datetime,
    in_maintenance: Callable[[str | None], bool],
) -> Iterator[tuple[Key, Incident]]:
    for key, incident in book.open.items():
        condition = findings.present.get(key)
        if in_maintenance(incident.provider):
            yield key, incident
        elif condition is not None:
            if findings.is_unclear(
                key, incident.provider
            ):  # a problem of ours says nothing about it
                condition = attrs.evolve(condition, summary=incident.summary)
            yield key, _still_wrong(incident, condition, now)
        elif findings.is_unclear(key, incident.provider):
            yield key, incident
        else:
            yield key, _no_longer_wrong(incident, now)


def _open(condition: Condition, now: datetime, before: Incident | None) -> Incident:
    if before is not None and before.closed_at is not None:
        # A condition that ended and is back: a new incident with a new id.
        began = max(condition.since, before.closed_at)
        condition = attrs.evolve(condition, since=began)
    changes = _recent((*(before.changes if before else ()), now), now)
    return Incident(
        id=incident_id(condition),
        cause=condition.cause,
        subject=condition.subject,
        provider=condition.provider,
        opened_at=condition.since,
        noticed_at=now,
        summary=condition.summary,
        changes=changes,
        flapping=len(changes) >= FLAPPING_CHANGES,
    )


def incident_id(condition: Condition) -> str:
    """Return the same id for the same outage, also from a process that knows nothing of it."""
    began = round(condition.since.timestamp() * 1000)
    text = f"{condition.cause.value}\n{condition.subject}\n{began}"
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _still_wrong(incident: Incident, condition: Condition, now: datetime) -> Incident:
    if incident.absent_since is not None:  # it is back while flapping
        changes = _recent((*incident.changes, now), now)
        return attrs.evolve(incident, absent_since=None, changes=changes, summary=condition.summary)
    if incident.flapping and _is_quiet(incident, now):  # now an ordinary outage
        incident = attrs.evolve(incident, flapping=False, changes=())
    if incident.summary == condition.summary:  # as nearly always, at each step of an outage
        return incident
    return attrs.evolve(incident, summary=condition.summary)


def _no_longer_wrong(incident: Incident, now: datetime) -> Incident:
    if incident.absent_since is not None:
        if not _is_quiet(incident, now):
            return incident
        return attrs.evolve(incident, closed_at=incident.absent_since, absent_since=None)
    changes = _recent((*incident.changes, now), now)
    if incident.flapping or len(changes) >= FLAPPING_CHANGES:
        return attrs.evolve(incident, changes=changes, flapping=True, absent_since=now)
    closed_at = max(now, incident.opened_at)
    return attrs.evolve(incident, changes=changes, closed_at=closed_at)


def _is_quiet(incident: Incident, now: datetime) -> bool:
    return not incident.changes or now - incident.changes[-1] >= QUIET


def _recent(changes: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in changes if now - at <= FLAPPING_WINDOW)


def _forget(closed: tuple[Incident, ...], now: datetime) -> tuple[Incident, ...]:
    """Drop what no question of the API reaches any more."""
    kept = _within_limit(closed)
    return tuple(e for e in kept if e.closed_at is None or now - e.closed_at <= LONGEST_KEPT)


def _within_limit(closed: Sequence[Incident]) -> Iterator[Incident]:
    """Yield the newest MOST_CLOSED, and of the others those whose end is still to be announced."""
    yield from closed[:MOST_CLOSED]
    yield from (each for each in closed[MOST_CLOSED:] if each.stage is not Stage.DONE)


def quiet_until(book: IncidentBook) -> datetime | None:
    """Return when time alone may change an incident: a flapping one has been quiet."""
    ends = (e.changes[-1] + QUIET for e in book.open.values() if e.flapping and e.changes)
    return min(ends, default=None)


def note_notification(incident: Incident, notification: Notification) -> Incident:
    """Return the incident with what one target was told; a further attempt replaces the last."""
    what = (notification.target, notification.what)
    again = notification.what is MessageKind.REMINDER  # there may be many
    kept = tuple(
        each
        for each in incident.notified
        if (each.target, each.what) != what or (again and not each.error)
    )
    return attrs.evolve(incident, notified=(*kept, notification)[-MOST_NOTIFIED:])
