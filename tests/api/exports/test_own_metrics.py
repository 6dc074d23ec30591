"""The tracker's metrics about itself show its health in base units."""

from datetime import timedelta

import pytest

from api.exports.own_metrics import COUNTERS, GAUGES, collect_own
from tests.helpers.idle_tracker import NOON, a_condition, a_snapshot
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.diagnostics import AlertHealth, DatabaseHealth, TrackerHealth

SNAPSHOT = a_snapshot(at=NOON)


def told(health: TrackerHealth) -> dict[str, float]:
    """Values by name; counters end in _total."""
    return {
        sample.name.removeprefix("llm_tracker_"): sample.value
        for family in collect_own(health, SNAPSHOT)
        for sample in family.samples
        if not sample.labels
    }


BUSY = a_condition(
    ready=False,
    providers_monitored=24,
    database=DatabaseHealth(state="unavailable", buffered=40, dropped=3),
    completions=BudgetView(per_day=900, spent=12, resets_at=NOON + timedelta(hours=12)),
    loop_lag_ms=31.0,
    stalls=6,
    actor_restarts=7,
    aggregator_restarts=1,
    writer_restarts=2,
    reports_dropped=8,
    calls_dropped=9,
    feeds_dropped=10,
    alerts=AlertHealth(
        open=1, opened=2, sent=3, repeated=4, resolved=5, suppressed=6, failed=7, waiting=11
    ),
)


def test_every_value_is_that_of_health() -> None:
    assert told(BUSY) == {
        "up": 1.0,
        "ready": 0.0,
        "providers": 24.0,
        "loop_lag_seconds": 0.031,
        "database_up": 0.0,
        "completions_per_day": 900.0,
        "completions_today": 12.0,
        "incidents_open": 1.0,
        "alerts_waiting": 11.0,
        "results_buffered": 40.0,
        "snapshot_timestamp_seconds": NOON.timestamp(),
        "results_dropped_total": 3.0,
        "reports_dropped_total": 8.0,
        "calls_dropped_total": 9.0,
        "feeds_dropped_total": 10.0,
        "loop_stalls_total": 6.0,
        "actor_restarts_total": 7.0,
        "aggregator_restarts_total": 1.0,
        "writer_restarts_total": 2.0,
        "incidents_opened_total": 2.0,
        "alerts_failed_total": 7.0,
        "alerts_suppressed_total": 6.0,
    }
    assert len(told(BUSY)) == len(GAUGES) + len(COUNTERS) + 1


@pytest.mark.parametrize(("status", "up"), [("ok", 1.0), ("degraded", 1.0), ("failing", 0.0)])
def test_up_is_0_only_if_a_restart_would_help(status: str, up: float) -> None:
    assert told(a_condition(status=status))["up"] == up


def test_messages_are_counted_by_kind_and_the_build_has_labels() -> None:
    families = {family.name: family for family in collect_own(BUSY, SNAPSHOT)}
    sent = families["llm_tracker_alerts_sent"].samples
    assert {each.labels["what"]: each.value for each in sent} == {
        "opened": 3.0,
        "reminder": 4.0,
        "resolved": 5.0,
    }
    (build,) = families["llm_tracker_build_info"].samples
    assert build.value == 1.0
    assert set(build.labels) == {"version", "python", "implementation"}
    assert all(build.labels.values())
