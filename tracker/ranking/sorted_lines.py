"""The sorted lines of a pool, kept in order when single candidates change."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import is_not, itemgetter

import attrs

from tracker.core.ranking import Ranked
from tracker.ranking.comparison import Basis, Comparison
from tracker.ranking.estimate import Estimate, make_line
from tracker.ranking.policy import Candidate

# Above this share of changed candidates, sorting all is faster than moving each.
MOVED_AT_MOST = 1 / 8

PREPARED_AT_ONCE = 250  # lines, about five milliseconds

# The order is by tier, expected time and name, which is unique. With equal times, a timed one
# comes before one whose latency is only assumed.
Place = tuple[int, float, bool, str]


@attrs.define(eq=False)
class SortedLines:
    """places: by name. order: all of them, sorted; lines: in that order.

    movable: nearly all are compared by their own measurements, so that a change of one does not
    move others. uniform: removing one does not either, as the basis of comparison stays the same.
    borrowed: by name those without a latency yet. They are assumed as slow as the slowest other,
    so they alone move with that one.
    """

    candidates: tuple[Candidate, ...]
    places: dict[str, Place]
    order: list[Place]
    lines: list[Ranked]
    comparison: Comparison
    movable: bool
    uniform: bool
    slowest: float | None
    borrowed: dict[str, Candidate]

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
        comparison = compare(estimates, first_token=first_token)
        latencies = [estimate.comparable(comparison) for estimate in estimates]
        known = [latency.ms for latency in latencies if latency.ms is not None]
        slowest = max(known, default=None)
        lines = [
            make_line(candidate, estimate, latency, slowest)
            for candidate, estimate, latency in zip(candidates, estimates, latencies, strict=True)
        ]
        for estimate, latency in zip(estimates, latencies, strict=True):
            if latency.ms is not None:
                estimate.comparison = comparison
        placed = list(map(_place, candidates, lines))
        # When first tokens are wanted but not known for all, a new one may change the basis.
        own = (Basis.FIRST_TOKEN,) if first_token else (Basis.LISTING, Basis.COMPLETION)
        borrowed = {
            candidate.provider: candidate
            for candidate, latency in zip(candidates, latencies, strict=True)
            if latency.ms is None
        }
        by_place = sorted(zip(placed, lines, strict=True), key=itemgetter(0))
        return cls(
            candidates=tuple(candidates),
            places={place[-1]: place for place in placed},
            order=[place for place, _ in by_place],
            lines=[line for _, line in by_place],
            comparison=comparison,
            movable=comparison.basis in own and len(borrowed) <= MOVED_AT_MOST * len(lines),
            uniform=comparison.basis is not Basis.LISTING
            or all(each.completion is None for each in known_of_all),
            slowest=slowest,
            borrowed=borrowed,
        )

    @property
    def size(self) -> int:
        """Return how many candidates are ranked."""
        return len(self.candidates)

    def position(self, provider: str | None) -> int:
        """Return the place of a candidate's line, 0 for one that is not ranked."""
        place = None if provider is None else self.places.get(provider)
        return 0 if place is None else bisect_left(self.order, place)

    def update(
        self, candidates: Sequence[Candidate], estimate: Callable[[Candidate], Estimate]
    ) -> bool:
        """Move the lines of those that changed, came or went; False, with nothing done, where that
        fails or is more work than to sort all.
        """
        if not self.movable:
            return False
        gone, news = self._compare(candidates)
        if len(gone) + len(news) > MOVED_AT_MOST * len(candidates):
            return False
        estimates = [estimate(candidate) for candidate in news]
        if not all(map(self._is_comparable, estimates)):
            return False
        untimed = {
            candidate.provider: candidate
            for candidate, known in zip(news, estimates, strict=True)
            if not known.latencies.is_timed
        }
        # One that is no longer timed is taken out of what decides by what all are compared.
        timed = {candidate.provider for candidate in news} - untimed.keys()
        if not self.uniform and set(gone) - timed:
            return False
        left = self.borrowed.keys() - gone
        borrowed = {name: self.borrowed[name] for name in left} | untimed
        if len(borrowed) > MOVED_AT_MOST * len(candidates):
            return False
        for name in gone:
            self._take_out(name)
        for candidate, known in zip(news, estimates, strict=True):
            if candidate.provider in timed:
                self._put_in(candidate, known)
        self._lend(borrowed, estimate)
        self.candidates = tuple(candidates)
        return True

    def _lend(
        self, borrowed: dict[str, Candidate], estimate: Callable[[Candidate], Estimate]
    ) -> None:
        """Put those without a latency where the slowest other now puts them."""
        before, kept = self.slowest, self.borrowed
        self.borrowed = borrowed
        if not borrowed:
            return
        known = [line.latency_ms for line in self.lines if line.latency_ms is not None]
        self.slowest = max(known, default=None)
        for name, candidate in borrowed.items():
            if kept.get(name) is candidate:
                if self.slowest == before:
                    continue
                self._take_out(name)
            self._put_in(candidate, estimate(candidate))

    def _compare(self, candidates: Sequence[Candidate]) -> tuple[list[str], list[Candidate]]:
        """Return the names whose lines no longer hold, and the candidates that are new or newer."""
        if len(candidates) == len(self.candidates):
            changed = list(compress(candidates, map(is_not, candidates, self.candidates)))
            if all(candidate.provider in self.places for candidate in changed):
                return [candidate.provider for candidate in changed], changed
        known, now = frozenset(self.candidates), frozenset(candidates)  # by identity
        return [candidate.provider for candidate in known - now], list(now - known)

    def _is_comparable(self, estimate: Estimate) -> bool:
        """Return whether the pool is still compared by the same measurement with this one in it."""
        known = estimate.latencies
        if self.comparison.basis is Basis.FIRST_TOKEN:
            return known.first_token is not None
        if not known.is_timed:
            return True
        if self.comparison.basis is Basis.COMPLETION:
            return known.completion is not None
        return known.listing is not None and known.completion is None

    def _take_out(self, name: str) -> None:
        position = bisect_left(self.order, self.places.pop(name))
        del self.order[position], self.lines[position]

    def _put_in(self, candidate: Candidate, estimate: Estimate) -> None:
        latency = self.comparison.latency(estimate.latencies)
        line = make_line(candidate, estimate, latency, self.slowest)
        place = self.places[candidate.provider] = _place(candidate, line)
        position = bisect_left(self.order, place)
        self.order.insert(position, place)
        self.lines.insert(position, line)


def compare(estimates: Sequence[Estimate], *, first_token: bool) -> Comparison:
    """Choose what the pool is compared by; the same object as last time where it is equal."""
    comparison = Comparison.of([each.latencies for each in estimates], first_token=first_token)
    before = next((each.comparison for each in estimates if each.comparison is not None), None)
    return before if before is not None and before == comparison else comparison


def prepare_lines(
    candidates: Sequence[Candidate], estimates: Sequence[Estimate], *, first_token: bool
) -> Iterator[None]:
    """Make the lines of those with a latency in steps; ``SortedLines.of`` then finds them."""
    comparison = compare(estimates, first_token=first_token)
    for number, (candidate, estimate) in enumerate(zip(candidates, estimates, strict=True), 1):
        latency = estimate.comparable(comparison)
        if latency.ms is not None:
            make_line(candidate, estimate, latency, None)
            estimate.comparison = comparison
        if number % PREPARED_AT_ONCE == 0:
            yield


def _place(candidate: Candidate, line: Ranked) -> Place:
    borrowed = line.latency_ms is None
    return candidate.tier, line.expected_cost_ms or 0.0, borrowed, candidate.provider
