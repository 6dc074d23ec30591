"""The gauges of a provider, and how each is read from a snapshot."""

from collections.abc import Callable
from datetime import datetime

from tracker.core.provider_status import ProviderStatus
from tracker.core.traffic import TrafficEvidence

NO_TRAFFIC = TrafficEvidence()
Value = Callable[[ProviderStatus], float | None]


def _success(provider: ProviderStatus) -> float | None:
    """Return success as blackbox_exporter does; our own faults and limits prove nothing."""
    kind = provider.outcome
    return None if kind is None or kind.is_ours else float(kind.is_success or kind.is_limit)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000.0


def _traffic_failures(provider: ProviderStatus) -> float | None:
    traffic = _traffic(provider)
    return traffic.failures / traffic.counted if traffic.counted else None


def _traffic(provider: ProviderStatus) -> TrafficEvidence:
    return NO_TRAFFIC if provider.traffic is None else provider.traffic.evidence


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
    ("llm_provider_usable", "1 if it may be used now.", lambda p: float(p.usable)),
    ("llm_provider_stale", "1 if its next check is long overdue.", lambda p: float(p.stale)),
    ("llm_provider_uptime_ratio", "Share of counted checks in 24 hours that were up.", _uptime),
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
        "Consecutive failed checks.",
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
        "Completions saved in 24 hours because real calls succeeded.",
        lambda p: float(p.completions_saved_24h),
    ),
    (
        "llm_provider_traffic_failure_ratio",
        "Share of failures among counted real calls of the last five minutes.",
        _traffic_failures,
    ),
    (
        "llm_provider_traffic_latency_p50_seconds",
        "Median latency of the successful ones among them.",
        lambda p: _seconds(_traffic(p).latency_ms),
    ),
    (
        "llm_provider_traffic_last_call_timestamp_seconds",
        "When the newest real call was made.",
        lambda p: _epoch(p.last_call),
    ),
)

# The one field of a provider that each is computed from: while that is the same object, so is it.
FIELDS = {
    "probe_success": "outcome",
    "probe_duration_seconds": "response_time_ms",
    "llm_provider_usable": "usable",
    "llm_provider_stale": "stale",
    "llm_provider_uptime_ratio": "uptime",
    "llm_provider_latency_p95_seconds": "latency",
    "llm_provider_ttft_seconds": "ttft_ms",
    "llm_provider_rate_limit_used_ratio": "rate_limit",
    "llm_provider_last_probe_timestamp_seconds": "last_check",
    "llm_provider_consecutive_failures": "consecutive_failures",
    "llm_provider_probes_24h": "checks_24h",
    "llm_provider_completions_24h": "completions_24h",
    "llm_provider_completions_saved_24h": "traffic",
    "llm_provider_traffic_failure_ratio": "traffic",
    "llm_provider_traffic_latency_p50_seconds": "traffic",
    "llm_provider_traffic_last_call_timestamp_seconds": "last_call",
}
QUICK_GAUGES = tuple((name, FIELDS[name], value) for name, _, value in GAUGES)
