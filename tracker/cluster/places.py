"""Whether the trackers of a vantage seem to be in more than one place. Pure.

A vantage's name stands for a place, and nothing else says where that is. What differs between
places is how long the hub takes to answer.
"""

from collections import deque
from collections.abc import Collection

import attrs

MIN_ANSWERS = 10
KEPT_ANSWERS = 30  # the fastest of a minute: a busy machine makes some answers slow, never fast
APART_MS = 50.0
APART_RATIO = 3.0


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


def describe_distance(vantage: str, fastest: Collection[float | None]) -> str:
    """Return a sentence where trackers of a vantage seem to be in different places, or nothing.

    fastest: of each of them, in milliseconds; None where it is not known yet. Two places that are
    equally far from the hub look like one.
    """
    known = [each for each in fastest if each is not None]
    if not known:
        return ""
    near, far = min(known), max(known)
    if far - near <= APART_MS or far <= APART_RATIO * near:
        return ""
    return (
        f"trackers of vantage {vantage} seem to be in different places: the hub answers one in "
        f"{near:.0f} ms, another in {far:.0f} ms at best; give each place its own vantage"
    )
