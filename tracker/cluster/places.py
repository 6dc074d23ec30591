"""Whether the trackers of a vantage seem to be in more than one place. Pure.

A vantage's name stands for a place, and nothing else says where that is. What differs between
places is how long the hub takes to answer.
"""

from collections import deque
from collections.abc import Collection, Sequence

import attrs

MIN_ANSWERS = 10
KEPT_ANSWERS = 30  # the fastest of a minute: a busy machine makes some answers slow, never fast
APART_MS = 50.0
APART_RATIO = 3.0
APART_BEATS = 60.0  # all along, before a tracker leaves the others: more than one bad minute


@attrs.define
class RoundTrips:
    """How long the hub took for our latest turns, in milliseconds."""

    _kept: deque[float] = attrs.field(factory=lambda: deque(maxlen=KEPT_ANSWERS))

    def add(self, milliseconds: float) -> None:
        self._kept.append(milliseconds)

    @property
    def fastest(self) -> float | None:
        """Return the shortest of them; None until there are enough."""
        return min(self._kept) if len(self._kept) >= MIN_ANSWERS else None


def is_far(one: float, other: float) -> bool:
    """Return whether these fastest answers, in milliseconds, are those of two places."""
    near, far = min(one, other), max(one, other)
    return far - near > APART_MS and far > APART_RATIO * near


def find_apart(fastest: Sequence[float | None]) -> frozenset[int]:
    """Return which trackers of a vantage are in another place than most of them, by their index.

    fastest: of each, in milliseconds, in the order in which they joined; None where it is not known
    yet. Of two groups of one size the one stays that was there first. Never all of them are apart.
    """
    known = [(at, each) for at, each in enumerate(fastest) if each is not None]
    groups = [frozenset(at for at, other in known if not is_far(each, other)) for _, each in known]
    if not groups:
        return frozenset()
    largest = max(groups, key=len)  # the first of them: it is about who joined first
    return frozenset(at for at, _ in known) - largest


@attrs.define
class Steadiness:
    """Whether something has been so all along for ``seconds``."""

    seconds: float
    _since: float | None = None

    def observe(self, holds: bool, now: float) -> bool:
        """Take what is seen at this steady second; return whether it has been so long enough."""
        if not holds:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        return now - self._since >= self.seconds


def describe_apart(vantage: str, ours: float, others: Collection[float | None]) -> str:
    """Return the sentence of a tracker that leaves a vantage's others, all in milliseconds."""
    nearest = min((each for each in others if each is not None), key=lambda each: abs(each - ours))
    return (
        f"vantage {vantage} is used in different places: the hub answers this tracker in "
        f"{ours:.0f} ms, another one in {nearest:.0f} ms at best; give each place its own vantage"
    )


def describe_distance(vantage: str, fastest: Collection[float | None]) -> str:
    """Return a sentence where trackers of a vantage seem to be in different places, or nothing.

    fastest: of each of them, in milliseconds; None where it is not known yet. Two places that are
    equally far from the hub look like one.
    """
    known = [each for each in fastest if each is not None]
    if not known:
        return ""
    near, far = min(known), max(known)
    if not is_far(near, far):
        return ""
    return (
        f"trackers of vantage {vantage} seem to be in different places: the hub answers one in "
        f"{near:.0f} ms, another in {far:.0f} ms at best; give each place its own vantage"
    )
