"""The JSON of ``/api/providers/status`` (contract, section 5), shown in OpenAPI."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from api.schemas.units import (
    Count,
    Decimals,
    EvidenceWord,
    From,
    Milliseconds,
    OutcomeWord,
    Percent,
    StatusWord,
    Timestamp,
    TokensPerSecond,
)


class Uptime(Struct, frozen=True):
    """Uptime percentage in each window; null if nothing was counted."""

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
    """The source of the limits, the limits, and when one runs out at the present pace."""

    source: Literal["headers", "body", "estimate", "none"]
    limits: list[Limit]
    exhausts_at: Timestamp | None


class Key(Struct, frozen=True):
    """The last result of one of the provider's keys; the key itself is never shown."""

    number: Annotated[int, Meta(ge=1)]
    state: Literal["unknown", "ok", "refused", "spent", "rate_limited"]


class Offer(Struct, frozen=True):
    """One watched model at a provider; ``model`` is the id to send there."""

    model: str
    variant: str | None
    status: StatusWord
    status_since: Timestamp | None
    usable: bool
    usable_at: Timestamp | None
    reason: str
    evidence: EvidenceWord
    outcome: OutcomeWord | None
    error_message: Annotated[str, Meta(max_length=200)]
    last_check: Timestamp | None
    next_check: Timestamp | None
    response_time_ms: Milliseconds | None
    ttft_ms: Milliseconds | None
    tokens_per_second: TokensPerSecond | None
    uptime: Uptime
    latency_ms: Annotated[Latency, From("latency")]
    consecutive_failures: Count
    checks_24h: Count
    waits_for_budget: bool
    retires_on: date | None


class NamedOffer(Offer, frozen=True, kw_only=True):
    """A watched offer, as in the event ``offer``."""

    provider_name: str


class CheckEvidence(Struct, frozen=True):
    """Our own checks: the time of the last one, and the number of consecutive failures."""

    last: Timestamp | None
    failures: Count


class TrafficEvidence(Struct, frozen=True):
    """Real calls of the last ``window_seconds``; latencies are medians of successful ones.

    ``calls``: all, ``counted``: those that count for health.
    """

    window_seconds: Count = 300
    calls: Count = 0
    counted: Count = 0
    failures: Count = 0
    last: Timestamp | None = None
    latency_ms: Milliseconds | None = None
    ttft_ms: Milliseconds | None = None
    tokens_per_second: TokensPerSecond | None = None


class ModelTraffic(Struct, frozen=True):
    """The real calls of one model; ``model`` is empty if the proxy did not report it."""

    model: str
    traffic: Annotated[TrafficEvidence, From("evidence")]


class Evidence(Struct, frozen=True):
    """The basis of the status: checks and real calls, kept apart."""

    checks: CheckEvidence
    traffic: TrafficEvidence
    models: list[ModelTraffic]


class Vantage(Struct, frozen=True):
    """What one vantage of the cluster sees; a suspect one has no vote.

    ``age_seconds``: of its last check, at the last change of this provider's answer.
    """

    name: str
    status: StatusWord
    reason: str
    age_seconds: Annotated[float | None, Decimals(1)]
    suspect: bool


class Provider(Struct, frozen=True):
    """One provider at one instant."""

    provider_name: Annotated[str, From("name")]
    status: StatusWord
    status_since: Timestamp | None
    reason: str
    usable: bool
    usable_at: Timestamp | None
    stale: bool
    enabled: bool
    response_time_ms: Milliseconds | None
    ttft_ms: Milliseconds | None
    uptime_percent: Annotated[Percent | None, From("uptime.day")]
    uptime: Uptime
    latency_ms: Annotated[Latency, From("latency")]
    rate_limit_percent: Annotated[Percent, From("rate_limit.percent")]
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
    reachable: Annotated[bool | None, From("facts.reachable")]
    authenticated: Annotated[bool | None, From("facts.authenticated")]
    quota_available: Annotated[bool | None, From("facts.quota_available")]
    inference: Annotated[bool | None, From("facts.inference")]
    keys: list[Key]
    adaptations: list[str]
    offers: list[Offer]
    waits_for_budget: bool
    last_call: Timestamp | None
    evidence: Evidence
    checks_saved_24h: Count
    completions_saved_24h: Count
    vantages: list[Vantage]
    cluster_status: StatusWord | None
    cluster_reason: str


class Status(Struct, frozen=True):
    """Every provider, by name."""

    timestamp: Timestamp
    providers: dict[str, Provider]
