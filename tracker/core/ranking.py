"""The order of providers or offers at one instant: which to use, and which are left out."""

from datetime import datetime
from functools import cached_property
from itertools import chain, repeat, takewhile
from math import inf, isfinite

import attrs

from tracker.core.fallback_order import hope_rank, order_attempts, slowest
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource
from tracker.core.shares import share_out


@attrs.frozen(kw_only=True)
class Ranked:
    """A usable provider and the numbers that gave it its place."""

    provider: str
    status: Status
    expected_cost_ms: float | None
    failure_probability: float | None
    latency_ms: float | None
    samples: int
    last_check: datetime | None
    reason: str
    model: str | None = None  # the id to send, where offers of a model were ranked
    variant: str | None = None
    evidence: EvidenceSource | None = None
    weight: float = 0.0  # its share of a weighted choice; a ranking's weights sum to 1
    patience_ms: float | None = None  # how long to wait for an attempt before trying the next
    failure_ms: float | None = None  # how long its failures usually take
    timeout_ms: float = inf

    def complete(self, weight: float, usual_failure_ms: float) -> "Ranked":
        """Return the line with its share, and with everybody's failures where it had none."""
        failure = self.failure_ms
        if failure is None:
            failure = min(usual_failure_ms, self.timeout_ms)
        if self.weight == weight and self.failure_ms == failure:
            return self
        return Ranked(  # attrs.evolve takes five times as long, and there are thousands of lines
            provider=self.provider,
            status=self.status,
            expected_cost_ms=self.expected_cost_ms,
            failure_probability=self.failure_probability,
            latency_ms=self.latency_ms,
            samples=self.samples,
            last_check=self.last_check,
            reason=self.reason,
            model=self.model,
            variant=self.variant,
            evidence=self.evidence,
            weight=weight,
            patience_ms=self.patience_ms,
            failure_ms=failure if isfinite(failure) else None,
            timeout_ms=self.timeout_ms,
        )


@attrs.frozen(kw_only=True)
class Excluded:
    """A provider that must not be used now, and why. ``until``: when that may change, if known.

    may_answer: nothing says that a call would be refused, so it can be tried as a last resort.
    """

    provider: str
    reason: str
    until: datetime | None = None
    model: str | None = None  # where offers of a model were ranked
    status: Status = Status.UNKNOWN
    may_answer: bool = False


@attrs.frozen(kw_only=True)
class Ranking:
    """The usable providers, best first, and the excluded ones.

    valid_until: when the next check that could change it is due, or ends when all are in progress;
    None when none is planned.
    ordered: the lines as they were given. usual_failure_ms: the failure time to assume for a line
    that has none; None when the lines are complete. Lines are completed when first read, so a
    snapshot of thousands that nobody reads costs only what changed.
    """

    reason: str
    ordered: tuple[Ranked, ...] = attrs.field(default=(), alias="ranked")
    excluded: tuple[Excluded, ...] = ()
    valid_until: datetime | None = None
    policy: str = ""
    usual_failure_ms: float | None = None

    @cached_property
    def ranked(self) -> tuple[Ranked, ...]:
        """Return the lines; all shares of a weighted choice go to the best one's tier."""
        lines, usual = self.ordered, self.usual_failure_ms
        if usual is None or not lines:
            return lines
        best = list(takewhile(lambda line: line.status is lines[0].status, lines))
        shares = share_out([line.expected_cost_ms for line in best])
        return tuple(
            line.complete(share, usual)
            for line, share in zip(lines, chain(shares, repeat(0.0)), strict=False)
        )

    @property
    def best(self) -> str | None:
        """Return the provider to use now, None when none is usable."""
        return self.ordered[0].provider if self.ordered else None

    @property
    def best_model(self) -> str | None:
        """Return the id to send to the best one; None where no model was asked for."""
        return self.ordered[0].model if self.ordered else None

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Return which to fall back to when the best one fails: the least time to an answer."""
        others = order_attempts(self.ranked[1:], slowest(self.ranked))
        return tuple(ranked.provider for ranked in others)

    @property
    def last_resort(self) -> tuple[str, ...]:
        """Return which to try when all usable ones failed: the barred first, those down last."""
        hopes = sorted(
            (each for each in self.excluded if each.may_answer),
            key=lambda each: (
                hope_rank(each.status),
                inf if each.until is None else each.until.timestamp(),
                each.provider,
            ),
        )
        return tuple(each.provider for each in hopes)
