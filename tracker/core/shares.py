"""The shares of a weighted choice among ranked providers. Pure."""

import math
from collections.abc import Sequence


def share_out(costs: Sequence[float | None]) -> list[float]:
    """Return shares that sum to 1 and fall with the square of the cost, as OpenRouter's do.

    Many proxies then spread over like providers; one with twice the expected time gets a quarter.
    Where a policy tells no costs, the place in the order stands for the cost.
    """
    known = [cost for cost in costs if cost is not None and cost > 0.0]
    if len(known) < len(costs):
        known = [float(place) for place, _ in enumerate(costs, start=1)]
    least = min(known, default=0.0)
    worth = [(least / cost) ** 2 for cost in known]
    total = math.fsum(worth)
    return [each / total for each in worth]
