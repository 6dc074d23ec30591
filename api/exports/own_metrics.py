"""Metrics of the tracker itself: its tasks, database, alerts and version."""

import platform
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from tracker.core.extras import own_version
from tracker.core.snapshot import Snapshot
from tracker.runtime.diagnostics import AlertHealth, TrackerHealth

BUILD = {
    "version": own_version(),
    "python": platform.python_version(),
    "implementation": platform.python_implementation(),
}
Value = Callable[[TrackerHealth], float]

GAUGES: tuple[tuple[str, str, Value], ...] = (
    ("up", "1 while the event loop and the actors work.", lambda h: float(h.alive)),
    ("ready", "1 once every provider has been checked.", lambda h: float(h.ready)),
    ("providers", "Providers watched.", lambda h: h.providers_monitored),
    ("loop_lag_seconds", "How late the event loop is.", lambda h: h.loop_lag_ms / 1000.0),
    ("database_up", "1 while results are stored.", lambda h: float(h.database.state == "ok")),
    (
        "completions_per_day",
        "Completions that all checks may spend in a UTC day.",
        lambda h: h.completions.per_day,
    ),
    (
        "completions_today",
        "Completions that checks have spent since midnight UTC.",
        lambda h: h.completions.spent,
    ),
    ("incidents_open", "Incidents that are open now.", lambda h: h.alerts.open),
    (
        "alerts_waiting",
        "Messages to alert targets that are not delivered yet.",
        lambda h: h.alerts.waiting,
    ),
    (
        "results_buffered",
        "Results in memory, waiting for the database.",
        lambda h: h.database.buffered,
    ),
)
COUNTERS: tuple[tuple[str, str, Value], ...] = (
    (
        "results_dropped",
        "Results lost while the database was unavailable.",
        lambda h: h.database.dropped,
    ),
    (
        "reports_dropped",
        "Messages lost because of a bug in the tracker.",
        lambda h: h.reports_dropped,
    ),
    ("calls_dropped", "Counts of real calls lost with the database.", lambda h: h.calls_dropped),
    ("feeds_dropped", "Live readers that were too slow.", lambda h: h.feeds_dropped),
    ("loop_stalls", "Times the event loop was blocked.", lambda h: h.stalls),
    ("actor_restarts", "Restarts of actors after a crash.", lambda h: h.actor_restarts),
    ("aggregator_restarts", "Restarts of the aggregator.", lambda h: h.aggregator_restarts),
    ("writer_restarts", "Restarts of the writer.", lambda h: h.writer_restarts),
    ("incidents_opened", "Incidents since this start.", lambda h: h.alerts.opened),
    ("alerts_failed", "Failed attempts to send a message.", lambda h: h.alerts.failed),
    (
        "alerts_suppressed",
        "Openings and ends of incidents without a message.",
        lambda h: h.alerts.suppressed,
    ),
)


def collect_own(health: TrackerHealth, snapshot: Snapshot) -> Iterator[Metric]:
    """Collect the tracker's own health, and which version runs."""
    says = "1 for the running version and its Python."
    build = GaugeMetricFamily("llm_tracker_build_info", says, labels=[*BUILD])
    build.add_metric([*BUILD.values()], 1.0)
    yield build
    for name, help_text, value in GAUGES:
        yield GaugeMetricFamily(f"llm_tracker_{name}", help_text, value=value(health))
    yield GaugeMetricFamily(
        "llm_tracker_snapshot_timestamp_seconds",
        "Unix time of the snapshot that the answers come from.",
        value=snapshot.timestamp.timestamp(),
    )
    for name, help_text, value in COUNTERS:
        yield CounterMetricFamily(f"llm_tracker_{name}", help_text, value=value(health))
    yield _alerts_sent(health.alerts)


def _alerts_sent(alerts: AlertHealth) -> Metric:
    family = CounterMetricFamily(
        "llm_tracker_alerts_sent", "Delivered messages, one per target.", labels=["what"]
    )
    for what, number in (
        ("opened", alerts.sent),
        ("reminder", alerts.repeated),
        ("resolved", alerts.resolved),
    ):
        family.add_metric([what], number)
    return family
