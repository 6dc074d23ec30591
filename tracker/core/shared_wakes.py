"""Letting timers of many providers wake the event loop together. Pure; times are trio seconds."""

import math

import attrs

# A wake of a loop that slept costs some 0.3 ms of CPU, mostly cold caches, whatever it is for; what
# is done while it is awake anyway costs a fraction of that. Below this number of providers the
# wakes are few, and each timer keeps its own time.
MANY_PROVIDERS = 500
WIDTH_SECONDS = 0.1
COMMIT_SECONDS = 0.5  # a result is in the history within a second
TOGETHER = 4  # checks that may begin in one turn of the loop


@attrs.define
class SharedWakes:
    """With MANY_PROVIDERS and more, whatever is due in the same tenth of a second wakes together.

    providers: how many are being watched.
    """

    providers: int = 0

    def at(self, moment: float) -> float:
        """Return when to wake for what is due at ``moment``: then, or up to WIDTH_SECONDS later."""
        if self.providers < MANY_PROVIDERS or not math.isfinite(moment):
            return moment
        return math.ceil(moment / WIDTH_SECONDS) * WIDTH_SECONDS

    @property
    def commit_seconds(self) -> float:
        """Return the least time between two commits: each wakes a thread, and the loop again."""
        return COMMIT_SECONDS if self.providers >= MANY_PROVIDERS else 0.0

    @property
    def together(self) -> int:
        """Return how many checks may begin in one turn of the loop, if none began just before."""
        return TOGETHER if self.providers >= MANY_PROVIDERS else 1


def next_wake(moment: float) -> float:
    """Return the first shared wake that is later than ``moment``."""
    return (math.floor(moment / WIDTH_SECONDS) + 1) * WIDTH_SECONDS
