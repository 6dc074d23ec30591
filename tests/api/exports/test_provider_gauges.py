"""Each gauge of a provider shows one value in the base unit, and none if it is unknown."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.exports.provider_gauges import GAUGES
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_provider
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import LatencySummary, RateLimit, Uptime
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence

VALUES = {gauge.name: gauge.read for gauge in GAUGES}

TRAFFIC = ProviderTrafficView(
    evidence=TrafficEvidence(counted=4, failures=1, latency_ms=80.0, last=NOON),
    completions_saved_24h=3,
)


def read(name: str, **changes: Any) -> float | None:
    return VALUES[name](a_provider(**changes))


def test_every_gauge_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(VALUES) == len(GAUGES)
    assert all(each.name.isidentifier() and each.says.endswith(".") for each in GAUGES)


@given(st.none() | st.sampled_from(OutcomeKind))
def test_success_means_the_api_was_reached_and_our_own_faults_count_as_unknown(
    kind: OutcomeKind | None,
) -> None:
    success = read("probe_success", outcome=kind)
    if kind is None or kind.is_ours:
        assert success is None
    else:
        assert success == float(kind.is_success or kind.is_limit)


@pytest.mark.parametrize(
    ("name", "changes", "value"),
    [
        ("probe_duration_seconds", {"response_time_ms": 250.0}, 0.25),
        ("llm_provider_ttft_seconds", {"ttft_ms": 80.0}, 0.08),
        ("llm_provider_usable", {"usable": False}, 0.0),
        ("llm_provider_stale", {"stale": True}, 1.0),
        ("llm_provider_uptime_ratio", {"uptime": Uptime(hour=1.0, day=50.0, week=2.0)}, 0.5),
        (
            "llm_provider_latency_p95_seconds",
            {"latency": LatencySummary(min=1, avg=2, p50=3, p95=4000, max=5, samples=6)},
            4.0,
        ),
        ("llm_provider_rate_limit_used_ratio", {}, 0.45),
        ("llm_provider_rate_limit_used_ratio", {"rate_limit": RateLimit()}, None),
        ("llm_provider_last_probe_timestamp_seconds", {"last_check": NOON}, NOON.timestamp()),
        ("llm_provider_consecutive_failures", {"consecutive_failures": 3}, 3.0),
        ("llm_provider_probes_24h", {"checks_24h": 12}, 12.0),
        ("llm_provider_completions_24h", {"completions_24h": 4}, 4.0),
    ],
)
def test_values_are_in_seconds_and_shares(
    name: str, changes: dict[str, Any], value: float | None
) -> None:
    assert read(name, **changes) == value


def test_real_calls_are_exported_if_some_were_counted() -> None:
    evidence = TrafficEvidence(
        calls=12, counted=10, failures=4, latency_ms=300.0, last=NOON - timedelta(seconds=9)
    )
    traffic = ProviderTrafficView(evidence=evidence, completions_saved_24h=7)
    told = {"traffic": traffic, "last_call": evidence.last}
    assert read("llm_provider_traffic_failure_ratio", **told) == 0.4
    assert read("llm_provider_traffic_latency_p50_seconds", **told) == 0.3
    assert read("llm_provider_completions_saved_24h", **told) == 7.0
    last = read("llm_provider_traffic_last_call_timestamp_seconds", **told)
    assert last == (NOON - timedelta(seconds=9)).timestamp()
    assert read("llm_provider_traffic_failure_ratio") is None


def test_a_provider_never_checked_exports_only_known_values() -> None:
    told = {name for name, read in VALUES.items() if read(a_bare_provider()) is not None}
    assert told == {
        "llm_provider_usable",
        "llm_provider_stale",
        "llm_provider_consecutive_failures",
        "llm_provider_probes_24h",
        "llm_provider_completions_24h",
        "llm_provider_completions_saved_24h",
    }
