"""The shapes of what operators ask for: checks, tuning, the tracker's own state."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.schemas.units import (
    Count,
    Decimals,
    From,
    Milliseconds,
    OutcomeWord,
    StatusWord,
    Timestamp,
)

ActorState = Annotated[
    str,
    Meta(extra_json_schema={"enum": ["running", "restarting", "given up", "switched off"]}),
]
TrackerState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "degraded", "failing"]})]
DatabaseState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "unavailable"]})]


class Outcome(Struct, frozen=True):
    """What a check just found."""

    outcome: Annotated[OutcomeWord, From("kind")]
    status: StatusWord
    response_time_ms: Annotated[Milliseconds | None, From("latency_ms")]
    error_message: Annotated[str, Meta(max_length=200), From("message")]
    http_status: int | None
    checked_at: Annotated[Timestamp, From("at")]


class Outcomes(Struct, frozen=True):
    """What the checks just found, by provider."""

    timestamp: Timestamp
    outcomes: dict[str, Outcome]


class CheckQuery(Struct):
    model: (
        Annotated[
            str,
            Meta(min_length=1, description="Check this watched offer alone, by the id to send."),
        ]
        | UnsetType
    ) = UNSET


class ProviderPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """What to tune; null returns to the file's value, an absent field changes nothing."""

    interval_seconds: Annotated[float, Meta(gt=0.0)] | UnsetType | None = UNSET
    enabled: bool | UnsetType | None = UNSET


TuningBody = Annotated[ProviderPatch, Meta(extra_json_schema={"minProperties": 1})]


class Database(Struct, frozen=True):
    """Behind the history. ``buffered`` results wait in memory; ``dropped`` ones are lost."""

    state: DatabaseState
    reason: str
    buffered: Count
    dropped: Count


class Completions(Struct, frozen=True):
    """What the checks of all providers spend: at most ``per_day`` in a UTC day."""

    per_day: Count
    spent: Count
    exhausted: bool
    resets_at: Timestamp


class Actor(Struct, frozen=True):
    """The task that watches one provider."""

    state: ActorState
    restarts: Count
    last_heartbeat: Timestamp | None
    overdue_seconds: Annotated[float, Decimals(1)]


class Alerts(Struct, frozen=True):
    """Incidents open now; the rest counts since this start. ``sent``, ``repeated`` and
    ``resolved`` are messages that arrived, one a target; ``failed`` are attempts, ``suppressed``
    openings and ends of which nobody was told, ``waiting`` messages on their way.
    """

    open: Count
    opened: Count
    sent: Count
    repeated: Count
    resolved: Count
    suppressed: Count
    failed: Count
    waiting: Count


class Health(Struct, frozen=True):
    """The tracker's own state; ``problems`` are sentences."""

    status: TrackerState
    problems: list[str]
    running: bool
    ready: bool
    started_at: Timestamp
    providers_monitored: Count
    database: Database
    completions: Completions
    actors: dict[str, Actor]
    loop_lag_ms: Milliseconds
    worst_loop_lag_ms: Milliseconds
    stalls: Count
    aggregator_restarts: Count
    writer_restarts: Count
    reports_dropped: Count
    feeds_dropped: Count
    alerts: Alerts
    revision: Count
    policy: str
    configuration_errors: list[str]
    untrusted_reporters: list[str]
    calls_dropped: Count


class LivenessResponse(Struct, frozen=True):
    """A sign of life or readiness, and what is wrong without it."""

    ok: bool
    problems: list[str]
