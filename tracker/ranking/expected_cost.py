"""The default policy: the least expected time of the next call, with hysteresis.

A call costs its latency if it is answered and the time-out if it is not. docs/ranking.md tells
where the numbers come from and what was measured.
"""

from collections.abc import Sequence
from itertools import compress
from weakref import WeakKeyDictionary

import attrs

from tracker.core.settings import RankingSettings
from tracker.core.snapshot import Ranked
from tracker.ranking.comparison import EXACT, ComparableLatency, Comparison, Latencies
from tracker.ranking.policy import SAMPLES, Candidate, Sample
from tracker.ranking.wording import limit, milliseconds, percent

# A Beta prior worth 50 good checks with a quarter of a failure: a newcomer is trusted as much as
# real providers deserve (0.4 % down), and one old failure in 50 checks costs 2 %, not everything.
PRIOR_FAILURES, PRIOR_CHECKS = 0.25, 50.0


@attrs.define(eq=False)
class Estimate:
    """What one candidate's own checks say, and the line last made of it, with its latency.

    It must not hold the candidate: it is remembered weakly by it, and would keep it for ever.
    """

    latencies: Latencies
    failure_probability: float
    latency: ComparableLatency | None = None
    ranked: Ranked | None = None


class ExpectedCost:
    """Orders by (tier, expected time, name); in the best tier the incumbent stays unless beaten.

    Estimates are remembered by candidate: of a thousand providers only the one with a new check
    is worked out anew. That changes no answer, since a candidate never changes.
    """

    def __init__(self, settings: RankingSettings = RankingSettings()) -> None:
        self._settings = settings
        fade: float = 0.5 ** (1.0 / settings.half_life_checks)
        self._weights: list[float] = [fade**age for age in range(SAMPLES)]
        self._estimates: WeakKeyDictionary[Candidate, Estimate] = WeakKeyDictionary()

    def __call__(
        self, candidates: Sequence[Candidate], incumbent: str | None
    ) -> tuple[Ranked, ...]:
        estimates = [self._estimate(candidate) for candidate in candidates]
        comparison = Comparison.of([estimate.latencies for estimate in estimates])
        latencies = [comparison.latency(estimate.latencies) for estimate in estimates]
        slowest = max((each.ms for each in latencies if each.ms is not None), default=None)
        lines = [
            (candidate.tier, ranked.expected_cost_ms, ranked.provider, ranked)
            for candidate, estimate, latency in zip(candidates, estimates, latencies, strict=True)
            for ranked in (_line(candidate, estimate, latency, slowest),)
        ]
        lines.sort(key=lambda line: line[:3])
        return self._apply_hysteresis([line[3] for line in lines], incumbent)

    def _estimate(self, candidate: Candidate) -> Estimate:
        known = self._estimates.get(candidate)
        if known is None:
            known = self._estimates[candidate] = self._compute_estimate(candidate)
        return known

    def _compute_estimate(self, candidate: Candidate) -> Estimate:
        own, related = candidate.samples, candidate.related
        latencies = Latencies(
            listing=self._latency(candidate, own, completion=False),
            completion=self._latency(candidate, own, completion=True),
            related_listing=self._latency(candidate, related, completion=False),
            related_completion=self._latency(candidate, related, completion=True),
        )
        return Estimate(latencies, self._failure_probability(candidate))

    def _latency(
        self, candidate: Candidate, samples: Sequence[Sample], *, completion: bool
    ) -> float | None:
        """Return the decayed mean of the last good replies of one kind; None without any."""
        good = [
            sample.latency_ms
            for sample in reversed(samples)
            if sample.latency_ms is not None
            and sample.completion is completion
            and candidate.is_good(sample)
        ][: self._settings.memory_checks]
        if not good:
            return None
        weights = self._weights[: len(good)]
        mean = sum(w * ms for w, ms in zip(weights, good, strict=True)) / sum(weights)
        return round(mean, EXACT)

    def _failure_probability(self, candidate: Candidate) -> float:
        failed = [not candidate.is_good(sample) for sample in reversed(candidate.samples)][:SAMPLES]
        failures = sum(compress(self._weights, failed))
        checks = sum(self._weights[: len(failed)])
        usual = (PRIOR_FAILURES + failures) / (PRIOR_CHECKS + checks)
        # Failures come in runs (P(fail | failed) is 0.80 to 0.89), so a run counts for itself:
        # Laplace's rule of succession. With a long half-life the usual risk can exceed it; the
        # worse one stands, so that one more success never looks worse than a failure.
        run = candidate.consecutive_failures
        return max(usual, 1.0 - 1.0 / (run + 2)) if run else usual

    def _apply_hysteresis(self, ranked: list[Ranked], incumbent: str | None) -> tuple[Ranked, ...]:
        """The incumbent first, unless another tier or a clear margin took its place."""
        place = next((i for i, r in enumerate(ranked) if r.provider == incumbent), 0)
        if place == 0 or ranked[place].status is not ranked[0].status:
            return tuple(ranked)
        stays = ranked[place]
        if any(self._beats(rival, stays) for rival in ranked[:place]):
            return tuple(ranked)
        kept = attrs.evolve(stays, reason=f"{stays.reason}; {self._why_it_stays()}")
        return (kept, *ranked[:place], *ranked[place + 1 :])

    def _beats(self, rival: Ranked, stays: Ranked) -> bool:
        # A borrowed latency proves no lead over a measured one: it would shrink with its lender's.
        if rival.latency_ms is None and stays.latency_ms is not None:
            return False
        # Both: 10 % of a fast provider is noise (p95/p50 is 1.3 to 2.9), 10 ms of a slow one too.
        cost = stays.expected_cost_ms or 0.0
        lead = cost - (rival.expected_cost_ms or 0.0)
        margin, least = self._settings.switch_margin, self._settings.switch_margin_ms
        return lead >= margin * cost and lead >= least

    def _why_it_stays(self) -> str:
        margin, least = self._settings.switch_margin, self._settings.switch_margin_ms
        return (
            f"it stays, none being known to be {percent(margin)} and {milliseconds(least)} better"
        )


def _cost(latency: float, risk: float, timeout: float) -> float:
    return round((1.0 - risk) * latency + risk * timeout, EXACT)


def _line(
    candidate: Candidate, estimate: Estimate, latency: ComparableLatency, slowest: float | None
) -> Ranked:
    """Return its line; the same object as last time where its latency is the same."""
    if latency.ms is None:
        return _line_without_latency(candidate, estimate, latency.words, slowest)
    if estimate.ranked is None or estimate.latency != latency:
        estimate.latency = latency
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
    """Nothing is known of its latency: the slowest known peer's, or the middle of what can be."""
    risk = estimate.failure_probability
    if slowest is None:
        latency = candidate.timeout_ms / 2.0
        told = "no latency is known yet, so half its time-out is taken"
    else:
        latency = min(slowest, candidate.timeout_ms)
        told = f"{why}, so taken as slow as the slowest peer, {milliseconds(latency)}"
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
