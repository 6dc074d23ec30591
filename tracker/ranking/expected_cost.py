"""The default policy: the least expected time of the next call, with hysteresis.

A call takes its latency if it is answered and the time-out if it is not. docs/ranking.md explains
where the numbers come from and what was measured.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from operator import is_not, mul

import attrs

from tracker.core.ranking import Ranked
from tracker.core.settings import RankingSettings
from tracker.ranking.comparison import EXACT, Latencies
from tracker.ranking.estimate import Estimate
from tracker.ranking.policy import SAMPLES, Candidate, Sample
from tracker.ranking.sorted_lines import PREPARED_AT_ONCE, SortedLines, prepare_lines
from tracker.ranking.wording import milliseconds, percent

# A Beta prior worth 50 good checks with a quarter of a failure: a new provider is trusted as much
# as real ones deserve (0.4 % down), and one old failure in 50 checks costs 2 %, not everything.
PRIOR_FAILURES, PRIOR_CHECKS = 0.25, 50.0


class ExpectedCost:
    """Orders by (tier, expected time, name); in the best tier the incumbent stays unless beaten.

    Estimates are cached by candidate, and so is the order of the last pool: among thousands only
    the one with a new check is computed and placed again. This cannot change an answer, because a
    candidate never changes.
    """

    def __init__(self, settings: RankingSettings = RankingSettings()) -> None:
        self._settings = settings
        fade: float = 0.5 ** (1.0 / settings.half_life_checks)
        self._weights: list[float] = [fade**age for age in range(SAMPLES)]
        self._first_token = settings.latency == "first_token"
        self._sorted: SortedLines | None = None

    def __call__(
        self, candidates: Sequence[Candidate], incumbent: str | None
    ) -> tuple[Ranked, ...]:
        known = self._sorted
        if known is None or not known.update(candidates, self._estimate):
            estimates = [self._estimate(each) for each in candidates]
            known = SortedLines.of(candidates, estimates, first_token=self._first_token)
            # Queries about a few offers come between those about all: keep the larger pool.
            if self._sorted is None or 2 * known.size >= self._sorted.size:
                self._sorted = known
        return self._apply_hysteresis(known, incumbent)

    def prepare(self, candidates: Sequence[Candidate]) -> Iterator[None]:
        """Compute in steps what ranking these takes longest for; ranking them then is quick.

        Nothing to do where few of them are new. Between two steps others may have their turn.
        """
        others: Iterable[Candidate] = candidates
        if (known := self._sorted) is not None and known.size == len(candidates):
            others = compress(candidates, map(is_not, candidates, known.candidates))
        new = [candidate for candidate in others if self not in candidate.memo]
        if len(new) <= PREPARED_AT_ONCE:
            return
        for number, candidate in enumerate(new, 1):
            self._estimate(candidate)
            if number % PREPARED_AT_ONCE == 0:
                yield
        estimates = [self._estimate(candidate) for candidate in candidates]
        yield
        yield from prepare_lines(candidates, estimates, first_token=self._first_token)

    def _estimate(self, candidate: Candidate) -> Estimate:
        known: Estimate | None = candidate.memo.get(self)
        if known is None:
            known = candidate.memo[self] = self._compute_estimate(candidate)
        return known

    def _compute_estimate(self, candidate: Candidate) -> Estimate:
        listing, completion = self._latencies(candidate.samples, candidate.timeout_ms)
        related = self._latencies(candidate.related, candidate.timeout_ms)
        first_token = self._first_token_mean(candidate) if self._first_token else None
        latencies = Latencies(listing, completion, *related, first_token)
        return Estimate(latencies, self._failure_probability(candidate))

    def _latencies(
        self, samples: Sequence[Sample], timeout_ms: float
    ) -> tuple[float | None, float | None]:
        """Return the decayed means of the last good replies: of lists, and of completions."""
        listings: list[float] = []
        completions: list[float] = []
        for sample in reversed(samples):
            latency = sample.latency_ms
            if sample.ok and latency is not None and latency < timeout_ms:
                (completions if sample.completion else listings).append(latency)
        return self._decayed_mean(listings), self._decayed_mean(completions)

    def _first_token_mean(self, candidate: Candidate) -> float | None:
        good = filter(candidate.is_good, reversed(candidate.samples))
        return self._decayed_mean([ms for one in good if (ms := one.ttft_ms) is not None])

    def _decayed_mean(self, newest_first: Sequence[float]) -> float | None:
        good = newest_first[: self._settings.memory_checks]
        if not good:
            return None
        weights = self._weights[: len(good)]
        mean: float = sum(map(mul, weights, good)) / sum(weights)
        return round(mean, EXACT)

    def _failure_probability(self, candidate: Candidate) -> float:
        failed = [not candidate.is_good(sample) for sample in reversed(candidate.samples)][:SAMPLES]
        failures = sum(compress(self._weights, failed))
        checks = sum(self._weights[: len(failed)])
        usual = (PRIOR_FAILURES + failures) / (PRIOR_CHECKS + checks)
        # Failures come in runs (P(fail | failed) is 0.80 to 0.89), so a run counts for itself:
        # Laplace's rule of succession. With a long half-life the usual risk can exceed it; the
        # worse one is used, so that one more success never looks worse than a failure.
        run = candidate.consecutive_failures
        return max(usual, 1.0 - 1.0 / (run + 2)) if run else usual

    def _apply_hysteresis(self, known: SortedLines, incumbent: str | None) -> tuple[Ranked, ...]:
        """Put the incumbent first, unless another tier or a clear margin took its place."""
        ranked, place = known.lines, known.position(incumbent)
        if place == 0 or ranked[place].status is not ranked[0].status:
            return tuple(ranked)
        stays = ranked[place]
        # They are in order of expected time: if any beats it, the first eligible one does.
        rivals = (each for each in ranked[:place] if _may_lead(each, stays))
        first = next(rivals, None)
        if first is not None and self._beats(first, stays):
            return tuple(ranked)
        kept = attrs.evolve(stays, reason=f"{stays.reason}; {self._why_it_stays()}")
        return (kept, *ranked[:place], *ranked[place + 1 :])

    def _beats(self, rival: Ranked, stays: Ranked) -> bool:
        # Both must be exceeded: 10 % of a fast provider's time is noise (p95/p50 is 1.3 to 2.9),
        # and so are 10 ms of a slow one's.
        cost = stays.expected_cost_ms or 0.0
        lead = cost - (rival.expected_cost_ms or 0.0)
        margin, least = self._settings.switch_margin, self._settings.switch_margin_ms
        return lead >= margin * cost and lead >= least

    def _why_it_stays(self) -> str:
        margin, least = self._settings.switch_margin, self._settings.switch_margin_ms
        better = f"{percent(margin)} and {milliseconds(least)} better"
        return f"it stays, because no other is known to be {better}"


def _may_lead(rival: Ranked, stays: Ranked) -> bool:
    """Return whether its latency can prove a lead: a borrowed one shrinks with its lender's."""
    return rival.latency_ms is not None or stays.latency_ms is None
