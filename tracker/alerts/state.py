"""The state of the alerts: incidents, mutes, messages. Pure: times are arguments.

Every change returns the records to store.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import attrs

from tracker.alerts.conditions import Findings, find_conditions
from tracker.alerts.counts import AlertCounts
from tracker.alerts.incidents import (
    IncidentBook,
    note_notification,
    observe,
    quiet_until,
)
from tracker.alerts.messages import compose, deliveries
from tracker.alerts.outbox import Outbox
from tracker.alerts.policy import Announcement, Situation, decide, due_at
from tracker.alerts.rules import AlertRules
from tracker.alerts.serving import RankOffers, Serving
from tracker.alerts.watched_views import WatchedViews
from tracker.core.incidents import (
    Cause,
    Delivery,
    Incident,
    IncidentLog,
    Notification,
    Stage,
)
from tracker.core.records import ChangeKind, ChangeRecord, MuteRecord, Record
from tracker.core.settings import Config
from tracker.core.snapshot import Snapshot


@attrs.define(eq=False)
class AlertState:
    """What is open, told and muted, under the rules of a configuration."""

    rules: AlertRules
    book: IncidentBook = IncidentBook()
    mutes: Mapping[str, datetime] = MappingProxyType({})
    outbox: Outbox = attrs.field(factory=Outbox)
    watching_since: datetime | None = None  # since everything has been checked once
    clear_since: dict[str, datetime] = attrs.field(factory=dict)  # first conclusive check
    counts: AlertCounts = attrs.field(factory=AlertCounts)
    _known: WatchedViews = attrs.field(factory=WatchedViews)
    rank_offers: RankOffers | None = None  # as the tracker does now

    def take_settings(self, config: Config) -> None:
        """Go on with another configuration."""
        if config is not self.rules.config:
            self.rules = AlertRules(config)

    def restore(
        self,
        incidents: tuple[Incident, ...],
        sent: tuple[Delivery, ...],
        mutes: Mapping[str, datetime],
    ) -> None:
        """Carry on from what an earlier process stored."""
        self.book, self.mutes = IncidentBook.of(incidents), MappingProxyType(dict(mutes))
        self.outbox = Outbox.of(sent)
        self._note_in_incidents(self.outbox)

    def effort(self, snapshot: Snapshot) -> int:
        """Return how many views and offers a step looks at closely, besides the incidents."""
        return self._known.effort(snapshot)

    @property
    def unfinished(self) -> int:
        """Return how many incidents are open, or have an end that is still to be announced."""
        over = sum(each.stage is not Stage.DONE for each in self.book.closed)
        return len(self.book.open) + over

    def watch(self, snapshot: Snapshot, now: datetime) -> Findings:
        """Note since when everything is watched: older problems are not new."""
        if self.watching_since is None and snapshot.swept:
            self.watching_since = now
        findings = find_conditions(snapshot, now, self._known)
        for name in findings.clear.difference(self.clear_since):
            self.clear_since[name] = now
        return findings

    def take_words(self, incidents: tuple[Incident, ...], mutes: Mapping[str, datetime]) -> None:
        """Take who acknowledged and who was muted elsewhere in the cluster."""
        self.mutes = MappingProxyType(dict(mutes))
        known = self.book.by_id()
        told = (
            attrs.evolve(known[each.id], acknowledged_by=each.acknowledged_by)
            for each in incidents
            if each.id in known and each.acknowledged_by != known[each.id].acknowledged_by
        )
        self.book = self.book.replace(*(each for each in told if each.acknowledged_by))

    def step(self, snapshot: Snapshot, now: datetime) -> list[Record]:
        """Process a snapshot: open and close incidents, and decide on messages."""
        before, findings = self.book, self.watch(snapshot, now)
        self.book = observe(before, findings, now, self.rules.covers(now))
        added = self._decide(snapshot, now)
        self._end_mutes(now)
        changed = changed_incidents(before, self.book)
        known = before.by_id() if changed else {}
        news = [change for each in changed for change in self._changes(known.get(each.id), each)]
        return [*changed, *added, *news]

    def due_at(self, snapshot: Snapshot, now: datetime) -> datetime | None:
        """Return when something is to be done although nothing changes."""
        situation = self._situation(snapshot, now)
        ends = [due_at(self.book, situation, self.rules.policy), quiet_until(self.book)]
        moments = [*ends, self.rules.maintenance(now).until, self.outbox.due_at(self.rules.targets)]
        return min((moment for moment in moments if moment is not None), default=None)

    def acknowledge(self, incident_id: str, by: str) -> list[Record]:
        """Record who has acknowledged an incident. Raises KeyError for an unknown id."""
        incident = self.book.by_id().get(incident_id)
        if incident is None:
            raise KeyError(incident_id)
        changed = attrs.evolve(incident, acknowledged_by=by)
        self.book = self.book.replace(changed)
        return [changed]

    def mute(self, provider: str, minutes: float, now: datetime) -> list[Record]:
        """Tell nobody of a provider for a while; 0 ends it."""
        until = now + timedelta(minutes=minutes) if minutes > 0 else None
        others = {name: end for name, end in self.mutes.items() if name != provider}
        self.mutes = MappingProxyType(others | ({provider: until} if until else {}))
        return [MuteRecord(provider=provider, until=until)]

    def note_attempt(self, delivery: Delivery, now: datetime, error: str) -> list[Record]:
        """Note how sending a message went."""
        changed = self.outbox.note(delivery, now, error)
        self._note_in_incidents(changed)
        self.counts.add_attempt(delivery.kind, error)
        return [*changed]

    def log(self) -> IncidentLog:
        """Return what a snapshot shows."""
        return IncidentLog(
            incidents=tuple(self._with_mute(each) for each in self.book.all()), mutes=self.mutes
        )

    def _with_mute(self, incident: Incident) -> Incident:
        until = self.mutes.get(incident.provider or "")
        return incident if until is None else attrs.evolve(incident, muted_until=until)

    def _decide(self, snapshot: Snapshot, now: datetime) -> list[Delivery]:
        situation = self._situation(snapshot, now)
        if not self.rules.targets:  # a target added later gets messages about open incidents
            over = [each for each in self.book.closed if each.stage is not Stage.DONE]
            self.book = self.book.replace(*(attrs.evolve(e, stage=Stage.DONE) for e in over))
            return []
        decision = decide(self.book, situation, self.rules.policy)
        self.book = decision.book
        self.counts.suppressed += decision.quieted
        found = [self._enqueue(each, snapshot, now) for each in decision.announcements]
        return [delivery for added in found for delivery in added]

    def _enqueue(
        self, announcement: Announcement, snapshot: Snapshot, now: datetime
    ) -> list[Delivery]:
        link, pages = self.rules.link, self.rules.status_pages
        message = compose(announcement, snapshot, now, link, pages, rank_offers=self.rank_offers)
        hearers = self.outbox.hearers(announcement, self.rules.targets)
        rows = deliveries(announcement, message, hearers, now)
        added = [row for row in rows if self.outbox.add(row)]
        overtaken = (self.outbox.give_up_overtaken(row) for row in added)
        return [*added, *(row for given_up in overtaken for row in given_up)]

    def _situation(self, snapshot: Snapshot, now: datetime) -> Situation:
        covers = self.rules.covers(now)
        return Situation(
            now=now,
            watched_since=self._watched_since,
            mutes=self.mutes,
            silent=lambda incident: covers(incident.provider),
            unheard=self.rules.unheard,
            others_serve=Serving(snapshot, self.rules.models).others_serve,
        )

    def _watched_since(self, incident: Incident) -> datetime | None:
        """Return since when it is watched.

        A first check that our own fault spoilt does not count.
        """
        if incident.provider is not None:
            return self.clear_since.get(incident.provider)
        if incident.cause is not Cause.NOTHING_USABLE or self.watching_since is None:
            return self.watching_since
        return max((self.watching_since, *self.clear_since.values()))

    def _end_mutes(self, now: datetime) -> None:
        if any(until <= now for until in self.mutes.values()):
            lasting = {name: until for name, until in self.mutes.items() if until > now}
            self.mutes = MappingProxyType(lasting)

    def _changes(self, known: Incident | None, incident: Incident) -> list[ChangeRecord]:
        """Return what of an incident is news. known: as it was before."""
        opened = known is None
        closed = incident.closed_at is not None and (known is None or known.closed_at is None)
        self.counts.opened += opened
        cause, found = incident.cause.value, []
        if opened:
            found.append(_change(incident, incident.noticed_at, None, cause))
        if closed and incident.closed_at is not None:
            found.append(_change(incident, incident.closed_at, cause, None))
        return found

    def _note_in_incidents(self, deliveries: Iterable[Delivery]) -> None:
        known, noted = self.book.by_id(), dict[str, Incident]()
        for delivery in deliveries:
            if delivery.tried_at is None:
                continue
            note = Notification(
                target=delivery.target,
                what=delivery.kind,
                at=delivery.tried_at,
                error=delivery.error,
            )
            for name in delivery.incidents:
                if name in known:
                    noted[name] = note_notification(noted.get(name, known[name]), note)
        self.book = self.book.replace(*noted.values())


def changed_incidents(before: IncidentBook, after: IncidentBook) -> list[Incident]:
    """Return the incidents that are new or another version."""
    if before is after:
        return []
    known = before.by_id()
    every = (*after.open.values(), *after.closed)
    return [each for each in every if known.get(each.id) is not each]


def _change(
    incident: Incident, at: datetime, before: str | None, after: str | None
) -> ChangeRecord:
    return ChangeRecord(
        kind=ChangeKind.INCIDENT,
        at=at,
        provider=incident.provider,
        before=before,
        after=after,
        reason=incident.summary,
    )
