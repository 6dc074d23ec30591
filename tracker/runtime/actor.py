"""The actor that checks one provider on its own timer, for ever."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind
from tracker.core.settings import Provider
from tracker.health.health_state import blocked_for
from tracker.health.schedule import Grid, Streak, next_due, recheck_delay
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.messages import ActorMessage, CheckCompleted, CheckRescheduled
from tracker.runtime.start_limiter import StartLimiter

log = structlog.get_logger()

# It may have ``cut_off()``, for one that was cancelled: a CheckResult with what is known of it.
Check = Callable[[], Awaitable[CheckResult]]
OpenCheck = Callable[[Provider], AbstractAsyncContextManager[Check]]
NEVER = float("inf")
# Asking again tells nothing new, and may lock an account (CONTRACT 4, Scheduling).
NOT_CHECKED_EARLY = frozenset({OutcomeKind.AUTH, OutcomeKind.QUOTA_EXHAUSTED})


def never(_: str) -> bool:
    """Skip no check."""
    return False


@attrs.define
class ActorContext:
    """What all actors of a tracker share. ``schedule`` False: checks only on request.

    skip_check: whether a provider's scheduled check, due now, can be left out.
    """

    open_check: OpenCheck
    clock: Clock = attrs.field(factory=Clock)
    canary: LoopMonitor = attrs.field(factory=LoopMonitor)
    pacer: StartLimiter = attrs.field(factory=StartLimiter)
    schedule: bool = True
    skip_check: Callable[[str], bool] = never


@attrs.define(eq=False)
class _CheckRequest:
    """Somebody waits for a check; answered with its outcome."""

    answered: trio.Event = attrs.field(factory=trio.Event)
    outcome: CheckResult | None = None


@attrs.define(eq=False)
class CheckActor:
    """Checks one provider. ``due`` and ``beat`` are trio seconds.

    A check is never cut short by a new setting: it takes effect after the check under way.
    """

    provider: Provider
    shared: ActorContext
    due: float = -NEVER
    beat: float = attrs.field(factory=trio.current_time)
    busy: bool = False
    _not_before: float = -NEVER  # the provider asked us to wait until then
    _streak: Streak = Streak()
    _outcome: OutcomeKind | None = None
    _requested: float = -NEVER  # when a check was last due because of real calls
    _demanded: bool = False  # the next check is made because of them
    _repeat: bool = False  # they were told of during a check: once more after it
    _anchor: float = attrs.field(factory=trio.current_time)
    _requests: list[_CheckRequest] = attrs.field(factory=list)
    _poked: trio.Event = attrs.field(factory=trio.Event)
    _log: Any = attrs.field(init=False)  # bound once: structlog's lazy one is built at each call

    def __attrs_post_init__(self) -> None:
        self._log = log.bind(provider=self.provider.name)
        self.due = self._anchor if self.shared.schedule else NEVER

    async def run(self, mailbox: trio.MemorySendChannel[ActorMessage]) -> None:
        """Never returns; closes ``mailbox`` when it is cancelled or crashes."""
        async with mailbox:
            while True:
                settings = self.provider
                async with self.shared.open_check(settings) as check:
                    while same_endpoint(self.provider, settings):
                        await self._wait()
                        if self._is_due() and same_endpoint(self.provider, settings):
                            if self._may_skip():
                                await self._skip(mailbox)
                            else:
                                await self._check_and_report(check, mailbox)
                self._not_before = -NEVER
                if self.shared.schedule:
                    self.due = trio.current_time()  # nothing is known of the new endpoint yet

    def request_check(self) -> bool:
        """Check as soon as may be, for real calls say other than the last check did.

        At most once in ``recheck_seconds[0]``; a wait that the provider asked for, and refused
        credentials or a spent quota, are honoured. False: no check will be made for this.
        """
        if not self.shared.schedule or self._outcome in NOT_CHECKED_EARLY:
            return False
        if self.busy:
            self._repeat = True  # the one under way may have begun before the failure
            return False
        soonest = max(self._requested + recheck_delay(self.provider.timing, 1), self._not_before)
        due = max(soonest, trio.current_time())
        if due < self.due:
            self.due = self._requested = due
            self._demanded = True
            self._poked.set()
        return self._demanded

    async def check_now(self) -> CheckResult | None:
        """One check, joining the one under way; None when the actor was stopped meanwhile."""
        request = _CheckRequest()
        self._requests.append(request)
        self._poked.set()
        await request.answered.wait()
        return request.outcome

    def update_settings(self, provider: Provider) -> float | None:
        """Take new settings; returns the steady time of the next check, None: only on request."""
        moved = not same_endpoint(provider, self.provider)
        self.provider = provider
        if self.shared.schedule:
            now = trio.current_time()
            sooner = max(min(self.due, self._grid().after(now)), self._not_before)
            self.due = now if moved else sooner
        self._poked.set()
        return self._steady(self.due)

    def cancel_requests(self) -> None:
        """Answer everybody who waits: there will be no check."""
        self._answer(None)

    @property
    def overdue(self) -> float:
        """Seconds by which it missed its own plan; a check under way may take its time-out."""
        grace = self.provider.timing.timeout_seconds if self.busy else 0.0
        started = self.beat if self.busy else self.due
        return max(trio.current_time() - started - grace, 0.0)

    async def _wait(self) -> None:
        if not self._is_due():  # a scope that has ended already costs as much as the check's own
            with trio.move_on_at(self.due):
                await self._poked.wait()
        self._poked = trio.Event()

    def _may_skip(self) -> bool:
        """Only a check of the grid that nobody asked for, after one that was good."""
        wanted = self._requests or self._demanded or self._streak.length
        return not wanted and self.shared.skip_check(self.provider.name)

    async def _skip(self, mailbox: trio.MemorySendChannel[ActorMessage]) -> None:
        self.due = self._grid().after(trio.current_time())
        next_due = self._steady(self.due)
        await mailbox.send(CheckRescheduled(provider=self.provider.name, next_due=next_due))

    def _is_due(self) -> bool:
        return bool(self._requests) or trio.current_time() >= self.due

    async def _check_and_report(
        self, check: Check, mailbox: trio.MemorySendChannel[ActorMessage]
    ) -> None:
        await self.shared.pacer.turn()
        self.beat, self.busy, self._demanded = trio.current_time(), True, False
        try:
            outcome = await self.probe(check)
        finally:
            self.beat, self.busy = trio.current_time(), False
        self._plan(outcome)
        await mailbox.send(CheckCompleted(result=outcome, next_due=self._steady(self.due)))
        self._answer(outcome)

    async def probe(self, check: Check) -> CheckResult:
        """One check within one scope: DNS, TLS, headers and body together."""
        clock, limit = self.shared.clock, self.provider.timing.timeout_seconds
        at, began = clock.now(), trio.current_time()
        self._log.debug("check started")
        finding: CheckResult | None = None
        with trio.move_on_after(limit):
            finding = await check()
        if finding is None:
            known = getattr(check, "cut_off", _nothing_known)()
            finding = attrs.evolve(known, message=f"no whole answer within {limit:g} s")
        finding = discount_loop_stall(
            finding,
            stall=self.shared.canary.stall_since(began),
            slow_ms=self.provider.timing.degraded_latency_ms,
        )
        self._log.debug("check ended", outcome=finding.kind.value)
        return attrs.evolve(finding, provider=self.provider.name, at=at)

    def _plan(self, outcome: CheckResult) -> None:
        self._streak, self._outcome = self._streak.after(outcome.kind), outcome.kind
        now, wait = trio.current_time(), outcome.retry_after
        if wait is not None or outcome.kind.is_success:
            self._not_before = -NEVER if wait is None else now + wait
        if not self.shared.schedule:
            return
        due = next_due(
            outcome,
            streak=self._streak,
            ended=now,
            blocked_for=blocked_for(outcome, self.shared.clock.now()),
            grid=self._grid(),
            timing=self.provider.timing,
        )
        if self._repeat and outcome.kind.is_success:
            self._requested = now + recheck_delay(self.provider.timing, 1)
            due, self._demanded = min(due, self._requested), True
        self._repeat = False
        self.due = max(due, self._not_before)

    def _grid(self) -> Grid:
        timing = self.provider.timing
        return Grid(
            name=self.provider.name,
            anchor=self._anchor,
            interval=timing.interval_seconds,
            jitter=timing.jitter,
        )

    def _steady(self, due: float) -> float | None:
        if due == NEVER:
            return None
        return self.shared.clock.steady() + due - trio.current_time()

    def _answer(self, outcome: CheckResult | None) -> None:
        requests, self._requests = self._requests, []
        for request in requests:
            request.outcome = outcome
            request.answered.set()


def _nothing_known() -> CheckResult:
    return CheckResult(kind=OutcomeKind.TIMEOUT, facts=Facts(reachable=False))


def same_endpoint(one: Provider, other: Provider) -> bool:
    """Whether a check opened for one still fits the other: only their timing may differ."""
    return one is other or attrs.evolve(one, timing=other.timing) == other


def discount_loop_stall(finding: CheckResult, *, stall: float, slow_ms: float) -> CheckResult:
    """The finding without what our own stalled event loop did to it; slow where it was slow."""
    if stall and finding.kind.is_success:
        return attrs.evolve(
            finding,
            latency_ms=None,
            ttft_ms=None,
            message=f"our event loop stalled for {stall:.1f} s: its latency is not known",
        )
    if stall and finding.kind.is_failure:
        message = f"our event loop stalled for {stall:.1f} s during the check"
        return CheckResult(
            kind=OutcomeKind.INTERNAL,
            message=message,
            requests=finding.requests,
            completions=finding.completions,
        )
    if finding.kind is OutcomeKind.OK and finding.latency_ms and finding.latency_ms > slow_ms:
        return attrs.evolve(finding, kind=OutcomeKind.SLOW)
    return finding
