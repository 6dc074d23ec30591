"""Incidents and messages of a whole cluster: one tracker, the herald, opens, tells and writes them.

Everything it does is in the hub before it is sent, under its lease: who comes after it goes on
there, with the same keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from types import MappingProxyType

import attrs
import msgspec
import structlog

from tracker.alerts.sharing import KnownAlerts, Role
from tracker.cluster.alert_rows import (
    AlertWrite,
    DeliveryRow,
    EventRow,
    IncidentRow,
    StoredAlerts,
    VerdictRow,
)
from tracker.cluster.calls import HubCaller
from tracker.cluster.doubts import Doubts
from tracker.cluster.hub import Fenced, HubAway
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import HERALD
from tracker.core.clock import Clock
from tracker.core.incidents import Delivery, Incident
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus
from tracker.core.records import Record
from tracker.core.snapshot import Snapshot
from tracker.core.stored_json import read_stored

log = structlog.get_logger()

SUSPECT, TRUSTED = "suspect", "trusted"
OLDER_SECONDS = 0.2  # than a verdict's evidence: ages come over a network, and are inexact
USABLE = frozenset({Status.HEALTHY, Status.DEGRADED})


@attrs.define(eq=False)
class SharedAlerts:
    """See AlertSharing."""

    caller: HubCaller
    keeper: LeaseKeeper
    clock: Clock = attrs.field(factory=Clock)
    _verdicts: dict[str, VerdictRow] | None = None
    _judged: dict[str, float] = attrs.field(factory=dict)  # when its evidence was new, steady
    _doubts: Doubts = attrs.field(factory=Doubts)

    def role(self) -> Role:
        """Return HERALD with its lease, ALONE without a hub, else FOLLOWER."""
        if self.keeper.holds(HERALD):
            return Role.HERALD
        return Role.ALONE if self.keeper.cut_off else Role.FOLLOWER

    async def load(self) -> KnownAlerts | None:
        """Return what the cluster's incidents are; None while the hub cannot be used."""
        try:
            stored = await self.caller.data(lambda hub: hub.alerts())
        except HubAway:
            return None
        self._verdicts = None  # read again by the next leader
        return self._readable(stored)

    def view(self, snapshot: Snapshot) -> Snapshot:
        """Show every provider as all vantages together see it."""
        providers = {name: _as_cluster(view) for name, view in snapshot.providers.items()}
        return attrs.evolve(snapshot, providers=MappingProxyType(providers))

    async def keep(self, records: Iterable[Record], snapshot: Snapshot) -> bool:
        """Write under the herald's lease; False where it is another's, or the hub is away."""
        member, token = self.keeper.membership.member, self.keeper.membership.token(HERALD)
        if member is None or token is None:
            return False
        try:
            if self._verdicts is None:
                rows = await self.caller.data(lambda hub: hub.verdicts())
                self._verdicts = {row.provider: row for row in rows}
                self._judged = {}
                self._note(rows)
            write = self._write(records, snapshot, self._verdicts)
            if write == AlertWrite():
                return True
            await self.caller.data(lambda hub: hub.write_alerts(member, token, write))
        except (HubAway, Fenced) as error:
            log.warning(
                "alerts not written to the hub",
                reason=str(error) or "another tracker has the lease",
            )
            return False
        self._verdicts |= {row.provider: row for row in write.verdicts}
        self._note(write.verdicts)
        return True

    async def acknowledge(self, incident: str, by: str) -> None:
        """Let all know who takes care of an incident."""
        try:
            await self.caller.data(lambda hub: hub.acknowledge(incident, by))
        except HubAway as error:
            log.warning("the other trackers do not know who took it", reason=error.reason)

    async def mute(self, provider: str, minutes: float) -> None:
        """Mute a provider for a while."""
        try:
            await self.caller.data(lambda hub: hub.mute(provider, minutes * 60.0))
        except HubAway as error:
            log.warning("the other trackers do not know of the mute", reason=error.reason)

    def _note(self, rows: Iterable[VerdictRow]) -> None:
        now = self.clock.steady()
        self._judged |= {row.provider: now - row.age for row in rows if row.age is not None}

    def _is_old(self, provider: str, age: float | None) -> bool:
        """Return whether the verdict there is rests on newer evidence than what we have seen."""
        judged = self._judged.get(provider)
        if judged is None or age is None:
            return False
        return self.clock.steady() - age < judged - OLDER_SECONDS

    def _age(self, provider: str, snapshot: Snapshot) -> float | None:
        """Return how many seconds ago anybody checked it, as far as we know; None for "@name"."""
        view = snapshot.providers.get(provider)
        if view is None:
            return None
        ours, last_check = self.keeper.origin.vantage, view.last_check
        told = {v.name: v.age_seconds for v in view.vantages if v.age_seconds is not None}
        age, since = told.pop(ours, None), 0.0
        if last_check is not None:
            now = max((self.clock.now() - last_check).total_seconds(), 0.0)
            since = max(now - (now if age is None else age), 0.0)  # since the view was put together
            age = now
        ages = [each + since for each in told.values()]
        return min(ages if age is None else [age, *ages], default=None)

    def _readable(self, stored: StoredAlerts) -> KnownAlerts:
        now = self.clock.now()
        return KnownAlerts(
            incidents=tuple(_incidents(stored.incidents)),
            deliveries=tuple(_deliveries(stored.deliveries)),
            mutes={name: now + timedelta(seconds=left) for name, left in stored.mutes.items()},
        )

    def _write(
        self, records: Iterable[Record], snapshot: Snapshot, verdicts: dict[str, VerdictRow]
    ) -> AlertWrite:
        kept = list(records)
        incidents = [each for each in kept if isinstance(each, Incident)]
        doubtful = self._doubts.look(snapshot.providers, self.clock.steady())
        moved = [
            attrs.evolve(row, age=age)
            for row in _moved(snapshot, verdicts)
            if row.provider not in doubtful
            and not self._is_old(row.provider, age := self._age(row.provider, snapshot))
        ]
        return AlertWrite(
            incidents=tuple(_incident_row(each) for each in incidents),
            deliveries=tuple(_delivery_row(each) for each in kept if isinstance(each, Delivery)),
            events=(
                *(event for each in incidents for event in _incident_events(each)),
                *(_verdict_event(row, verdicts.get(row.provider)) for row in moved),
            ),
            verdicts=tuple(moved),
        )


def _as_cluster(view: ProviderStatus) -> ProviderStatus:
    verdict = view.cluster_status
    if verdict is None or verdict is view.status or verdict is Status.UNKNOWN:
        return view
    return attrs.evolve(
        view,
        status=verdict,
        reason=view.cluster_reason,
        outcome=None,  # ours, and it says something else
        usable=view.usable or (verdict in USABLE and view.status is Status.DOWN),
    )


def _moved(snapshot: Snapshot, known: dict[str, VerdictRow]) -> Iterator[VerdictRow]:
    """Yield what all together say differently now of a provider, or of a vantage ("@name")."""
    suspects: dict[str, bool] = {}
    for name, view in snapshot.providers.items():
        suspects |= {each.name: each.suspect for each in view.vantages}
        verdict = view.cluster_status
        if verdict is not None and verdict is not Status.UNKNOWN:
            yield from _row(name, verdict.value, view.cluster_reason, known)
    for vantage, suspect in suspects.items():
        if suspect or f"@{vantage}" in known:
            word = SUSPECT if suspect else TRUSTED
            told = "it alone sees most providers down" if suspect else "it sees what others see"
            yield from _row(f"@{vantage}", word, f"{vantage}: {told}", known)


def _row(name: str, status: str, reason: str, known: dict[str, VerdictRow]) -> Iterator[VerdictRow]:
    before = known.get(name)
    if before is None or before.status != status:
        version = 1 if before is None else before.version + 1
        yield VerdictRow(provider=name, version=version, status=status, reason=reason)


def _verdict_event(row: VerdictRow, before: VerdictRow | None) -> EventRow:
    return EventRow(
        key=f"{row.provider}:{row.version}",
        kind="vantage" if row.provider.startswith("@") else "status",
        provider=row.provider.removeprefix("@"),
        before=None if before is None else before.status,
        after=row.status,
        reason=row.reason,
    )


def _incident_events(incident: Incident) -> Iterator[EventRow]:
    cause = incident.cause.value
    yield _event(incident, "opened", None, cause)
    if incident.closed_at is not None:
        yield _event(incident, "closed", cause, None)


def _event(incident: Incident, what: str, before: str | None, after: str | None) -> EventRow:
    return EventRow(
        key=f"incident:{incident.id}:{what}",
        kind="incident",
        provider=incident.provider,
        before=before,
        after=after,
        reason=incident.summary,
    )


def _incident_row(incident: Incident) -> IncidentRow:
    return IncidentRow(
        id=incident.id,
        incident=msgspec.json.encode(incident).decode(),
        closed_at=incident.closed_at,
        acknowledged_by=incident.acknowledged_by,
    )


def _delivery_row(delivery: Delivery) -> DeliveryRow:
    return DeliveryRow(
        key=delivery.key,
        target=delivery.target,
        created_at=delivery.created_at,
        delivery=msgspec.json.encode(delivery).decode(),
    )


def _incidents(rows: Sequence[tuple[str, str | None]]) -> Iterator[Incident]:
    for text, by in rows:
        try:
            incident = read_stored(text, Incident)
        except (msgspec.DecodeError, ValueError):
            log.warning("an incident of a later version is left out")
        else:
            yield attrs.evolve(incident, acknowledged_by=by or incident.acknowledged_by)


def _deliveries(rows: Sequence[str]) -> Iterator[Delivery]:
    for text in rows:
        try:
            yield read_stored(text, Delivery)
        except (msgspec.DecodeError, ValueError):
            log.warning("a message of a later version is left out")
