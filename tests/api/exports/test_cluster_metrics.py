"""Metrics of a cluster: our connection to the hub, and what each vantage sees."""

from api.exports.cluster_metrics import collect_cluster
from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.core.cluster import ClusterMember, ClusterReport
from tracker.core.outcomes import Status
from tracker.core.provider_status import VantageView
from tracker.core.snapshot import Snapshot

Samples = dict[str, dict[tuple[str, ...], float]]


def samples(report: ClusterReport | None, snapshot: Snapshot) -> Samples:
    return {
        family.name: {tuple(one.labels.values()): one.value for one in family.samples}
        for family in collect_cluster(report, snapshot)
    }


def member(*, ourselves: bool) -> ClusterMember:
    return ClusterMember(
        vantage="eu-1", url="http://one:8000", version="1", leases=2, ourselves=ourselves
    )


def test_a_tracker_without_a_cluster_has_no_cluster_metrics() -> None:
    assert samples(None, a_snapshot(a_provider("groq"))) == {}


def test_hub_metrics_equal_the_report() -> None:
    report = ClusterReport(
        vantage="eu-1",
        hub_up=True,
        members=(member(ourselves=True), member(ourselves=False)),
        leases=2,
        lag=7,
        skipped=1,
        skew_seconds=-0.5,
        takeovers=3,
        solo_checks=4,
    )
    found = samples(report, a_snapshot())
    values = {name: values[()] for name, values in found.items() if () in values}
    assert values == {
        "llm_tracker_hub_up": 1.0,
        "llm_tracker_hub_lag_rows": 7.0,
        "llm_tracker_leases_held": 2.0,
        "llm_tracker_cluster_members": 2.0,
        "llm_tracker_clock_skew_seconds": -0.5,
        "llm_tracker_hub_skipped": 1.0,
        "llm_tracker_takeovers": 3.0,
        "llm_tracker_solo_checks": 4.0,
    }


def test_an_unknown_lag_has_no_sample() -> None:
    found = samples(ClusterReport(vantage="eu-1", hub_up=False), a_snapshot())
    assert found["llm_tracker_hub_lag_rows"] == {}


def test_an_unmeasured_clock_skew_is_0() -> None:
    found = samples(ClusterReport(vantage="eu-1", hub_up=False), a_snapshot())
    assert found["llm_tracker_clock_skew_seconds"] == {(): 0.0}
    assert found["llm_tracker_hub_up"] == {(): 0.0}


def test_each_vantage_and_the_cluster_have_exactly_one_state() -> None:
    views = (
        VantageView(name="eu-1", status=Status.HEALTHY, reason="", age_seconds=1.0),
        VantageView(name="us-1", status=Status.DOWN, reason="", age_seconds=1.0),
    )
    provider = a_provider("groq", vantages=views, cluster_status=Status.DEGRADED)
    report = ClusterReport(vantage="eu-1", hub_up=True)
    states = samples(report, a_snapshot(provider))["llm_provider_cluster_state"]
    assert {labels for labels, value in states.items() if value} == {
        ("groq", "eu-1", "healthy"),
        ("groq", "us-1", "down"),
        ("groq", "", "degraded"),
    }
    assert len(states) == 3 * len(Status)


def test_the_cluster_has_no_state_before_anything_is_known() -> None:
    report = ClusterReport(vantage="eu-1", hub_up=True)
    states = samples(report, a_snapshot(a_provider("groq")))["llm_provider_cluster_state"]
    assert set(states.values()) == {0.0}
