"""Counts of latencies below fixed bounds, for metrics that only grow. Pure."""

from bisect import bisect_left

import attrs

# Seconds. From a model list in the same region to the longest time-out of a completion.
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@attrs.frozen
class LatencyHistogram:
    """counts: one per range between bounds, the last above all bounds; sum_seconds: of all."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    sum_seconds: float = 0.0

    def after(self, seconds: float) -> "LatencyHistogram":
        """Return it with one latency more; a bound belongs to what is below it."""
        place = bisect_left(BOUNDS, seconds)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return LatencyHistogram(counts, self.sum_seconds + seconds)
