"""The gauges of a provider, and how each is read from a snapshot."""

from datetime import datetime

from api.exports.gauge import Gauge
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import LatencySummary, RateLimit, Uptime
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence

NO_TRAFFIC = TrafficEvidence()


def seconds(milliseconds: float | None) -> float | None:
    """Return a time in the base unit."""
    return None if milliseconds is None else milliseconds / 1000.0


def epoch(at: datetime | None) -> float | None:
    """Return the Unix time in seconds."""
    return None if at is None else at.timestamp()


def uptime(known: Uptime) -> float | None:
    """Return the share of a day, 0 to 1."""
    return None if known.day is None else known.day / 100.0


def _success(kind: OutcomeKind | None) -> float | None:
    """Return success as blackbox_exporter does; our own faults and limits prove nothing."""
    return None if kind is None or kind.is_ours else float(kind.is_success or kind.is_limit)


def _p95(latency: LatencySummary | None) -> float | None:
    return None if latency is None else latency.p95 / 1000.0


def _used(limit: RateLimit) -> float | None:
    return limit.percent / 100.0 if limit.limits else None


def _saved(traffic: ProviderTrafficView | None) -> float:
    return 0.0 if traffic is None else float(traffic.completions_saved_24h)


def _traffic_failures(traffic: ProviderTrafficView | None) -> float | None:
    known = _evidence(traffic)
    return known.failures / known.counted if known.counted else None


def _traffic_latency(traffic: ProviderTrafficView | None) -> float | None:
    return seconds(_evidence(traffic).latency_ms)


def _evidence(traffic: ProviderTrafficView | None) -> TrafficEvidence:
    return NO_TRAFFIC if traffic is None else traffic.evidence


GAUGES = (
    Gauge("probe_success", "1 if the last check reached the provider's API.", "outcome", _success),
    Gauge(
        "probe_duration_seconds",
        "Latency of the last successful check.",
        "response_time_ms",
        seconds,
    ),
    Gauge("llm_provider_usable", "1 if it may be used now.", "usable", float),
    Gauge("llm_provider_stale", "1 if its next check is long overdue.", "stale", float),
    Gauge(
        "llm_provider_uptime_ratio",
        "Share of counted checks in 24 hours that were up.",
        "uptime",
        uptime,
    ),
    Gauge("llm_provider_latency_p95_seconds", "95th percentile of 24 hours.", "latency", _p95),
    Gauge(
        "llm_provider_ttft_seconds",
        "Time to the first token of the last completion.",
        "ttft_ms",
        seconds,
    ),
    Gauge(
        "llm_provider_rate_limit_used_ratio", "Use of the fullest rate limit.", "rate_limit", _used
    ),
    Gauge(
        "llm_provider_last_probe_timestamp_seconds",
        "When the last check began.",
        "last_check",
        epoch,
    ),
    Gauge(
        "llm_provider_consecutive_failures",
        "Consecutive failed checks.",
        "consecutive_failures",
        float,
    ),
    Gauge("llm_provider_probes_24h", "Checks in 24 hours.", "checks_24h", float),
    Gauge(
        "llm_provider_completions_24h",
        "Completions spent on checks in 24 hours.",
        "completions_24h",
        float,
    ),
    Gauge(
        "llm_provider_completions_saved_24h",
        "Completions saved in 24 hours because real calls succeeded.",
        "traffic",
        _saved,
    ),
    Gauge(
        "llm_provider_traffic_failure_ratio",
        "Share of failures among counted real calls of the last five minutes.",
        "traffic",
        _traffic_failures,
    ),
    Gauge(
        "llm_provider_traffic_latency_p50_seconds",
        "Median latency of the successful ones among them.",
        "traffic",
        _traffic_latency,
    ),
    Gauge(
        "llm_provider_traffic_last_call_timestamp_seconds",
        "When the newest real call was made.",
        "last_call",
        epoch,
    ),
)
