"""Prometheus metrics over the latest snapshot: read when scraped, no work in between."""

import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import attrs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from api.exports.cluster_metrics import collect_cluster
from api.exports.histogram_metrics import collect_latencies
from api.exports.metric_pieces import Families, MetricPieces, Write
from api.exports.offer_metrics import collect_offers
from api.exports.provider_lines import escape, write_provider
from tracker.core.extras import own_version
from tracker.core.outcomes import Status
from tracker.core.snapshot import ProviderStatus, Ranking, Snapshot
from tracker.runtime.diagnostics import AlertHealth, TrackerHealth

OPENMETRICS: Write = openmetrics.generate_latest
TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' format before OpenMetrics

BUILD = {
    "version": own_version(),
    "python": platform.python_version(),
    "implementation": platform.python_implementation(),
}
NOTHING = Snapshot(timestamp=datetime.fromtimestamp(0, UTC), revision=0, ranking=Ranking(reason=""))
POSITION = (
    "llm_provider_ranking_position",
    "Place in the ranking, 1 is best; absent for what is not usable.",
)
MOST_LIMITS = 12  # of a provider; Anthropic, which tells most, has eight
Value = Callable[[ProviderStatus], float | None]


@attrs.define
class LimitLabels:
    """Which names of limits become labels: the first MOST_LIMITS of each provider.

    They are the provider's own words. One that invents new ones at each check would fill the time
    series database, where a label's values live forever.
    """

    _known: dict[str, dict[str, None]] = attrs.field(factory=dict)

    def allow(self, provider: str, limit: str) -> bool:
        """Return whether a limit may be a label: a provider's first ``MOST_LIMITS`` may."""
        known = self._known.setdefault(provider, {})
        if len(known) < MOST_LIMITS:
            known[limit] = None
        return limit in known


@attrs.define
class MetricsPage:
    """What a scrape answers. No error text becomes a label: its values live forever elsewhere.

    Not to be used by two threads at once.
    """

    labels: LimitLabels = attrs.field(factory=LimitLabels)
    _formats: dict[str, MetricPieces] = attrs.field(factory=dict)

    def encode(self, snapshot: Snapshot, health: TrackerHealth, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its content type.

        OpenMetrics, except for clients that name text/plain and not OpenMetrics.
        """
        accepted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        if "text/plain" in accepted and "application/openmetrics-text" not in accepted:
            return self._write(snapshot, health, generate_latest, TEXT), TEXT
        content_type = openmetrics.CONTENT_TYPE_LATEST
        return self._write(snapshot, health, OPENMETRICS, content_type), content_type

    def _write(self, snapshot: Snapshot, health: TrackerHealth, write: Write, kind: str) -> bytes:
        if kind not in self._formats:
            self._formats[kind] = MetricPieces(write, self._collect, self._write_lines)
        own = Families([*_own(health, snapshot), *collect_cluster(health.cluster, snapshot)])
        positions = write_positions(snapshot)
        return self._formats[kind].join(snapshot.providers) + positions + write(own)

    def _write_lines(self, provider: ProviderStatus) -> list[bytes] | None:
        if provider.offers:
            return None
        return [*write_provider(provider, QUICK_GAUGES, self.labels.allow)]

    def _collect(self, providers: Mapping[str, ProviderStatus]) -> Iterator[Metric]:
        return ProviderFamilies(attrs.evolve(NOTHING, providers=providers), self.labels).collect()


def collect_families(snapshot: Snapshot, health: TrackerHealth) -> Iterator[Metric]:
    """Yield every family that a scrape shows."""
    yield from ProviderFamilies(snapshot, LimitLabels()).collect()
    positions = GaugeMetricFamily(*POSITION, labels=["provider"])
    for position, line in enumerate(snapshot.ranking.ordered, start=1):
        positions.add_metric([line.provider], position)
    yield positions
    yield from _own(health, snapshot)
    yield from collect_cluster(health.cluster, snapshot)


def write_positions(snapshot: Snapshot) -> bytes:
    """Write the places in the ranking by hand: with each snapshot all of them may change."""
    name, says = POSITION
    head = f"# HELP {name} {says}\n"
    lines = "".join(
        f'{name}{{provider="{escape(line.provider)}"}} {position}.0\n'
        for position, line in enumerate(snapshot.ranking.ordered, start=1)
    )
    return f"{head}# TYPE {name} gauge\n{lines}".encode()


@attrs.frozen
class ProviderFamilies:
    """The families that hold lines of providers."""

    snapshot: Snapshot
    labels: LimitLabels

    def collect(self) -> Iterator[Metric]:
        """Yield each metric family of the snapshot, providers in its order."""
        yield from (self._gauge(*gauge) for gauge in GAUGES)
        yield self._states()
        yield self._outcomes()
        yield collect_latencies(self.snapshot)
        yield from self._limits()
        yield from self._traffic()
        yield from collect_offers(self.snapshot)

    def _gauge(self, name: str, help_text: str, value: Value) -> Metric:
        family = GaugeMetricFamily(name, help_text, labels=["provider"])
        for provider in self.snapshot.providers.values():
            if (number := value(provider)) is not None:
                family.add_metric([provider.name], number)
        return family

    def _states(self) -> Metric:
        family = GaugeMetricFamily(
            "llm_provider_state", "1 for the state a provider is in.", labels=["provider", "state"]
        )
        for provider in self.snapshot.providers.values():
            for state in Status:
                family.add_metric([provider.name, state.value], float(provider.status is state))
        return family

    def _outcomes(self) -> Metric:
        family = CounterMetricFamily(
            "llm_provider_probes", "Checks made, by outcome.", labels=["provider", "outcome"]
        )
        for provider in self.snapshot.providers.values():
            for kind, count in provider.outcome_counts:
                family.add_metric([provider.name, kind.value], count)
        return family

    def _limits(self) -> Iterator[Metric]:
        labels = ["provider", "limit"]
        size = GaugeMetricFamily("llm_provider_limit", "A rate limit's size.", labels=labels)
        left = GaugeMetricFamily(
            "llm_provider_limit_remaining", "What is left of a rate limit.", labels=labels
        )
        for provider in self.snapshot.providers.values():
            for limit in provider.rate_limit.limits:
                if not self.labels.allow(provider.name, limit.name):
                    continue
                if limit.limit is not None:
                    size.add_metric([provider.name, limit.name], limit.limit)
                if limit.remaining is not None:
                    left.add_metric([provider.name, limit.name], limit.remaining)
        yield from (size, left)

    def _traffic(self) -> Iterator[Metric]:
        """Collect real calls as proxies reported them, apart from the checks'."""
        labels = ["provider", "outcome"]
        calls = CounterMetricFamily(
            "llm_provider_traffic_calls", "Real calls told of, by outcome.", labels=labels
        )
        seconds = CounterMetricFamily(
            "llm_provider_traffic_latency_seconds", "Sum of their latencies.", labels=labels
        )
        for provider in self.snapshot.providers.values():
            for total in provider.traffic.totals if provider.traffic else ():
                calls.add_metric([provider.name, total.outcome], total.calls)
                latency = total.latency_ms_sum / 1000.0
                seconds.add_metric([provider.name, total.outcome], latency)
        yield from (calls, seconds)


def _success(provider: ProviderStatus) -> float | None:
    """Return success as blackbox_exporter does; our own faults and limits prove nothing."""
    kind = provider.outcome
    return None if kind is None or kind.is_ours else float(kind.is_success or kind.is_limit)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000.0


def _traffic_failures(provider: ProviderStatus) -> float | None:
    traffic = provider.evidence.traffic
    return traffic.failures / traffic.counted if traffic.counted else None


def _epoch(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _uptime(provider: ProviderStatus) -> float | None:
    return None if provider.uptime.day is None else provider.uptime.day / 100.0


def _p95(provider: ProviderStatus) -> float | None:
    return None if provider.latency is None else provider.latency.p95 / 1000.0


GAUGES: tuple[tuple[str, str, Value], ...] = (
    ("probe_success", "1 if the last check reached the provider's API.", _success),
    (
        "probe_duration_seconds",
        "Latency of the last successful check.",
        lambda p: _seconds(p.response_time_ms),
    ),
    ("llm_provider_usable", "1 if it may be routed to now.", lambda p: float(p.usable)),
    ("llm_provider_stale", "1 if its last check is long overdue.", lambda p: float(p.stale)),
    ("llm_provider_uptime_ratio", "Up of what was counted in 24 hours.", _uptime),
    ("llm_provider_latency_p95_seconds", "95th percentile of 24 hours.", _p95),
    (
        "llm_provider_ttft_seconds",
        "Time to the first token of the last completion.",
        lambda p: _seconds(p.ttft_ms),
    ),
    (
        "llm_provider_rate_limit_used_ratio",
        "Use of the fullest rate limit.",
        lambda p: p.rate_limit.percent / 100.0 if p.rate_limit.limits else None,
    ),
    (
        "llm_provider_last_probe_timestamp_seconds",
        "When the last check began.",
        lambda p: _epoch(p.last_check),
    ),
    (
        "llm_provider_consecutive_failures",
        "Failed checks in a row.",
        lambda p: float(p.consecutive_failures),
    ),
    ("llm_provider_probes_24h", "Checks in 24 hours.", lambda p: float(p.checks_24h)),
    (
        "llm_provider_completions_24h",
        "Completions spent on checks in 24 hours.",
        lambda p: float(p.completions_24h),
    ),
    (
        "llm_provider_completions_saved_24h",
        "Completions that good traffic saved in 24 hours.",
        lambda p: float(p.completions_saved_24h),
    ),
    (
        "llm_provider_traffic_failure_ratio",
        "Failed of the counted real calls of the last five minutes.",
        _traffic_failures,
    ),
    (
        "llm_provider_traffic_latency_p50_seconds",
        "Median latency of the good ones among them.",
        lambda p: _seconds(p.evidence.traffic.latency_ms),
    ),
    (
        "llm_provider_traffic_last_call_timestamp_seconds",
        "When the newest real call was made.",
        lambda p: _epoch(p.last_call),
    ),
)

QUICK_GAUGES = tuple((name, value) for name, _, value in GAUGES)


def _own(health: TrackerHealth, snapshot: Snapshot) -> Iterator[Metric]:
    """Collect the tracker's own health, and which version runs."""
    says = "1 for the version that runs, and its Python."
    build = GaugeMetricFamily("llm_tracker_build_info", says, labels=[*BUILD])
    build.add_metric([*BUILD.values()], 1.0)
    yield build
    restarts = sum(actor.restarts for actor in health.actors.values())
    for name, help_text, value in (
        ("up", "1 while the loop and the actors beat.", float(health.alive)),
        ("ready", "1 after the first sweep.", float(health.ready)),
        ("providers", "Providers watched.", health.providers_monitored),
        ("loop_lag_seconds", "How late the event loop is.", health.loop_lag_ms / 1000.0),
        ("database_up", "1 while results are stored.", float(health.database.state == "ok")),
        (
            "completions_per_day",
            "Completions that all checks may spend in a UTC day.",
            health.completions.per_day,
        ),
        (
            "completions_today",
            "Completions that checks have spent since midnight UTC.",
            health.completions.spent,
        ),
        ("incidents_open", "Incidents that are open now.", health.alerts.open),
        ("alerts_waiting", "Messages to alert targets on their way.", health.alerts.waiting),
        ("results_buffered", "Results that wait for the database.", health.database.buffered),
        (
            "snapshot_timestamp_seconds",
            "Unix time of the snapshot that the answers come from.",
            snapshot.timestamp.timestamp(),
        ),
    ):
        yield GaugeMetricFamily(f"llm_tracker_{name}", help_text, value=value)
    for name, help_text, value in (
        ("results_dropped", "Results lost while the database was away.", health.database.dropped),
        ("reports_dropped", "Reports lost to a bug of ours.", health.reports_dropped),
        ("calls_dropped", "Counts of real calls lost with the database.", health.calls_dropped),
        ("feeds_dropped", "Live readers that were too slow.", health.feeds_dropped),
        ("loop_stalls", "Times the event loop stood still.", health.stalls),
        ("actor_restarts", "Restarts of actors after a crash.", restarts),
        ("aggregator_restarts", "Restarts of the aggregator.", health.aggregator_restarts),
        ("writer_restarts", "Restarts of the writer.", health.writer_restarts),
        ("incidents_opened", "Incidents since this start.", health.alerts.opened),
        ("alerts_failed", "Attempts to send that failed.", health.alerts.failed),
        ("alerts_suppressed", "Openings and ends that nobody was told.", health.alerts.suppressed),
    ):
        yield CounterMetricFamily(f"llm_tracker_{name}", help_text, value=value)
    yield _alerts_sent(health.alerts)


def _alerts_sent(alerts: AlertHealth) -> Metric:
    family = CounterMetricFamily(
        "llm_tracker_alerts_sent", "Messages that arrived, one a target.", labels=["what"]
    )
    for what, number in (
        ("opened", alerts.sent),
        ("reminder", alerts.repeated),
        ("resolved", alerts.resolved),
    ):
        family.add_metric([what], number)
    return family
