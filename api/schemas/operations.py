"""The JSON for operators: checks, tuning, the tracker's own state."""

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
from tracker.core.settings import LONGEST_SECONDS, SHORTEST_INTERVAL

ActorState = Annotated[
    str,
    Meta(extra_json_schema={"enum": ["running", "restarting", "given up", "switched off"]}),
]
TrackerState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "degraded", "failing"]})]
DatabaseState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "unavailable"]})]


class Outcome(Struct, frozen=True):
    """The result of a check made now."""

    outcome: Annotated[OutcomeWord, From("kind")]
    status: StatusWord
    response_time_ms: Annotated[Milliseconds | None, From("latency_ms")]
    error_message: Annotated[str, Meta(max_length=200), From("message")]
    http_status: int | None
    checked_at: Annotated[Timestamp, From("at")]


class Outcomes(Struct, frozen=True):
    """The results of checks made now, by provider."""

    timestamp: Timestamp
    outcomes: dict[str, Outcome]


class CheckQuery(Struct):
    model: (
        Annotated[
            str,
            Meta(min_length=1, description="Check only this watched offer, by the id to send."),
        ]
        | UnsetType
    ) = UNSET


class ProviderPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """The change; null returns to the value in the file, an absent field changes nothing."""

    interval_seconds: (
        Annotated[float, Meta(ge=SHORTEST_INTERVAL, le=LONGEST_SECONDS)] | UnsetType | None
    ) = UNSET
    enabled: bool | UnsetType | None = UNSET


TuningBody = Annotated[ProviderPatch, Meta(extra_json_schema={"minProperties": 1})]


class Database(Struct, frozen=True):
    """The database. ``buffered`` results wait in memory; ``dropped`` ones are lost."""

    state: DatabaseState
    reason: str
    buffered: Count
    dropped: Count


class Completions(Struct, frozen=True):
    """Completions spent by checks of all providers: at most ``per_day`` in a UTC day."""

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
    """``open``: incidents open now; all others count since this start. ``sent``, ``repeated`` and
    ``resolved``: delivered messages, one per target; ``failed``: attempts; ``suppressed``: openings
    and ends without a message; ``waiting``: messages not delivered yet.
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
    """The tracker's own state; ``problems`` are sentences.

    ``hub_lag_rows``: stored checks that the cluster's hub does not have yet; null without a
    cluster, and until the hub has said what it has.
    """

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
    hub_lag_rows: Count | None


class LivenessResponse(Struct, frozen=True):
    """Whether the tracker is alive or ready, and if not, why."""

    ok: bool
    problems: list[str]
