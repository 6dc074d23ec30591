"""Comparing latencies only with latencies of the same kind of measurement. Pure.

A model list answers in a fraction of the time of a completion, so the two are never compared with
each other. Real calls' latencies depend on what was asked, so no ranking uses them.
"""

from collections.abc import Sequence
from enum import Enum, auto
from statistics import median

import attrs

from tracker.ranking.wording import milliseconds

EXACT = 6  # decimals of a millisecond: float sums differ below that, and equal ones must stay equal


@attrs.frozen
class Latencies:
    """A candidate's latencies by kind of measurement, in milliseconds, None where not known.

    related: measured at another target of the same provider: for an offer the provider's list, for
    a provider the completions of its offers. first_token: of its completions.
    """

    listing: float | None = None
    completion: float | None = None
    related_listing: float | None = None
    related_completion: float | None = None
    first_token: float | None = None

    @property
    def any_listing(self) -> float | None:
        """Return the ms of listing models, a related offer's where our own is unknown."""
        return self.related_listing if self.listing is None else self.listing

    @property
    def any_completion(self) -> float | None:
        """Return the ms of a completion, a related offer's where our own is unknown."""
        return self.related_completion if self.completion is None else self.completion

    @property
    def is_timed(self) -> bool:
        """Return whether the offer's own latency is known, of either kind."""
        return self.listing is not None or self.completion is not None

    @property
    def ratio(self) -> float | None:
        """Return how many times longer than its list a completion takes, where both are known."""
        listing, completion = self.any_listing, self.any_completion
        return completion / listing if completion is not None and listing else None


@attrs.frozen
class ComparableLatency:
    """A latency that may be compared with the others of its pool, and the words for it.

    ms: None where nothing comparable is known; ``words`` then says why.
    """

    ms: float | None
    words: str


class Basis(Enum):
    """What a pool is compared by. DIFFERENT: completions, estimated where only a list is known.
    FIRST_TOKEN: completions up to their first token, where that is wanted.
    """

    LISTING = auto()
    COMPLETION = auto()
    COMPLETION_ANYWHERE = auto()
    DIFFERENT = auto()
    FIRST_TOKEN = auto()


@attrs.frozen
class Comparison:
    """``ratio``: a completion's time over its list's, by the median provider with both."""

    basis: Basis
    ratio: float | None = None

    @classmethod
    def of(cls, pool: Sequence[Latencies], *, first_token: bool = False) -> "Comparison":
        """Choose what all candidates have; completions, which are closer to a call, first.

        first_token: where it is known of all, compare by the time to it.
        """
        if first_token and all(known.first_token is not None for known in pool):
            return cls(Basis.FIRST_TOKEN)
        timed = [known for known in pool if known.is_timed]
        if all(known.completion is not None for known in timed):
            return cls(Basis.COMPLETION)
        if all(known.listing is not None for known in timed):
            return cls(Basis.LISTING)
        if all(known.any_completion is not None for known in timed):
            return cls(Basis.COMPLETION_ANYWHERE)
        ratios = [ratio for known in pool if (ratio := known.ratio) is not None]
        return cls(Basis.DIFFERENT, median(ratios) if ratios else None)

    def latency(self, known: Latencies) -> ComparableLatency:
        """Return a candidate's latency on this basis."""
        if not known.is_timed:
            return ComparableLatency(None, "not timed yet")
        if self.basis is Basis.FIRST_TOKEN:
            return _measure(known.first_token, "to the first token on average lately")
        if self.basis is Basis.LISTING:
            return _measure(known.listing, "on average lately")
        if self.basis is Basis.COMPLETION:
            return _measure(known.completion, "on average lately")
        if known.any_completion is not None:
            return _measure(known.any_completion, "a completion on average lately")
        return self._make_up(known.listing)

    def _make_up(self, listing: float | None) -> ComparableLatency:
        if listing is None or self.ratio is None:
            return ComparableLatency(None, "only its model list has been timed")
        told = "estimated for a completion, from its model list and other providers' ratios"
        return _measure(round(listing * self.ratio, EXACT), told)


def _measure(latency: float | None, words: str) -> ComparableLatency:
    if latency is None:
        return ComparableLatency(None, "not timed yet")
    return ComparableLatency(latency, f"{milliseconds(latency)} {words}")
