"""The lines of a pool in their order, kept up to date where single candidates change."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
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
Place = tuple[int, float, bool, str]


@attrs.define(eq=False)
class SortedLines:
    """places: of each candidate, in the order of the pool. order: sorted; lines: in that order.

    movable: all are compared by what each measured itself, so that one moves no other.
    """

    candidates: Sequence[Candidate]
    places: list[Place]
    order: list[Place]
    lines: list[Ranked]
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
            make_line(candidate, estimate, latency, slowest)
            for candidate, estimate, latency in zip(candidates, estimates, latencies, strict=True)
        ]
        places = list(map(_place, candidates, lines))
        # Where first tokens are wanted and not known of all, one that comes may change the basis.
        own = (Basis.FIRST_TOKEN,) if first_token else (Basis.LISTING, Basis.COMPLETION)
        by_place = sorted(zip(places, lines, strict=True), key=itemgetter(0))
        return cls(
            candidates=tuple(candidates),
            places=places,
            order=[place for place, _ in by_place],
            lines=[line for _, line in by_place],
            comparison=comparison,
            movable=comparison.basis in own and len(known) == len(lines),
        )

    @property
    def size(self) -> int:
        return len(self.candidates)

    def update(
        self, candidates: Sequence[Candidate], estimate: Callable[[Candidate], Estimate]
    ) -> bool:
        """Move the lines of the changed candidates; False, with nothing done, where that fails."""
        if not self.movable or len(candidates) != len(self.candidates):
            return False
        pairs = map(is_not, candidates, self.candidates)
        changed = list(compress(range(len(candidates)), pairs))
        if len(changed) > MOVED_AT_MOST * len(candidates):
            return False
        estimates = [estimate(candidates[position]) for position in changed]
        if not all(map(self._is_comparable, estimates)):
            return False
        for position, known in zip(changed, estimates, strict=True):
            self._move(position, candidates[position], known)
        self.candidates = tuple(candidates)
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
        line = make_line(candidate, estimate, self.comparison.latency(estimate.latencies), None)
        before, after = self.places[position], _place(candidate, line)
        old = bisect_left(self.order, before)
        del self.order[old], self.lines[old]
        new = bisect_left(self.order, after)
        self.order.insert(new, after)
        self.lines.insert(new, line)
        self.places[position] = after


def _place(candidate: Candidate, line: Ranked) -> Place:
    borrowed = line.latency_ms is None
    return candidate.tier, line.expected_cost_ms or 0.0, borrowed, candidate.provider
