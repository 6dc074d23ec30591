"""The lines of a pool in their order, kept up to date where single candidates change."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import compress
from operator import is_not, itemgetter

import attrs

from tracker.core.snapshot import Ranked
from tracker.ranking.comparison import Basis, Comparison
from tracker.ranking.estimate import Estimate, make_line
from tracker.ranking.policy import Candidate

# Beyond this share of changed candidates sorting all is quicker than moving each.
MOVED_AT_MOST = 1 / 8

# Tier, expected time and name decide; no two have the same name. Between them, whoever was timed
# stands before one that is only taken to be as slow: a borrowed latency wins no tie.
Line = tuple[int, float, bool, str, Ranked]
_place, _ranked = itemgetter(0, 1, 2, 3), itemgetter(4)


@attrs.define(eq=False)
class SortedLines:
    """``by_position``: each candidate's line, in the order of the pool. ``order``: sorted.

    movable: all are compared by what each measured itself, so that one moves no other.
    """

    estimates: list[Estimate]
    by_position: list[Line]
    order: list[Line]
    comparison: Comparison
    movable: bool

    @classmethod
    def of(
        cls,
        candidates: Sequence[Candidate],
        estimates: list[Estimate],
        *,
        first_token: bool = False,
    ) -> "SortedLines":
        """Compare all, by the time to the first token where that is wanted, and sort them."""
        known_of_all = [estimate.latencies for estimate in estimates]
        comparison = Comparison.of(known_of_all, first_token=first_token)
        latencies = [comparison.latency(estimate.latencies) for estimate in estimates]
        known = [latency.ms for latency in latencies if latency.ms is not None]
        slowest = max(known, default=None)
        lines = [
            _line(candidate, make_line(candidate, estimate, latency, slowest))
            for candidate, estimate, latency in zip(candidates, estimates, latencies, strict=True)
        ]
        # Where first tokens are wanted and not known of all, one that comes may change the basis.
        own = (Basis.FIRST_TOKEN,) if first_token else (Basis.LISTING, Basis.COMPLETION)
        return cls(
            estimates=estimates,
            by_position=lines,
            order=sorted(lines, key=_place),
            comparison=comparison,
            movable=comparison.basis in own and len(known) == len(lines),
        )

    @property
    def size(self) -> int:
        return len(self.estimates)

    def lines(self) -> list[Ranked]:
        """Return the lines, best first."""
        return list(map(_ranked, self.order))

    def update(self, candidates: Sequence[Candidate], estimates: list[Estimate]) -> bool:
        """Move the lines of the changed candidates; False, with nothing done, where that fails."""
        if not self.movable or len(estimates) != len(self.estimates):
            return False
        pairs = map(is_not, estimates, self.estimates)
        changed = list(compress(range(len(estimates)), pairs))
        if len(changed) > MOVED_AT_MOST * len(estimates):
            return False
        if not all(self._is_comparable(estimates[position]) for position in changed):
            return False
        for position in changed:
            self._move(position, candidates[position], estimates[position])
        self.estimates = estimates
        return True

    def _is_comparable(self, estimate: Estimate) -> bool:
        """Return whether the pool is still compared by the same measurement with this one in it."""
        known = estimate.latencies
        if self.comparison.basis is Basis.FIRST_TOKEN:
            return known.first_token is not None
        if self.comparison.basis is Basis.COMPLETION:
            return known.completion is not None
        return known.listing is not None and known.completion is None

    def _move(self, position: int, candidate: Candidate, estimate: Estimate) -> None:
        before = self.by_position[position]
        latency = self.comparison.latency(estimate.latencies)
        after = _line(candidate, make_line(candidate, estimate, latency, None))
        del self.order[bisect_left(self.order, _place(before), key=_place)]
        insort(self.order, after, key=_place)
        self.by_position[position] = after


def _line(candidate: Candidate, ranked: Ranked) -> Line:
    borrowed = ranked.latency_ms is None
    return candidate.tier, ranked.expected_cost_ms or 0.0, borrowed, candidate.provider, ranked
