"""The histogram that Prometheus reads."""

from api.exports.histogram_metrics import buckets, collect_latencies
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_tracker
from tracker.core.latency_histogram import LatencyHistogram


def test_buckets_are_cumulative_and_the_last_holds_all() -> None:
    known = LatencyHistogram().after(0.05).after(0.3).after(60.0)
    found = dict(buckets(known))
    assert (found["0.1"], found["0.25"], found["0.5"], found["10.0"]) == (1, 1, 2, 2)
    assert found["+Inf"] == 3


def test_a_provider_without_a_good_check_has_no_histogram() -> None:
    provider = a_provider(latencies=LatencyHistogram().after(0.3))
    family = collect_latencies(a_tracker(provider, a_bare_provider()).snapshot)
    assert {sample.labels["provider"] for sample in family.samples} == {"groq"}
