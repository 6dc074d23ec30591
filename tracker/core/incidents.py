"""Incidents, and the messages sent about them. All frozen."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs


class Cause(StrEnum):
    """What is wrong, and so who must act."""

    PROVIDER = "provider"  # a provider is down
    OFFER = "offer"  # one watched model at a provider is down
    KEY = "key"  # one of our keys is refused, or its quota is used up
    NOTHING_USABLE = "nothing_usable"  # no provider may be used
    NETWORK = "network"  # our own network reaches no provider
    TRACKER = "tracker"  # the tracker itself gets no results


class Stage(StrEnum):
    """How far the messages about an incident have come."""

    PENDING = "pending"  # no message sent yet
    QUIET = "quiet"  # no message needed
    TOLD = "told"
    DONE = "done"  # closed, and the end announced wherever the opening was


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

    subject: what it is about: a provider, an offer as "provider/model", or all. provider: the one
    whose mute and maintenance apply, None where it is about all. opened_at: the first failed check.
    noticed_at: when the rules opened it. changes: its openings and closings, and those of earlier
    incidents with the same cause and subject, within the last hour. absent_since: since when the
    problem is gone while flapping keeps the incident open. told_at: the last opening or reminder
    sent.
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
    """One message to one target; ``key`` identifies the event and is the same in every attempt.

    data: the JSON body for a webhook. given_up: delivery was tried for too long.
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
    """Open and recently closed incidents, newest first, and until when providers are muted."""

    incidents: tuple[Incident, ...] = ()
    mutes: Mapping[str, datetime] = MappingProxyType({})
