"""One check as the statistics count it, and as a ranking sees it. Pure."""

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.ranking.policy import Sample

# LIMITED is not counted in uptime, but a ranking counts it as a call that would have failed.
NOT_COUNTED, UP, DOWN, LIMITED = 0, 1, 2, 3


def counts_as(kind: OutcomeKind) -> int:
    """Return how the statistics count a check that found this."""
    if kind.is_success:
        return UP
    if kind.is_failure:
        return DOWN
    return LIMITED if kind.is_limit else NOT_COUNTED


@attrs.frozen
class CheckSample:
    """One check for the statistics. at: seconds since the epoch; latency_ms: what it took.

    ttft_ms: to its first token; kept only for checks that a ranking uses.
    """

    at: float
    verdict: int  # NOT_COUNTED, UP, DOWN or LIMITED
    latency_ms: float | None = None
    completions: int = 0
    ttft_ms: float | None = None


def to_ranking_sample(row: CheckSample) -> Sample:
    """Return what a ranking remembers of a check that counted or met a limit."""
    completion, took = row.completions > 0, row.latency_ms
    if row.verdict == UP:
        return Sample(True, took, row.at, completion=completion, ttft_ms=row.ttft_ms)
    return Sample(False, None, row.at, failure_ms=took, completion=completion)
