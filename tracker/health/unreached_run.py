"""Checks that did not reach a provider, kept until the cause is known. Pure."""

from collections.abc import Iterator

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, OutcomeKind
from tracker.core.records import CorrectionRecord
from tracker.health.own_network import UNREACHED
from tracker.health.status_rules import OUR_NETWORK
from tracker.health.target_state import TargetSettings, TargetState

# A fault of our network is noticed within a round of checks and re-checks; older failures count.
UNREACHED_KEPT = 20


@attrs.define(eq=False)
class UnreachedRun:
    """Consecutive checks that did not reach the provider, and the state before them.

    Kept so that they can be undone if our own network turns out to be the cause.
    """

    before: TargetState | None = None
    results: list[CheckResult] = attrs.field(factory=list)

    def note(self, result: CheckResult, target: TargetState) -> "UnreachedRun":
        """Return the run after one more check; target: the state before that check."""
        if result.kind not in UNREACHED:
            return self if result.kind.is_ours else UnreachedRun()
        before = attrs.evolve(target) if self.before is None else self.before
        return UnreachedRun(before, [*self.results, result][-UNREACHED_KEPT:])

    def take_back(
        self, target: TargetState, settings: TargetSettings, now: ClockReading
    ) -> TargetState:
        """Return the state as if these checks had told nothing; the plan stays that of target."""
        assert self.before is not None
        after = attrs.evolve(self.before, next_due=target.next_due)
        for result in self.results:
            after = after.after(_blame_us(result), target.next_due, settings, now)
            after.statistics.uncount(result.at.timestamp())
        after.stale_at = target.stale_at
        return after

    def corrections(self, provider: str) -> Iterator[CorrectionRecord]:
        """Yield what to correct in the store."""
        for result in self.results:
            message = _blame_us(result).message
            yield CorrectionRecord(provider=provider, at=result.at, message=message)


def _blame_us(result: CheckResult) -> CheckResult:
    return CheckResult(
        kind=OutcomeKind.INTERNAL,
        provider=result.provider,
        at=result.at,
        message=f"{OUR_NETWORK}: {result.message}"[:MESSAGE_LENGTH],
    )
