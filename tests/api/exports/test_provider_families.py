"""Metric families with a line for each provider, and names that a provider may not multiply."""

import pytest
from prometheus_client.core import Metric

from api.exports.provider_families import MOST_LIMITS, LimitLabels, ProviderFamilies
from api.exports.provider_gauges import GAUGES
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_snapshot
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import ProviderStatus, RateLimit
from tracker.core.rate_limits import LimitReading
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence, TrafficTotal


def collect(*providers: ProviderStatus, labels: LimitLabels | None = None) -> dict[str, Metric]:
    families = ProviderFamilies(a_snapshot(*providers), labels or LimitLabels()).collect()
    return {family.name: family for family in families}


def lines(family: Metric, *labels: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels[label] for label in labels): sample.value for sample in family.samples
    }


def with_limits(*names: str) -> ProviderStatus:
    limits = tuple(LimitReading(name=name, limit=10.0, remaining=4.0) for name in names)
    return a_provider(rate_limit=RateLimit(percent=60.0, limits=limits))


def test_every_gauge_is_a_family_with_a_line_per_provider_with_a_known_value() -> None:
    families = collect(a_provider(), a_bare_provider())
    assert {gauge.name for gauge in GAUGES} <= families.keys()
    assert lines(families["llm_provider_usable"], "provider") == {("groq",): 1.0, ("new",): 0.0}
    assert lines(families["probe_duration_seconds"], "provider") == {
        ("groq",): pytest.approx(0.24507)
    }


def test_a_provider_is_in_exactly_one_state() -> None:
    for status in Status:
        family = collect(a_provider(status=status))["llm_provider_state"]
        found = lines(family, "provider", "state")
        assert found == {("groq", each.value): float(each is status) for each in Status}


def test_checks_are_counted_by_outcome() -> None:
    counts = ((OutcomeKind.OK, 7), (OutcomeKind.TIMEOUT, 2))
    family = collect(a_provider(outcome_counts=counts))["llm_provider_probes"]
    assert lines(family, "provider", "outcome") == {("groq", "ok"): 7, ("groq", "timeout"): 2}
    assert family.type == "counter"


def test_calls_and_the_sum_of_their_latencies_are_exported_by_outcome() -> None:
    totals = (TrafficTotal(outcome="ok", calls=8, latency_ms_sum=1234.5),)
    view = ProviderTrafficView(evidence=TrafficEvidence(), totals=totals)
    families = collect(a_provider(traffic=view), a_bare_provider())
    by = ("provider", "outcome")
    assert lines(families["llm_provider_traffic_calls"], *by) == {("groq", "ok"): 8}
    seconds = lines(families["llm_provider_traffic_latency_seconds"], *by)
    assert seconds == {("groq", "ok"): 1.2345}


def test_a_limit_is_exported_with_size_and_remaining_if_known() -> None:
    partial = RateLimit(limits=(LimitReading(name="tokens", remaining=5.0),))
    families = collect(with_limits("requests"), a_provider("other", rate_limit=partial))
    by = ("provider", "limit")
    assert lines(families["llm_provider_limit"], *by) == {("groq", "requests"): 10.0}
    left = lines(families["llm_provider_limit_remaining"], *by)
    assert left == {("groq", "requests"): 4.0, ("other", "tokens"): 5.0}


def test_a_provider_that_invents_names_gets_no_more_labels_and_keeps_the_first() -> None:
    labels, told = LimitLabels(), set[tuple[str, ...]]()
    for scrape in range(50):
        names = [f"limit-{scrape}-{n}" for n in range(3)]
        family = collect(with_limits("requests", *names), labels=labels)["llm_provider_limit"]
        told |= lines(family, "limit").keys()
        assert ("requests",) in lines(family, "limit")
    assert len(told) == MOST_LIMITS
    assert labels.allow("another", "limit-49-0")  # each has its own
