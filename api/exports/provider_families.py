"""The metric families with lines for providers."""

from collections.abc import Iterator

import attrs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from api.exports.gauge import Gauge
from api.exports.histogram_metrics import collect_latencies
from api.exports.offer_metrics import collect_offers
from api.exports.provider_gauges import GAUGES
from tracker.core.outcomes import Status
from tracker.core.snapshot import Snapshot

MOST_LIMITS = 12  # per provider; Anthropic, which states most, has eight


@attrs.define
class LimitLabels:
    """The names of limits that become labels: the first MOST_LIMITS of each provider.

    The names come from the provider. One that sends new names at each check would fill the time
    series database, which keeps label values for a long time.
    """

    _known: dict[str, dict[str, None]] = attrs.field(factory=dict)

    def allow(self, provider: str, limit: str) -> bool:
        """Return whether a limit may be a label: a provider's first ``MOST_LIMITS`` may."""
        known = self._known.setdefault(provider, {})
        if len(known) < MOST_LIMITS:
            known[limit] = None
        return limit in known


@attrs.frozen
class ProviderFamilies:
    """The families with lines for providers."""

    snapshot: Snapshot
    labels: LimitLabels

    def collect(self) -> Iterator[Metric]:
        """Yield each metric family of the snapshot, providers in its order."""
        yield from (self._gauge(gauge) for gauge in GAUGES)
        yield self._states()
        yield self._outcomes()
        yield collect_latencies(self.snapshot)
        yield from self._limits()
        yield from self._traffic()
        yield from collect_offers(self.snapshot)

    def _gauge(self, gauge: Gauge) -> Metric:
        family = GaugeMetricFamily(gauge.name, gauge.says, labels=["provider"])
        for provider in self.snapshot.providers.values():
            if (number := gauge.read(provider)) is not None:
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
            "llm_provider_traffic_calls", "Reported real calls, by outcome.", labels=labels
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
