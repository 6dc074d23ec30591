"""Finagle's and Linkerd's PeakEWMA, adapted to checks.

A worse sample counts fully, a better one only in part: the estimate jumps up and decays slowly.
Two things differ from the original. It decays per check, not per second, because checks come every
few minutes; and there is no factor for requests in progress, because we send none. A failed check
counts as a sample of the whole time-out.
"""

from collections.abc import Sequence
from math import inf

from tracker.core.ranking import Ranked
from tracker.core.settings import RankingSettings
from tracker.ranking.policy import Candidate
from tracker.ranking.wording import milliseconds


class PeakEwma:
    """Orders by (tier, decayed peak, name); providers without a latency come last in their tier."""

    def __init__(self, settings: RankingSettings = RankingSettings()) -> None:
        self._keep: float = 0.5 ** (1.0 / settings.half_life_checks)

    def __call__(
        self,
        candidates: Sequence[Candidate],
        incumbent: str | None,  # noqa: ARG002 (a policy's signature)
    ) -> tuple[Ranked, ...]:
        lines = [(candidate.tier, self._line(candidate)) for candidate in candidates]
        lines.sort(key=lambda line: (line[0], _cost(line[1]), line[1].provider))
        return tuple(ranked for _, ranked in lines)

    def _line(self, candidate: Candidate) -> Ranked:
        known: Ranked | None = candidate.memo.get(self)
        if known is None:
            peak = self._peak(candidate)
            known = candidate.placed(_reason(peak), expected_cost_ms=peak)
            candidate.memo[self] = known
        return known

    def _peak(self, candidate: Candidate) -> float | None:
        peak: float | None = None
        for sample in candidate.samples:
            cost = sample.latency_ms if candidate.is_good(sample) else candidate.timeout_ms
            if cost is not None:
                peak = cost if peak is None else max(cost, self._decay(peak, cost))
        return peak

    def _decay(self, peak: float, cost: float) -> float:
        return self._keep * peak + (1.0 - self._keep) * cost


def _cost(ranked: Ranked) -> float:
    return inf if ranked.expected_cost_ms is None else ranked.expected_cost_ms


def _reason(peak: float | None) -> str:
    if peak is None:
        return "its latency is not known yet"
    return f"its decayed peak latency is {milliseconds(peak)}"
