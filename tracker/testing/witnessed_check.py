"""A fake check that reports each result to a witness before the tracker gets it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import attrs
import trio

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.request_shape import RequestShape
from tracker.core.settings import Provider
from tracker.testing.check_accounting import Target
from tracker.testing.clocks import VirtualClock
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.oracle import ObservedCheck


class Witness(Protocol):
    """Receives each check before the tracker. ``now``: steady seconds."""

    clock: VirtualClock

    @property
    def now(self) -> float: ...

    def begins(self, target: Target) -> None: ...

    def ended(self, target: Target, seen: ObservedCheck) -> None: ...


@attrs.frozen
class WitnessedCheck:
    """The check of one provider, and of each of its offers."""

    witness: Witness
    check: FakeCheck
    provider: Provider

    async def __call__(self) -> CheckResult:
        return await self._ask(None, self.check)

    async def check_model(self, model: str) -> CheckResult:
        self.witness.begins((self.provider.name, model))
        return await self._ask(model, lambda: self.check.check_model(model))

    def partial_result(self) -> CheckResult:
        return self.check.partial_result()

    def remember(self, learned: Mapping[str, RequestShape]) -> None:
        self.check.remember(learned)

    async def _ask(
        self, model: str | None, ask: Callable[[], Awaitable[CheckResult]]
    ) -> CheckResult:
        at, began = self.witness.clock.now(), self.witness.now
        timing = self.provider.timing
        try:
            finding = await ask()
        except trio.Cancelled:  # the actor's time-out or its end
            if self.witness.now >= began + timing.timeout_seconds:
                self._saw(model, at, self.check.partial_result())
            raise
        except Exception:
            crash = CheckResult(kind=OutcomeKind.INTERNAL)
            self._saw(model, self.witness.clock.now(), crash)
            raise
        self._saw(model, at, finding)
        return finding

    def _saw(self, model: str | None, at: datetime, finding: CheckResult) -> None:
        kind, latency = finding.kind, finding.latency_ms
        slow_ms = self.provider.timing.degraded_latency_ms
        if kind is OutcomeKind.OK and latency is not None and latency > slow_ms:
            kind = OutcomeKind.SLOW
        seen = ObservedCheck(
            at=at,
            ended=self.witness.now,
            ended_at=self.witness.clock.now(),
            kind=kind,
            latency_ms=latency,
            reset_in=finding.retry_after,
            completions=finding.completions,
        )
        self.witness.ended((self.provider.name, model), seen)
