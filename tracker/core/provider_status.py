"""The data shown about one provider and its offers at one instant."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

import attrs

from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import Facts, KeyReport, OutcomeKind, Status
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.traffic import ModelTraffic, ProviderTrafficView, TrafficEvidence


@attrs.frozen(kw_only=True)
class Uptime:
    """Uptime percentage in each window, None where nothing was counted."""

    hour: float | None = None
    day: float | None = None
    week: float | None = None


@attrs.frozen(kw_only=True)
class LatencySummary:
    """Successful checks of the last 24 h, in milliseconds; nearest-rank percentiles."""

    min: float
    avg: float
    p50: float
    p95: float
    max: float
    samples: int


@attrs.frozen(kw_only=True)
class RateLimit:
    """What is known about a provider's limits. ``percent``: the use of the worst limit, 0..100."""

    percent: float = 0.0
    source: LimitSource = LimitSource.NONE
    limits: tuple[LimitReading, ...] = ()
    exhausts_at: datetime | None = None  # when it runs out at the present pace, if before the reset


class EvidenceSource(StrEnum):
    """The basis of an offer's status: its own checks or reports, or those of its provider."""

    OFFER = "offer"
    PROVIDER = "provider"


@attrs.frozen(kw_only=True)
class OfferStatus:
    """One watched model at a provider at one instant. ``model``: the id to send there.

    variant: the provider's packaging of the model, None for the plain one. tokens_per_second: from
    real calls of the last minutes, since a completion of one token cannot show it. retires_on: the
    announced switch-off day.
    """

    model: str
    variant: str | None
    status: Status
    status_since: datetime | None = None
    usable: bool
    reason: str
    evidence: EvidenceSource
    usable_at: datetime | None = None
    outcome: OutcomeKind | None = None
    error_message: str = ""
    last_check: datetime | None = None
    next_check: datetime | None = None
    response_time_ms: float | None = None
    ttft_ms: float | None = None
    tokens_per_second: float | None = None
    uptime: Uptime = Uptime()
    latency: LatencySummary | None = None
    consecutive_failures: int = 0
    failing_since: datetime | None = None
    checks_24h: int = 0
    waits_for_budget: bool = False  # its next check waits until midnight UTC
    retires_on: date | None = None


@attrs.frozen(kw_only=True)
class CheckEvidence:
    """What our own checks say. failures: consecutive, up to the last check."""

    last: datetime | None
    failures: int


@attrs.frozen(kw_only=True)
class Evidence:
    """The basis of a status. models: real calls by model, only the busiest models."""

    checks: CheckEvidence
    traffic: TrafficEvidence = TrafficEvidence()
    models: tuple[ModelTraffic, ...] = ()


@attrs.frozen(kw_only=True)
class VantageView:
    """What one vantage of the cluster sees of a provider. suspect: its vote does not count now.

    age_seconds: of its last check, when this was put together.
    """

    name: str
    status: Status
    reason: str
    age_seconds: float | None = attrs.field(eq=False)
    suspect: bool = False


@attrs.frozen(kw_only=True)
class ProviderStatus:
    """One provider at one instant: everything the API shows about it."""

    name: str
    status: Status
    status_since: datetime | None = None
    reason: str
    usable: bool
    usable_at: datetime | None = None  # the reset after which it may be used again, if known
    stale: bool = False
    enabled: bool = True
    response_time_ms: float | None = None
    ttft_ms: float | None = None
    uptime: Uptime = Uptime()
    # its first check, when its history is shorter than a week
    checked_since: datetime | None = None
    latency: LatencySummary | None = None
    rate_limit: RateLimit = RateLimit()
    last_check: datetime | None = None
    next_check: datetime | None = None
    interval_seconds: float
    timeout_seconds: float
    interval_overridden: bool = False  # changed at run time: not the file's value
    checks_24h: int = 0
    completions_24h: int = 0
    outcome: OutcomeKind | None = None
    error_message: str = ""
    consecutive_failures: int = 0
    failing_since: datetime | None = None  # when the first of these was checked
    facts: Facts = Facts()
    keys: tuple[KeyReport, ...] = ()
    adaptations: tuple[str, ...] = ()  # how models are asked, as learned from refusals
    models: tuple[str, ...] | None = None
    retiring: Mapping[str, date] = attrs.field(factory=dict)  # models with an announced end
    # for models that do not chat, according to the provider's list
    tasks: Mapping[str, str] = attrs.field(factory=dict)
    offers: tuple[OfferStatus, ...] = ()
    waits_for_budget: bool = False  # its completion check waits until midnight UTC
    last_call: datetime | None = None
    traffic: ProviderTrafficView | None = None  # None when no calls are reported
    outcome_counts: tuple[
        tuple[OutcomeKind, int], ...
    ] = ()  # of its checks since this process began
    vantages: tuple[VantageView, ...] = ()  # of the cluster, ours first; empty without a cluster
    cluster_status: Status | None = None  # what all vantages together say
    cluster_reason: str = ""
    latencies: LatencyHistogram = LatencyHistogram()  # of the successful among them

    @property
    def evidence(self) -> Evidence:
        """Return what the status rests on: checks, and reported calls where there are any."""
        checks = CheckEvidence(last=self.last_check, failures=self.consecutive_failures)
        if self.traffic is None:
            return Evidence(checks=checks)
        return Evidence(checks=checks, traffic=self.traffic.evidence, models=self.traffic.models)

    @property
    def checks_saved_24h(self) -> int:
        """Return the number of checks that good traffic made needless."""
        return 0 if self.traffic is None else self.traffic.checks_saved_24h

    @property
    def completions_saved_24h(self) -> int:
        """Return the number of completions that those would have spent."""
        return 0 if self.traffic is None else self.traffic.completions_saved_24h

    def tokens_per_second(self, model: str) -> float | None:
        """Return how fast real calls of the last minutes got this model's tokens."""
        known = () if self.traffic is None else self.traffic.models
        return next((m.evidence.tokens_per_second for m in known if m.model == model), None)

    def next_result_at(self, at: datetime) -> datetime | None:
        """Return when its next check is due.

        If a check is in progress at ``at``, the time when it is over.
        """
        if self.next_check is None or self.next_check > at:
            return self.next_check
        return max(self.next_check + timedelta(seconds=self.timeout_seconds), at)
