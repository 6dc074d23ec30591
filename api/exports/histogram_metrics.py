"""Latency histograms of the checks of each provider."""

from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, Metric

from tracker.core.latency_histogram import BOUNDS, LatencyHistogram
from tracker.core.snapshot import Snapshot

EDGES = (*map(str, BOUNDS), "+Inf")


def collect_latencies(snapshot: Snapshot) -> Metric:
    """Count the successful checks since this process began; none for a provider without one."""
    family = HistogramMetricFamily(
        "llm_provider_check_latency_seconds",
        "Latencies of successful checks.",
        labels=["provider"],
    )
    for provider in snapshot.providers.values():
        if any(provider.latencies.counts):
            known = provider.latencies
            family.add_metric([provider.name], buckets(known), sum_value=known.sum_seconds)
    return family


def buckets(known: LatencyHistogram) -> list[tuple[str, float]]:
    """Cumulate, as Prometheus wants it: how many were at most so long."""
    return [*zip(EDGES, map(float, accumulate(known.counts)), strict=True)]
