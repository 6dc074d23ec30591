"""Estimated use of documented limits from our own requests, where a provider states none. Pure."""

from collections.abc import Callable, Sequence

import attrs

from tracker.core.rate_limits import LimitReading


def estimate(
    documented: Sequence[LimitReading],
    spent: Callable[[float], int],
    shortest_seconds: float = 0.0,
) -> tuple[LimitReading, ...]:
    """Estimate a reading for each documented limit on requests; show as LimitSource.ESTIMATE.

    spent: how many requests we know of in the last so many seconds, our own checks at least.
    Others may use the same key, so what is left is at most this. No reset is known. Limits
    without a window, those on tokens or money, which we do not count, and those whose window is
    below ``shortest_seconds`` give no reading: our own check alone would use up a limit of one a
    second, forever.
    """
    return tuple(
        attrs.evolve(limit, remaining=max(limit.limit - spent(limit.window_seconds), 0.0))
        for limit in documented
        if limit.limit is not None
        and limit.window_seconds is not None
        and limit.window_seconds >= shortest_seconds
        and limit.name.startswith("requests")
    )
