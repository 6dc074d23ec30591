"""The order in which a caller should try providers one after another. Pure.

An attempt costs p·L + q·f: p the chance of an answer, L its latency, q the chance of a failure and
f what a failure takes. Exchanging neighbours in a chain of attempts shows that ascending
L + (q/p)·f is the cheapest order, as long as providers fail independently.
"""

from collections.abc import Iterable, Sequence
from math import inf
from typing import Protocol, TypeVar

from tracker.core.outcomes import Status

# Statuses of providers that may answer although they are not usable: best first.
_HOPES = (Status.HEALTHY, Status.DEGRADED, Status.UNKNOWN, Status.DOWN)


class Attempt(Protocol):
    """What is known about an attempt at a provider; None where a policy does not say."""

    @property
    def latency_ms(self) -> float | None:
        """Return the ms that a success is expected to take, None where unknown."""
        ...

    @property
    def failure_probability(self) -> float | None:
        """Return the chance of a failure, 0..1, None where unknown."""
        ...

    @property
    def failure_ms(self) -> float | None:
        """Return the ms that a failure is expected to take, None where unknown."""
        ...


T = TypeVar("T", bound=Attempt)


def order_attempts(attempts: Sequence[T], slowest_ms: float = 0.0) -> Sequence[T]:
    """Order attempts so that falling through them takes least time; equals keep their order.

    slowest_ms: taken for a latency that is not known. Where a policy tells no odds, its own order
    stands.
    """
    if any(each.failure_probability is None or each.failure_ms is None for each in attempts):
        return attempts
    return sorted(attempts, key=lambda each: _price(each, slowest_ms))


def _price(attempt: Attempt, slowest_ms: float) -> float:
    failed, failure = attempt.failure_probability or 0.0, attempt.failure_ms or 0.0
    if failed >= 1.0:
        return inf
    latency = slowest_ms if attempt.latency_ms is None else attempt.latency_ms
    return latency + failed / (1.0 - failed) * failure


def hope_rank(status: Status) -> int:
    """Return how early one that is not usable should be tried: lower is sooner."""
    return _HOPES.index(status)


def slowest(attempts: Iterable[Attempt]) -> float:
    """Return the slowest known latency, 0 where none is known."""
    return max((each.latency_ms for each in attempts if each.latency_ms is not None), default=0.0)
