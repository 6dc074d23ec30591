"""Alerts as the hub stores them: incidents, messages, events and verdicts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs


@attrs.frozen(kw_only=True)
class StoredAlerts:
    """Incidents and messages as JSON, with who acknowledged; mutes with the seconds left."""

    incidents: Sequence[tuple[str, str | None]] = ()
    deliveries: Sequence[str] = ()
    mutes: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class IncidentRow:
    id: str
    incident: str
    closed_at: datetime | None
    acknowledged_by: str | None = None


@attrs.frozen(kw_only=True)
class DeliveryRow:
    key: str
    target: str
    created_at: datetime
    delivery: str


@attrs.frozen(kw_only=True)
class EventRow:
    """Something that happened once for the whole cluster. ``key``: no other event has it."""

    key: str
    kind: str
    provider: str | None
    before: str | None
    after: str | None
    reason: str


@attrs.frozen(kw_only=True)
class VerdictRow:
    """What the cluster says of a provider. version: grows by one with each change.

    age: seconds since the newest check that it rests on; None where that is not known.
    """

    provider: str
    version: int
    status: str
    reason: str
    age: float | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class AlertWrite:
    """What the holder of the alerts' lease writes, in one transaction."""

    incidents: Sequence[IncidentRow] = ()
    deliveries: Sequence[DeliveryRow] = ()
    events: Sequence[EventRow] = ()
    verdicts: Sequence[VerdictRow] = ()
