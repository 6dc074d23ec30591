"""Deciding which messages are sent when: grouping, reminders, silence. Pure.

Decisions depend only on the incidents and the time; the incidents' stages say what was sent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

import attrs

from tracker.alerts.incidents import IncidentBook
from tracker.core.incidents import Cause, Incident, MessageKind, Stage

# Providers behind one cloud fail within seconds of each other; Alertmanager's group_wait is 30 s.
GROUP_WAIT = timedelta(seconds=30)
GROUP_SIZE = 3  # from this many on they share a message: nobody reads ten at night
# Gatus and Uptime Kuma are known for a burst of alerts at every start.
START_GRACE = timedelta(minutes=5)
# While one of these is open, single providers get no message.
UMBRELLAS = frozenset({Cause.NOTHING_USABLE, Cause.NETWORK, Cause.TRACKER})
SINGLE = frozenset({Cause.PROVIDER, Cause.OFFER})


@attrs.frozen(kw_only=True)
class PolicySettings:
    """page: causes for which messages are sent. reminder: None for no reminders."""

    page: frozenset[str]
    reminder: timedelta | None


@attrs.frozen(kw_only=True)
class Situation:
    """What decides in addition to the incidents.

    watched_since: since when the subject of an incident has been watched: its first conclusive
    check after this start; None before. silent: whether no message about an incident is sent now
    (maintenance). unheard: providers without messages. others_serve: whether others serve what an
    incident made unavailable.
    """

    now: datetime
    watched_since: Callable[[Incident], datetime | None]
    mutes: Mapping[str, datetime]
    silent: Callable[[Incident], bool]
    unheard: frozenset[str]
    others_serve: Callable[[Incident], bool]

    def is_muted(self, incident: Incident) -> bool:
        """Return whether the incident's provider is muted at this moment."""
        until = self.mutes.get(incident.provider or "")
        return until is not None and until > self.now

    def is_held(self, incident: Incident) -> bool:
        """Return whether it is held back for now."""
        acknowledged = incident.acknowledged_by is not None
        return acknowledged or self.is_muted(incident) or self.silent(incident)


@attrs.frozen(kw_only=True)
class Announcement:
    """One message to every target. ``key``: the same from any tracker, however often it is sent."""

    kind: MessageKind
    incidents: tuple[Incident, ...]

    @property
    def key(self) -> str:
        """Return a key that is the same for the same incidents, kind and number of reminders."""
        ids = "\n".join(sorted(each.id for each in self.incidents))
        again = self.incidents[0].reminders if self.kind is MessageKind.REMINDER else 0
        return f"{self.kind.value}-{sha256(ids.encode()).hexdigest()[:16]}-{again}"


@attrs.frozen(kw_only=True)
class Decision:
    """book: with the new stages. quieted: incidents for which this decision sends no message (about
    the opening or the end).
    """

    book: IncidentBook
    announcements: tuple[Announcement, ...] = ()
    quieted: int = 0


def decide(book: IncidentBook, situation: Situation, settings: PolicySettings) -> Decision:
    """Decide which messages are sent now."""
    opened = tuple(_openings(book, situation, settings))
    told = [each for announcement in opened for each in announcement.incidents]
    quiet = tuple(_quiet(book, situation, settings, {each.id for each in told}))
    reminders = tuple(_reminders(book, situation, settings))
    resolved, unsaid = _endings(book, situation)
    again = [each for announcement in reminders for each in announcement.incidents]
    ended = [each for announcement in resolved for each in announcement.incidents]
    now = situation.now
    after = book.replace(
        *(attrs.evolve(each, stage=Stage.TOLD, told_at=now) for each in told),
        *(attrs.evolve(each, stage=Stage.QUIET) for each in quiet),
        *(attrs.evolve(each, told_at=now, reminders=each.reminders + 1) for each in again),
        *(attrs.evolve(each, stage=Stage.DONE) for each in (*ended, *unsaid)),
    )
    return Decision(
        book=after,
        announcements=(*opened, *reminders, *resolved),
        quieted=len(quiet) + sum(each.stage is not Stage.QUIET for each in unsaid),
    )


def due_at(book: IncidentBook, situation: Situation, settings: PolicySettings) -> datetime | None:
    """Return when the next decision is due although no snapshot changes; None: never."""
    moments = [until for until in situation.mutes.values() if until > situation.now]
    for incident in book.open.values():
        if incident.stage is Stage.PENDING and (due := _due(incident, situation)) is not None:
            moments.append(due)
        if incident.stage is Stage.TOLD and settings.reminder and incident.told_at:
            moments.append(incident.told_at + settings.reminder)
    ended = (each.closed_at for each in book.closed if each.stage is Stage.TOLD)
    moments += [closed + GROUP_WAIT for closed in ended if closed is not None]
    return min((moment for moment in moments if moment > situation.now), default=None)


def _due(incident: Incident, situation: Situation) -> datetime | None:
    """Return when its opening may be told; what was wrong already at the start has to stay so."""
    since = situation.watched_since(incident)
    if since is None:
        return None
    due = incident.noticed_at + GROUP_WAIT
    return max(due, since + START_GRACE) if incident.opened_at <= since else due


def _openings(
    book: IncidentBook, situation: Situation, settings: PolicySettings
) -> Iterator[Announcement]:
    pending = [e for e in book.open.values() if _may_be_told(e, situation) and _pages(e, settings)]
    umbrella = next((each for each in pending if each.cause in UMBRELLAS), None)
    if umbrella is not None:
        if _is_due(umbrella, situation):
            under = _under_umbrella(book, situation, settings)
            yield Announcement(kind=MessageKind.OPENED, incidents=(umbrella, *under))
        pending = [each for each in pending if each.cause is Cause.KEY]
    umbrella_told = _umbrella_told(book)  # once: there may be thousands
    pending = [e for e in pending if _is_news(e, situation, umbrella_told=umbrella_told)]
    for group in _by_cause(pending):
        due = [each for each in group if _is_due(each, situation)]
        joining = [e for e in group if _is_due(e, situation) or not _waits(e, situation)]
        if due:  # a single message waits the whole time, as short outages are not worth one
            together = len(joining) >= GROUP_SIZE
            yield from _announce(MessageKind.OPENED, joining if together else due)


def _under_umbrella(
    book: IncidentBook, situation: Situation, settings: PolicySettings
) -> Iterator[Incident]:
    """Yield the single troubles that a message about everything names, also the quiet ones."""
    for each in book.open.values():
        untold = each.stage in {Stage.PENDING, Stage.QUIET} and each.cause in SINGLE
        unheard = situation.is_held(each) or each.provider in situation.unheard
        if untold and not unheard and _pages(each, settings):
            yield each


def _may_be_told(incident: Incident, situation: Situation) -> bool:
    held = situation.is_held(incident) or incident.provider in situation.unheard
    return incident.stage is Stage.PENDING and not held


def _pages(incident: Incident, settings: PolicySettings) -> bool:
    return incident.cause.value in settings.page


def _is_due(incident: Incident, situation: Situation) -> bool:
    due = _due(incident, situation)
    return due is not None and due <= situation.now


def _waits(incident: Incident, situation: Situation) -> bool:
    """Return whether it was wrong at the start: it is news only once it has stayed so."""
    since = situation.watched_since(incident)
    return since is None or (incident.opened_at <= since and situation.now < since + START_GRACE)


def _is_news(incident: Incident, situation: Situation, *, umbrella_told: bool) -> bool:
    """Return whether it is told: one of many is not while others serve, or while none is usable."""
    if incident.cause not in SINGLE:
        return True
    return not umbrella_told and not situation.others_serve(incident)


def _umbrella_told(book: IncidentBook) -> bool:
    return any(e.cause in UMBRELLAS and e.stage is Stage.TOLD for e in book.open.values())


def _quiet(
    book: IncidentBook, situation: Situation, settings: PolicySettings, told: set[str]
) -> Iterator[Incident]:
    """Yield what is due, but nobody needs to hear of."""
    umbrella_pends = any(
        e.cause in UMBRELLAS and _may_be_told(e, situation) and _pages(e, settings)
        for e in book.open.values()
    )
    umbrella_told = _umbrella_told(book)
    for incident in book.open.values():
        if incident.stage is not Stage.PENDING or incident.id in told:
            continue
        if not _is_due(incident, situation) or situation.is_held(incident):
            continue
        never = incident.provider in situation.unheard or not _pages(incident, settings)
        waits = umbrella_pends and incident.cause in SINGLE
        if never or not (waits or _is_news(incident, situation, umbrella_told=umbrella_told)):
            yield incident


def _reminders(
    book: IncidentBook, situation: Situation, settings: PolicySettings
) -> Iterator[Announcement]:
    if settings.reminder is None:
        return
    told = [e for e in book.open.values() if e.stage is Stage.TOLD and not situation.is_held(e)]
    due = [e for e in told if e.told_at and e.told_at + settings.reminder <= situation.now]
    umbrella = next((each for each in due if each.cause in UMBRELLAS), None)
    if umbrella is not None:
        under = tuple(each for each in told if each.cause in SINGLE)
        yield Announcement(kind=MessageKind.REMINDER, incidents=(umbrella, *under))
        due = [each for each in due if each.cause is Cause.KEY]
    elif _umbrella_told(book):
        due = [each for each in due if each.cause not in SINGLE]
    for group in _by_cause(due):
        yield from _announce(MessageKind.REMINDER, group)


def _endings(
    book: IncidentBook, situation: Situation
) -> tuple[tuple[Announcement, ...], tuple[Incident, ...]]:
    """Return incidents whose end is announced, and closed ones without a message."""
    over = [each for each in book.closed if each.stage is not Stage.DONE]
    unsaid = [e for e in over if e.stage is not Stage.TOLD or situation.is_muted(e)]
    known = {each.id for each in unsaid}
    news = sorted(
        (each for each in over if each.id not in known), key=lambda e: e.cause not in UMBRELLAS
    )
    endings: list[Announcement] = []
    for group in _by_end(news):
        first = min(each.closed_at for each in group if each.closed_at is not None)
        if situation.now < first + GROUP_WAIT:
            continue
        if group[0].cause in UMBRELLAS:
            endings.append(Announcement(kind=MessageKind.RESOLVED, incidents=tuple(group)))
        else:
            endings += _announce(MessageKind.RESOLVED, group)
    return tuple(endings), tuple(unsaid)


def _by_end(news: list[Incident]) -> Iterator[list[Incident]]:
    """Group by cause; what ends together with a wider incident is announced with it."""
    if news and news[0].cause in UMBRELLAS:
        umbrella = [each for each in news if each.cause in UMBRELLAS | SINGLE]
        yield umbrella
        news = [each for each in news if each.cause is Cause.KEY]
    yield from _by_cause(news)


def _by_cause(incidents: Iterable[Incident]) -> Iterator[list[Incident]]:
    groups: dict[Cause, list[Incident]] = {}
    for incident in incidents:
        groups.setdefault(incident.cause, []).append(incident)
    yield from groups.values()


def _announce(kind: MessageKind, group: list[Incident]) -> Iterator[Announcement]:
    """Announce many in one message, a few one by one."""
    if len(group) >= GROUP_SIZE:
        yield Announcement(kind=kind, incidents=tuple(group))
    else:
        yield from (Announcement(kind=kind, incidents=(each,)) for each in group)
