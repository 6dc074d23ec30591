"""What real calls of the last minutes say of a provider, and their counts for the store."""

from datetime import datetime

import attrs

TRAFFIC_WINDOW_SECONDS = 300  # a caller of one call in ten seconds still tells of thirty


@attrs.frozen(kw_only=True)
class TrafficEvidence:
    """Calls that proxies told of in the last ``window_seconds``; all values are theirs alone.

    calls: all, also neutral ones. counted: those that count for health. last: the newest call
    ever told. latency_ms, ttft_ms: medians of successful calls.
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
    """The same of one model. ``model``: as the provider names it; empty where untold."""

    model: str
    evidence: TrafficEvidence


@attrs.frozen
class ModelDay:
    """Calls of one model in 24 h."""

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
    """Everything a snapshot tells of a provider's real calls.

    checks_saved_24h, completions_saved_24h: checks that good traffic made needless, and what
    they would have spent.
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

    key: 0 where untold. Sums are of ``latency_samples`` and ``ttft_samples`` calls.
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
    """A scheduled check that good traffic made needless. completions: it would have spent."""

    at: datetime
    provider: str
    model: str | None
    completions: int


@attrs.frozen(kw_only=True)
class TrafficBatch:
    """What is stored of calls at once. marks: of their reports, eight bytes each."""

    at: datetime
    counts: tuple[TrafficRecord, ...]
    marks: bytes = b""
    skipped: tuple[SkippedCheck, ...] = ()


@attrs.frozen
class HourCount:
    """Calls of one model in one hour, counted since 1970."""

    provider: str
    model: str
    hour: int
    calls: int
    failures: int


@attrs.frozen(kw_only=True)
class StoredTraffic:
    """What is known of the last day after a restart. marks: hours since 1970, and packed marks."""

    marks: tuple[tuple[int, bytes], ...] = ()
    skipped: tuple[SkippedCheck, ...] = ()
    hours: tuple[HourCount, ...] = ()


def tokens_per_second(output_tokens: int, output_ms: float) -> float | None:
    """Return the rate over so many ms of output, None where no time was measured."""
    return 1000.0 * output_tokens / output_ms if output_ms > 0.0 else None
