"""The immutable state of all providers at one instant."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import attrs

from tracker.core.incidents import IncidentLog
from tracker.core.outcomes import Facts, KeyReport, OutcomeKind, Status
from tracker.core.rate_limits import LimitReading, LimitSource


@attrs.frozen(kw_only=True)
class Uptime:
    """Percent up of what was counted in each window, None where nothing was."""

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
    """What is known of a provider's limits. ``percent``: the worst limit's use, 0..100."""

    percent: float = 0.0
    source: LimitSource = LimitSource.NONE
    limits: tuple[LimitReading, ...] = ()
    exhausts_at: datetime | None = None  # the present trend runs out then, before the reset


@attrs.frozen(kw_only=True)
class ProviderStatus:
    """One provider at one instant: everything the API tells of it."""

    name: str
    status: Status
    status_since: datetime | None = None
    reason: str
    usable: bool
    usable_at: datetime | None = None  # a reset after which it may be used again, if one is known
    stale: bool = False
    enabled: bool = True
    response_time_ms: float | None = None
    ttft_ms: float | None = None
    uptime: Uptime = Uptime()
    latency: LatencySummary | None = None
    rate_limit: RateLimit = RateLimit()
    last_check: datetime | None = None
    next_check: datetime | None = None
    interval_seconds: float
    timeout_seconds: float
    interval_overridden: bool = False  # tuned at run time: not the file's value
    checks_24h: int = 0
    completions_24h: int = 0
    outcome: OutcomeKind | None = None
    error_message: str = ""
    consecutive_failures: int = 0
    failing_since: datetime | None = None  # when the first of these was checked
    facts: Facts = Facts()
    keys: tuple[KeyReport, ...] = ()
    models: tuple[str, ...] | None = None
    outcome_counts: tuple[
        tuple[OutcomeKind, int], ...
    ] = ()  # of its checks since this process began

    def next_result_at(self, at: datetime) -> datetime | None:
        """When its next check is due; of one that is under way at ``at``, when it is over."""
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
    weight: float = 0.0  # its share of a weighted choice; a ranking's weights sum to 1


@attrs.frozen(kw_only=True)
class Excluded:
    """A provider not to be used now, and why. ``until``: when that may change, if known."""

    provider: str
    reason: str
    until: datetime | None = None


@attrs.frozen(kw_only=True)
class Ranking:
    """The usable providers, best first, and those left out.

    valid_until: when the next check that could change it is due, or over where all are under
    way; None when none is planned.
    """

    reason: str
    ranked: tuple[Ranked, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    valid_until: datetime | None = None
    policy: str = ""

    @property
    def best(self) -> str | None:
        return self.ranked[0].provider if self.ranked else None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Return whom to fall back to when the best one fails, in order."""
        return tuple(ranked.provider for ranked in self.ranked[1:])


@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """All providers, by name, at ``timestamp``. ``revision`` grows by one with each snapshot."""

    timestamp: datetime
    revision: int
    providers: Mapping[str, ProviderStatus] = MappingProxyType({})
    ranking: Ranking
    swept: bool = False  # every enabled provider was checked at least once since the start
    incidents: IncidentLog = IncidentLog()
