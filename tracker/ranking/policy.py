"""What a ranking policy is: a pure callable over immutable candidates."""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from tracker.core.outcomes import Status
from tracker.core.snapshot import Ranked

SAMPLES = 192  # checks a candidate remembers: sixteen half-lives of the default policy

# Lower is better. Only the first two are usable; the rest says where they would stand.
TIERS = {Status.HEALTHY: 0, Status.DEGRADED: 1, Status.UNKNOWN: 2, Status.DOWN: 3}


class PolicyError(ValueError):
    """A policy that cannot be loaded, or whose answer is no ranking. Its text names the policy."""


@attrs.frozen
class Sample:
    """One check that counts here: an answer, a failure, or a limit, which fails a call as well.

    latency_ms: None where it failed or its latency is not known. failure_ms: how long a failure
    took, None where that is not known: then it is taken to have lasted until the time-out.
    """

    ok: bool
    latency_ms: float | None
    at: float  # seconds since the epoch
    failure_ms: float | None = None


@attrs.frozen(kw_only=True, eq=False)
class Candidate:
    """A usable provider as a policy sees it. ``samples``: newest last, at most SAMPLES.

    Compared by identity: a provider without a new check keeps its candidate, so a policy may
    remember what it worked out for one.
    """

    provider: str
    status: Status
    samples: tuple[Sample, ...] = ()
    consecutive_failures: int = 0
    timeout_ms: float = 10_000.0
    last_check: datetime | None = None

    @property
    def tier(self) -> int:
        return TIERS[self.status]

    def is_good(self, sample: Sample) -> bool:
        """Whether it was answered in time: a reply slower than the time-out is a failure."""
        return sample.ok and (sample.latency_ms is None or sample.latency_ms < self.timeout_ms)

    def placed(
        self,
        reason: str,
        *,
        expected_cost_ms: float | None = None,
        failure_probability: float | None = None,
        latency_ms: float | None = None,
    ) -> Ranked:
        """Its line in a policy's answer. ``reason``: a clause that can follow "NAME is first:"."""
        return Ranked(
            provider=self.provider,
            status=self.status,
            expected_cost_ms=expected_cost_ms,
            failure_probability=failure_probability,
            latency_ms=latency_ms,
            samples=len(self.samples),
            last_check=self.last_check,
            reason=reason,
        )


Policy = Callable[[Sequence[Candidate], str | None], Sequence[Ranked]]
"""Orders candidates, best first, each exactly once; the second argument is the present best.

Pure: the same candidates and incumbent give the same order, whatever the order of the input.
"""
