"""The JSON of incidents, and of operators' actions on them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from api.schemas.units import Count, Decimals, From, Hours, Timestamp

CauseWord = Literal["provider", "offer", "key", "nothing_usable", "network", "tracker"]
MessageWord = Literal["opened", "reminder", "resolved", "test"]
LONGEST_MUTE = 43_200  # minutes: thirty days; for longer, set alerts = false for the provider


class Notification(Struct, frozen=True):
    """One message to one target; ``error`` is empty once it was delivered."""

    target: str
    what: MessageWord
    at: Timestamp
    error: str


class Incident(Struct, frozen=True):
    """A period in which something was wrong; ``closed_at`` is null while it still is."""

    id: str
    subject: str
    cause: CauseWord
    provider_name: Annotated[str | None, From("provider")]
    summary: str
    opened_at: Timestamp
    closed_at: Timestamp | None
    duration_seconds: Annotated[float, Meta(ge=0.0), Decimals(3)] | None
    flapping: bool
    acknowledged_by: str | None
    muted_until: Timestamp | None
    notified: list[Notification]


class Incidents(Struct, frozen=True):
    """Newest first; open ones are always included. ``mutes``: by provider, until when."""

    hours: Hours
    incidents: list[Incident]
    mutes: dict[str, Timestamp]


class Acknowledgement(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is working on an incident."""

    by: Annotated[str, Meta(min_length=1, max_length=100)]


class MuteRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """For how long no messages about a provider are sent; 0 ends it."""

    minutes: Annotated[float, Meta(ge=0.0, le=LONGEST_MUTE)]


class Mute(Struct, frozen=True):
    """Until when no messages about a provider are sent; null: not muted."""

    provider_name: str
    muted_until: Timestamp | None


class TargetTest(Struct, frozen=True):
    """The result for one target."""

    target: str
    delivered: bool
    error: str


class AlertsTest(Struct, frozen=True):
    """A test message was sent to each target."""

    targets: list[TargetTest]
    delivered: Count


class MaintenanceSpan(Struct, frozen=True):
    """One span; ``providers`` is empty if it concerns all, ``end`` is not included."""

    providers: list[str]
    start: Timestamp
    end: Timestamp
    weekly: bool


class Maintenance(Struct, frozen=True):
    """Sorted by their end, the earliest first."""

    maintenance: list[MaintenanceSpan]


class IncidentsQuery(Struct):
    hours: Hours = 168
