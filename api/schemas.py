"""What goes over the wire: the shapes of CONTRACT 5, encoded by msgspec and shown in OpenAPI."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Percent = Annotated[float, Meta(ge=0.0, le=100.0, description="Percent, two decimals")]
Milliseconds = Annotated[float, Meta(ge=0.0, description="Milliseconds, one decimal")]
Count = Annotated[int, Meta(ge=0)]
ActorState = Annotated[
    str,
    Meta(extra_json_schema={"enum": ["running", "restarting", "given up", "switched off"]}),
]
TrackerState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "degraded", "failing"]})]
DatabaseState = Annotated[str, Meta(extra_json_schema={"enum": ["ok", "unavailable"]})]
Hours = Annotated[int, Meta(ge=1, le=168)]
Timestamp = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds",
        examples=["2026-01-01T12:00:00.000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
StatusWord = Literal["healthy", "degraded", "down", "unknown"]
OutcomeWord = Literal[
    "ok",
    "slow",
    "rate_limited",
    "quota_exhausted",
    "auth",
    "timeout",
    "dns",
    "connect",
    "tls",
    "server",
    "overloaded",
    "blocked",
    "not_found",
    "bad_response",
    "request",
    "internal",
]


class Uptime(Struct, frozen=True):
    """Percent up of what was counted in each window; null with nothing counted."""

    hour: Percent | None = field(name="1h")
    day: Percent | None = field(name="24h")
    week: Percent | None = field(name="7d")


class Latency(Struct, frozen=True):
    """Successful checks of the last 24 hours."""

    min: Milliseconds | None = None
    avg: Milliseconds | None = None
    p50: Milliseconds | None = None
    p95: Milliseconds | None = None
    max: Milliseconds | None = None
    samples: Count = 0


class Limit(Struct, frozen=True):
    """One rate limit, in its own unit."""

    name: str
    window_seconds: float | None
    limit: float | None
    remaining: float | None
    reset_at: Timestamp | None


class RateLimit(Struct, frozen=True):
    """Where the limits are known from, each of them, and when the trend runs one out."""

    source: Literal["headers", "body", "estimate", "none"]
    limits: list[Limit]
    exhausts_at: Timestamp | None


class Key(Struct, frozen=True):
    """How one of the provider's keys fared; the key itself is never shown."""

    number: Annotated[int, Meta(ge=1)]
    state: Literal["unknown", "ok", "refused", "spent", "rate_limited"]


class Provider(Struct, frozen=True):
    """One provider at one instant."""

    provider_name: str
    status: StatusWord
    reason: str
    usable: bool
    usable_at: Timestamp | None
    stale: bool
    enabled: bool
    response_time_ms: Milliseconds | None
    ttft_ms: Milliseconds | None
    uptime_percent: Percent | None
    uptime: Uptime
    latency_ms: Latency
    rate_limit_percent: Percent
    rate_limit: RateLimit
    last_check: Timestamp | None
    next_check: Timestamp | None
    interval_seconds: float
    timeout_seconds: float
    interval_overridden: bool
    checks_24h: Count
    completions_24h: Count
    outcome: OutcomeWord | None
    error_message: Annotated[str, Meta(max_length=200)]
    consecutive_failures: Count
    reachable: bool | None
    authenticated: bool | None
    quota_available: bool | None
    inference: bool | None
    keys: list[Key]


class Status(Struct, frozen=True):
    """Every provider, by name."""

    timestamp: Timestamp
    providers: dict[str, Provider]


class Ranked(Struct, frozen=True):
    """A usable provider and the numbers that gave it its place."""

    provider_name: str
    status: StatusWord
    expected_cost_ms: Milliseconds | None
    failure_probability: Annotated[float, Meta(ge=0.0, le=1.0)] | None
    latency_ms: Milliseconds | None
    samples: Count
    last_check: Timestamp | None
    reason: str
    weight: Annotated[float, Meta(ge=0.0, le=1.0)]


class Excluded(Struct, frozen=True):
    """A provider not to be used now."""

    provider_name: str
    reason: str
    until: Timestamp | None


class Best(Struct, frozen=True):
    """The provider to use now, and the order to fall back in."""

    best_provider: str | None
    reason: str
    alternatives: list[str]
    ranking: list[Ranked]
    excluded: list[Excluded]
    timestamp: Timestamp
    valid_until: Timestamp | None
    policy: str


class Models(Struct, frozen=True):
    """Which providers listed each model."""

    models: dict[str, list[str]]


class CheckPoint(Struct, frozen=True):
    """One check."""

    timestamp: Timestamp
    status: StatusWord
    outcome: OutcomeWord
    response_time_ms: Milliseconds | None


class BucketLatency(Struct, frozen=True):
    """Successful checks of one bucket."""

    min: Milliseconds | None = None
    avg: Milliseconds | None = None
    p50: Milliseconds | None = None
    p95: Milliseconds | None = None
    max: Milliseconds | None = None


class Bucket(Struct, frozen=True):
    """The checks of one stretch of time; ``timestamp`` is where it begins."""

    timestamp: Timestamp
    checks: Count
    failures: Count
    uptime_percent: Percent | None
    latency_ms: BucketLatency


class RawHistory(Struct, frozen=True):
    """One point a check, oldest first."""

    hours: Hours
    resolution_seconds: None
    providers: dict[str, list[CheckPoint]]


class BucketHistory(Struct, frozen=True):
    """One point a stretch of ``resolution_seconds``, oldest first; empty ones are absent."""

    hours: Hours
    resolution_seconds: Annotated[float, Meta(gt=0.0)]
    providers: dict[str, list[Bucket]]


class Change(Struct, frozen=True):
    """Something an operator asks about later; null where there was nothing."""

    timestamp: Timestamp
    kind: Literal["status", "best", "model"]
    provider_name: str | None
    before: str | None
    after: str | None
    reason: str


class Changes(Struct, frozen=True):
    """Oldest first."""

    hours: Hours
    changes: list[Change]


class Outcome(Struct, frozen=True):
    """What a check just found."""

    outcome: OutcomeWord
    status: StatusWord
    response_time_ms: Milliseconds | None
    error_message: Annotated[str, Meta(max_length=200)]
    http_status: int | None
    checked_at: Timestamp


class Outcomes(Struct, frozen=True):
    """What the checks just found, by provider."""

    timestamp: Timestamp
    outcomes: dict[str, Outcome]


class Tuning(Struct, frozen=True, forbid_unknown_fields=True):
    """What to tune; null returns to the file's value, an absent field changes nothing."""

    interval_seconds: Annotated[float, Meta(gt=0.0)] | UnsetType | None = UNSET
    enabled: bool | UnsetType | None = UNSET


TuningBody = Annotated[Tuning, Meta(extra_json_schema={"minProperties": 1})]


class Database(Struct, frozen=True):
    """Behind the history. ``buffered`` results wait in memory; ``dropped`` ones are lost."""

    state: DatabaseState
    reason: str
    buffered: Count
    dropped: Count


class Actor(Struct, frozen=True):
    """The task that watches one provider."""

    state: ActorState
    restarts: Count
    last_heartbeat: Timestamp | None
    overdue_seconds: float


class Health(Struct, frozen=True):
    """The tracker's own state; ``problems`` are sentences."""

    status: TrackerState
    problems: list[str]
    running: bool
    ready: bool
    started_at: Timestamp
    providers_monitored: Count
    database: Database
    actors: dict[str, Actor]
    loop_lag_ms: Milliseconds
    worst_loop_lag_ms: Milliseconds
    stalls: Count
    aggregator_restarts: Count
    writer_restarts: Count
    reports_dropped: Count
    feeds_dropped: Count
    revision: Count
    policy: str
    configuration_errors: list[str]


class Sign(Struct, frozen=True):
    """A sign of life or readiness, and what is wrong without it."""

    ok: bool
    problems: list[str]


class Badge(Struct, frozen=True):
    """The JSON a shields endpoint badge reads."""

    label: str
    message: str
    color: str
    schema_version: Literal[1] = field(name="schemaVersion", default=1)


class Problem(Struct, frozen=True):
    """An error (RFC 9457)."""

    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str


class BestQuery(Struct):
    candidates: Annotated[
        str,
        Meta(
            min_length=1,
            description="Only these, separated by commas; unknown names are no candidates.",
        ),
    ] = ""
    exclude: Annotated[str, Meta(description="Not these, separated by commas.")] = ""
    model: Annotated[
        str, Meta(min_length=1, description="Only providers whose last model list has it.")
    ] = ""


class HistoryQuery(Struct):
    hours: Hours = 24
    resolution: Annotated[
        Literal["raw"] | Annotated[int, Meta(ge=1, le=604_800)] | None,
        Meta(description="raw: one point a check; a number: buckets of so many seconds."),
    ] = None


class ChangesQuery(Struct):
    hours: Hours = 24
    provider: Annotated[str, Meta(description="Only this one's.")] = ""


class BadgeQuery(Struct):
    show: Literal["status", "uptime", "latency"] = "status"
