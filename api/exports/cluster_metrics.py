"""Metrics of a cluster of trackers; none without a cluster."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tracker.core.cluster import ClusterReport
from tracker.core.outcomes import Status
from tracker.core.snapshot import Snapshot


def collect_cluster(report: ClusterReport | None, snapshot: Snapshot) -> Iterator[Metric]:
    """Collect how this tracker stands to the hub, and what each vantage sees."""
    if report is None:
        return
    for name, help_text, value in (
        ("hub_up", "1 while the cluster's hub can be used.", float(report.hub_up)),
        ("leases_held", "Providers that this tracker checks for its vantage.", report.leases),
        ("cluster_members", "Trackers in the cluster.", len(report.members)),
        (
            "clock_skew_seconds",
            "How far the hub's clock is ahead of ours.",
            report.skew_seconds or 0.0,
        ),
    ):
        yield GaugeMetricFamily(f"llm_tracker_{name}", help_text, value=value)
    yield _lag(report.lag)
    for name, help_text, value in (
        ("hub_skipped", "Checks that the hub refused.", report.skipped),
        ("takeovers", "Dead members that this tracker removed.", report.takeovers),
        ("solo_checks", "Checks made without a lease.", report.solo_checks),
    ):
        yield CounterMetricFamily(f"llm_tracker_{name}", help_text, value=value)
    yield _states(snapshot)


def _lag(rows: int | None) -> Metric:
    """Return no sample while it is not known: 0 would say that the hub has everything."""
    family = GaugeMetricFamily(
        "llm_tracker_hub_lag_rows",
        "Stored checks that the hub does not have yet; absent until the hub has said what it has.",
    )
    if rows is not None:
        family.add_metric([], float(rows))
    return family


def _states(snapshot: Snapshot) -> Metric:
    family = GaugeMetricFamily(
        "llm_provider_cluster_state",
        "1 for the state in which a vantage, or all together (an empty one), sees a provider.",
        labels=["provider", "vantage", "state"],
    )
    for provider in snapshot.providers.values():
        views = [(view.name, view.status) for view in provider.vantages]
        for vantage, status in (*views, ("", provider.cluster_status)):
            for state in Status:
                labels = [provider.name, vantage, state.value]
                family.add_metric(labels, float(status is state))
    return family
