"""Incidents, and what was told of them. All frozen."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs


class Cause(StrEnum):
    """What is wrong, and so whose fault it is."""

    PROVIDER = "provider"  # a provider is down
    OFFER = "offer"  # one watched model at a provider is down
    KEY = "key"  # a key of ours is refused or spent
    NOTHING_USABLE = "nothing_usable"  # no provider may be used
    NETWORK = "network"  # our own network reaches nobody
    TRACKER = "tracker"  # the tracker itself sees nothing


class Stage(StrEnum):
    """How far an incident has come in being told."""

    PENDING = "pending"  # nobody was told yet
    QUIET = "quiet"  # nobody needs to be told
    TOLD = "told"
    DONE = "done"  # closed, and told so where its opening was


class MessageKind(StrEnum):
    OPENED = "opened"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    TEST = "test"


@attrs.frozen(kw_only=True)
class Notification:
    """One message to one target; ``error`` is empty once it was delivered."""

    target: str
    what: MessageKind
    at: datetime
    error: str = ""


@attrs.frozen(kw_only=True)
class Incident:
    """A stretch of time in which something was wrong.

    subject: who it is about: a provider, an offer as "provider/model", or all. provider: whose
    mute and maintenance hold for it, None where it is about all. opened_at: the first failed check.
    noticed_at: when the rules opened it. changes: its openings and closings, and those of the
    incidents before it with the same cause and subject, within the last hour. absent_since: what
    was wrong is gone, but flapping keeps the incident open. told_at: the last opening or reminder.
    """

    id: str
    cause: Cause
    subject: str
    provider: str | None = None
    opened_at: datetime
    noticed_at: datetime
    closed_at: datetime | None = None
    summary: str
    changes: tuple[datetime, ...] = ()
    flapping: bool = False
    absent_since: datetime | None = None
    stage: Stage = Stage.PENDING
    told_at: datetime | None = None
    reminders: int = 0
    acknowledged_by: str | None = None
    muted_until: datetime | None = None
    notified: tuple[Notification, ...] = ()

    @property
    def key(self) -> tuple[Cause, str]:
        """Return ``(cause, subject)``: one incident at a time is open for it."""
        return self.cause, self.subject

    @property
    def duration_seconds(self) -> float | None:
        """Return its length in seconds, None while it is open."""
        if self.closed_at is None:
            return None
        return max((self.closed_at - self.opened_at).total_seconds(), 0.0)


@attrs.frozen(kw_only=True)
class Delivery:
    """One message on its way to one target; ``key`` is the event's, the same with every attempt.

    data: what a webhook gets, JSON. given_up: it was tried for too long.
    """

    key: str
    target: str
    kind: MessageKind
    incidents: tuple[str, ...] = ()
    created_at: datetime
    title: str
    body: str
    data: str = "{}"
    attempts: int = 0
    tried_at: datetime | None = None
    delivered_at: datetime | None = None
    error: str = ""
    given_up: bool = False

    @property
    def waiting(self) -> bool:
        """Return whether it is neither made nor given up."""
        return self.delivered_at is None and not self.given_up


@attrs.frozen(kw_only=True, eq=False)
class IncidentLog:
    """Open incidents and those that closed lately, newest first, and who is muted until when."""

    incidents: tuple[Incident, ...] = ()
    mutes: Mapping[str, datetime] = MappingProxyType({})
