"""What real calls of the last minutes say about a provider, and their counts for the store."""

from datetime import datetime

import attrs

TRAFFIC_WINDOW_SECONDS = 300  # at one call in ten seconds it still holds thirty


@attrs.frozen(kw_only=True)
class TrafficEvidence:
    """Calls that proxies reported in the last ``window_seconds``, without our own checks.

    calls: all, including neutral ones. counted: those that count for health. last: the newest call
    ever reported. latency_ms, ttft_ms: medians of successful calls.
    """

    window_seconds: int = TRAFFIC_WINDOW_SECONDS
    calls: int = 0
    counted: int = 0
    failures: int = 0
    last: datetime | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    tokens_per_second: float | None = None


@attrs.frozen(kw_only=True)
class ModelTraffic:
    """The same for one model. ``model``: the provider's id; empty when not reported."""

    model: str
    evidence: TrafficEvidence


@attrs.frozen
class ModelDay:
    """Calls to one model in 24 h."""

    model: str
    calls: int
    failures: int


@attrs.frozen(kw_only=True)
class TrafficTotal:
    """Calls with one outcome since this process began, for metrics that only grow."""

    outcome: str
    calls: int
    latency_ms_sum: float


@attrs.frozen(kw_only=True)
class ProviderTrafficView:
    """Everything a snapshot says about a provider's real calls.

    checks_saved_24h, completions_saved_24h: checks that were skipped because calls succeeded, and
    the completions these would have spent.
    """

    evidence: TrafficEvidence
    models: tuple[ModelTraffic, ...] = ()
    days: tuple[ModelDay, ...] = ()
    totals: tuple[TrafficTotal, ...] = ()
    checks_saved_24h: int = 0
    completions_saved_24h: int = 0


@attrs.frozen(kw_only=True)
class TrafficRecord:
    """Calls of one minute, provider, model, key, reporter and outcome, to add to those stored.

    key: 0 when not reported. The sums cover ``latency_samples`` and ``ttft_samples`` calls.
    """

    minute: datetime
    provider: str
    model: str
    key: int
    reporter: str
    outcome: str
    calls: int
    latency_samples: int = 0
    latency_ms_sum: float = 0.0
    ttft_samples: int = 0
    ttft_ms_sum: float = 0.0
    output_tokens: int = 0
    output_ms: float = 0.0
    latency_sketch: bytes = b""


@attrs.frozen(kw_only=True)
class SkippedCheck:
    """A scheduled check skipped because calls succeeded. completions: what it would have spent."""

    at: datetime
    provider: str
    model: str | None
    completions: int


@attrs.frozen(kw_only=True)
class TrafficBatch:
    """What is stored about calls in one write. marks: of their reports, eight bytes each."""

    at: datetime
    counts: tuple[TrafficRecord, ...]
    marks: bytes = b""
    skipped: tuple[SkippedCheck, ...] = ()


@attrs.frozen
class HourCount:
    """Calls to one model in one hour; hours are counted from 1970."""

    provider: str
    model: str
    hour: int
    calls: int
    failures: int


@attrs.frozen(kw_only=True)
class StoredTraffic:
    """What is known about the last day after a restart. marks: by hour since 1970, packed."""

    marks: tuple[tuple[int, bytes], ...] = ()
    skipped: tuple[SkippedCheck, ...] = ()
    hours: tuple[HourCount, ...] = ()


def tokens_per_second(output_tokens: int, output_ms: float) -> float | None:
    """Return the rate over so many ms of output, None where no time was measured."""
    return 1000.0 * output_tokens / output_ms if output_ms > 0.0 else None
