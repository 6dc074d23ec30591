"""What one candidate's checks say about its next call, and the ranking line that shows it."""

import attrs

from tracker.core.ranking import Ranked
from tracker.ranking.comparison import EXACT, ComparableLatency, Comparison, Latencies
from tracker.ranking.policy import SAMPLES, Candidate
from tracker.ranking.wording import limit, milliseconds, percent


@attrs.define(eq=False)
class Estimate:
    """What one candidate's own checks say, and the last line made from it, with its latency.

    comparison: by which that latency was taken; the line holds as long as it is the same.

    It does not refer to the candidate: the policy keeps the estimates of its last pool.
    """

    latencies: Latencies
    failure_probability: float
    latency: ComparableLatency | None = None
    ranked: Ranked | None = None
    comparison: Comparison | None = None

    def comparable(self, comparison: Comparison) -> ComparableLatency:
        """Return the latency to be compared with the pool's."""
        if self.latency is not None and self.comparison is comparison:
            return self.latency
        return comparison.latency(self.latencies)


def _cost(latency: float, risk: float, timeout: float) -> float:
    return round((1.0 - risk) * latency + risk * timeout, EXACT)


def make_line(
    candidate: Candidate, estimate: Estimate, latency: ComparableLatency, slowest: float | None
) -> Ranked:
    """Return its line; the same object as last time where its latency is the same."""
    if latency.ms is None:
        return _line_without_latency(candidate, estimate, latency.words, slowest)
    if estimate.ranked is None or (estimate.latency is not latency and estimate.latency != latency):
        estimate.latency, estimate.comparison = latency, None
        estimate.ranked = _line_with_latency(candidate, estimate, latency.ms, latency.words)
    return estimate.ranked


def _line_with_latency(
    candidate: Candidate, estimate: Estimate, latency: float, words: str
) -> Ranked:
    risk = estimate.failure_probability
    cost = _cost(latency, risk, candidate.timeout_ms)
    reason = _reason(candidate, words, risk, cost)
    return candidate.placed(
        reason, expected_cost_ms=cost, failure_probability=risk, latency_ms=latency
    )


def _line_without_latency(
    candidate: Candidate, estimate: Estimate, why: str, slowest: float | None
) -> Ranked:
    """Estimate without a latency: the slowest known peer's, or the middle of what can be."""
    risk = estimate.failure_probability
    if slowest is None:
        latency = candidate.timeout_ms / 2.0
        told = "no latency is known yet, so half its time-out is assumed"
    else:
        latency = min(slowest, candidate.timeout_ms)
        told = f"{why}, so assumed as slow as the slowest other, {milliseconds(latency)}"
    cost = _cost(latency, risk, candidate.timeout_ms)
    reason = _reason(candidate, told, risk, cost)
    return candidate.placed(reason, expected_cost_ms=cost, failure_probability=risk)


def _reason(candidate: Candidate, latency: str, risk: float, cost: float) -> str:
    total = f"expected time {milliseconds(cost)}"
    price = f"a {limit(candidate.timeout_ms)} time-out"
    if run := candidate.consecutive_failures:
        checks = "its last check failed" if run == 1 else f"its last {run} checks failed"
        chance = percent(1.0 - risk)
        return f"{checks}, so the next call has a {chance} chance; {latency}, or {price}, {total}"
    if all(candidate.is_good(sample) for sample in candidate.samples[-SAMPLES:]):
        return f"{latency}, no recent failure ({percent(risk)} risk of {price}), {total}"
    return f"{latency}, with recent failures ({percent(risk)} risk of {price}), {total}"
