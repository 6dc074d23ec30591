"""The immutable state of all providers at one instant."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import chain, repeat, takewhile
from math import inf, isfinite
from types import MappingProxyType

import attrs

from tracker.core.fallback_order import hope_rank, order_attempts, slowest
from tracker.core.incidents import IncidentLog
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import Facts, KeyReport, OutcomeKind, Status
from tracker.core.rate_limits import LimitReading, LimitSource
from tracker.core.shares import share_out
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
    checked_since: datetime | None = (
        None  # its first check, when its history is shorter than a week
    )
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
    tasks: Mapping[str, str] = attrs.field(
        factory=dict
    )  # for models that do not chat, according to the provider's list
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

        Of one that is under way at ``at``, when it is over.
        """
        if self.next_check is None or self.next_check > at:
            return self.next_check
        return max(self.next_check + timedelta(seconds=self.timeout_seconds), at)


@attrs.frozen(kw_only=True)
class Ranked:
    """A usable provider and the numbers that gave it its place."""

    provider: str
    status: Status
    expected_cost_ms: float | None
    failure_probability: float | None
    latency_ms: float | None
    samples: int
    last_check: datetime | None
    reason: str
    model: str | None = None  # the id to send, where offers of a model were ranked
    variant: str | None = None
    evidence: EvidenceSource | None = None
    weight: float = 0.0  # its share of a weighted choice; a ranking's weights sum to 1
    patience_ms: float | None = None  # how long to wait for an attempt before trying the next
    failure_ms: float | None = None  # how long its failures usually take
    timeout_ms: float = inf

    def complete(self, weight: float, usual_failure_ms: float) -> "Ranked":
        """Return the line with its share, and with everybody's failures where it had none."""
        failure = self.failure_ms
        if failure is None:
            failure = min(usual_failure_ms, self.timeout_ms)
        if self.weight == weight and self.failure_ms == failure:
            return self
        return Ranked(  # attrs.evolve takes five times as long, and there are thousands of lines
            provider=self.provider,
            status=self.status,
            expected_cost_ms=self.expected_cost_ms,
            failure_probability=self.failure_probability,
            latency_ms=self.latency_ms,
            samples=self.samples,
            last_check=self.last_check,
            reason=self.reason,
            model=self.model,
            variant=self.variant,
            evidence=self.evidence,
            weight=weight,
            patience_ms=self.patience_ms,
            failure_ms=failure if isfinite(failure) else None,
            timeout_ms=self.timeout_ms,
        )


@attrs.frozen(kw_only=True)
class Excluded:
    """A provider that must not be used now, and why. ``until``: when that may change, if known.

    may_answer: nothing says that a call would be refused, so it can be tried as a last resort.
    """

    provider: str
    reason: str
    until: datetime | None = None
    model: str | None = None  # where offers of a model were ranked
    status: Status = Status.UNKNOWN
    may_answer: bool = False


@attrs.frozen(kw_only=True)
class Ranking:
    """The usable providers, best first, and the excluded ones.

    valid_until: when the next check that could change it is due, or ends when all are in progress;
    None when none is planned.
    ordered: the lines as they were given. usual_failure_ms: the failure time to assume for a line
    that has none; None when the lines are complete. Lines are completed when first read, so a
    snapshot of thousands that nobody reads costs only what changed.
    """

    reason: str
    ordered: tuple[Ranked, ...] = attrs.field(default=(), alias="ranked")
    excluded: tuple[Excluded, ...] = ()
    valid_until: datetime | None = None
    policy: str = ""
    usual_failure_ms: float | None = None

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """Return the lines; all shares of a weighted choice go to the best one's tier."""
        lines, usual = self.ordered, self.usual_failure_ms
        if usual is None or not lines:
            return lines
        best = list(takewhile(lambda line: line.status is lines[0].status, lines))
        shares = share_out([line.expected_cost_ms for line in best])
        return tuple(
            line.complete(share, usual)
            for line, share in zip(lines, chain(shares, repeat(0.0)), strict=False)
        )

    @property
    def best(self) -> str | None:
        """Return the provider to use now, None when none is usable."""
        return self.ordered[0].provider if self.ordered else None

    @property
    def best_model(self) -> str | None:
        """Return the id to send to the best one; None where no model was asked for."""
        return self.ordered[0].model if self.ordered else None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Return which to fall back to when the best one fails: the least time to an answer."""
        others = order_attempts(self.ranked[1:], slowest(self.ranked))
        return tuple(ranked.provider for ranked in others)

    @property
    def last_resort(self) -> tuple[str, ...]:
        """Return which to try when all usable ones failed: the barred first, those down last."""
        hopes = sorted(
            (each for each in self.excluded if each.may_answer),
            key=lambda each: (
                hope_rank(each.status),
                inf if each.until is None else each.until.timestamp(),
                each.provider,
            ),
        )
        return tuple(each.provider for each in hopes)


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """All providers, by name, at ``timestamp``. ``revision`` grows by one with each snapshot."""

    timestamp: datetime
    revision: int
    providers: Mapping[str, ProviderStatus] = MappingProxyType({})
    ranking: Ranking
    swept: bool = False  # every enabled provider was checked at least once since the start
    network_away: bool = False  # our own network is down, so no failure counts against a provider
    incidents: IncidentLog = IncidentLog()
