"""The actor that checks one provider and its offers, each on its own timer, until cancelled."""

from collections.abc import Mapping
from typing import Any

import attrs
import structlog
import trio

from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.settings import Provider, Timing
from tracker.probes.check import Check
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.check_plan import NEVER, CheckPlan
from tracker.runtime.check_requests import CheckRequests
from tracker.runtime.loop_monitor import LATE_SECONDS, STALL_SECONDS
from tracker.runtime.loop_stalls import discount_loop_stall
from tracker.runtime.mailbox import send
from tracker.runtime.messages import ActorMessage, CheckCompleted, CheckRescheduled

log = structlog.get_logger()

# Another check would show nothing new, and may lock the account.
NOT_CHECKED_EARLY = frozenset({OutcomeKind.AUTH, OutcomeKind.QUOTA_EXHAUSTED})
# A check is postponed by at least this. A few picoseconds added to the time do not change it, so
# the actor would loop without letting another task run.
LEAST_WAIT_SECONDS = 0.01
# Until a completion that a check under way has reserved may be free again: many checks take less.
RESERVED_SECONDS = 1.0


@attrs.define(eq=False)
class CheckActor:
    """Checks one provider and its offers, never two at once. ``beat`` is trio seconds.

    A new setting never interrupts a check: it takes effect after the current one.
    """

    provider: Provider
    shared: ActorContext
    beat: float = attrs.field(factory=trio.current_time)
    busy: bool = False
    _checking: str | None = None  # what is being checked now
    _plans: dict[str | None, CheckPlan] = attrs.field(factory=dict)  # by model; None: the provider
    _anchor: float = attrs.field(factory=trio.current_time)
    _requests: CheckRequests = attrs.field(factory=CheckRequests)
    _poked: trio.Event = attrs.field(factory=trio.Event)
    _log: Any = attrs.field(init=False)  # bound once: structlog's lazy one is built at each call

    def __attrs_post_init__(self) -> None:
        self._log = log.bind(provider=self.provider.name)
        self._update_plans(self._anchor)

    @property
    def due(self) -> float:
        """Return the trio seconds of the next check, whichever it is."""
        if len(self._plans) == 1:  # asked of ten thousand at once: without a generator
            return self._plans[None].due
        return min(plan.due for plan in self._plans.values())

    def overdue_at(self, now: float) -> float:
        """Return the seconds by which it is late; a check in progress may take its time-out.

        now: trio seconds.
        """
        due = self.beat + self.provider.timing.timeout_seconds if self.busy else self.due
        return max(now - due, 0.0)

    async def run(self, mailbox: trio.MemorySendChannel[ActorMessage]) -> None:
        """Check forever; closes ``mailbox`` when it is cancelled or crashes."""
        with mailbox:  # without a checkpoint, where a cancellation would take a crash's place
            while True:
                settings = self.provider
                async with self.shared.open_check(settings) as check:
                    check.remember(self.shared.learned.get(settings.name, {}))
                    while same_endpoint(self.provider, settings):
                        await self._wait()
                        plan = self._next_plan()
                        if plan is not None and same_endpoint(self.provider, settings):
                            await self._check_or_put_off(plan, check, mailbox)
                self._start_over()

    def request_check(self, model: str | None = None) -> bool:
        """Check as soon as may be, for real calls say other than the last check did.

        At most once in ``recheck_seconds[0]``; a wait that the provider asked for, and refused
        credentials or a spent quota, are honoured. False: no check will be made for this.
        """
        plan = self._plans.get(model)
        if plan is None or not self.shared.schedule or plan.outcome in NOT_CHECKED_EARLY:
            return False
        if self.busy and self._checking == model:
            plan.demand.repeat = True  # the current check may have started before the failure
            return False
        if plan.demand_check(trio.current_time()):
            self._poked.set()
        return plan.demand.pending

    async def check_now(self, model: str | None = None) -> CheckResult | None:
        """Make one check, or join one in progress; None if the actor was stopped meanwhile."""
        if model not in self._plans:
            return None
        request = self._requests.add(model)
        self._poked.set()
        await request.answered.wait()
        return request.result

    def update_settings(self, provider: Provider) -> tuple[CheckRescheduled, ...]:
        """Take new settings; return the plan of the provider and of each offer."""
        moved = not same_endpoint(provider, self.provider)
        self.provider = provider
        now = trio.current_time()
        self._update_plans(now)
        if self.shared.schedule:
            for plan in self._plans.values():
                plan.due = now if moved else plan.due
        self._poked.set()
        return tuple(self._reschedule(plan) for plan in self._plans.values())

    def resume(self, dues: Mapping[str | None, float | None]) -> None:
        """Go on where another tracker left off; dues: its plans in steady seconds, by model."""
        now, steady = trio.current_time(), self.shared.clock.steady()
        for plan in self._plans.values():
            if plan.left_to_others:
                plan.left_to_others = False
                due = dues.get(plan.model)
                plan.due = now if due is None else max(now, now + due - steady)
        self._poked.set()

    def end_budget_wait(self) -> None:
        """Make the checks now that were put off: there is a larger budget."""
        now = trio.current_time()
        for plan in self._plans.values():
            if plan.waits_for_budget:
                plan.due = max(now, plan.not_before)
        self._poked.set()

    def cancel_requests(self) -> None:
        """Answer everybody who waits: there will be no check."""
        self._requests.keep(())

    async def probe(self, check: Check, model: str | None = None) -> CheckResult:
        """Make one check within one scope: DNS, TLS, headers and body together."""
        clock, limit = self.shared.clock, self.provider.timing.timeout_seconds
        at, began = clock.now(), trio.current_time()
        self._log.debug("check started")
        result: CheckResult | None = None
        with trio.move_on_after(limit):
            result = await (check() if model is None else check.check_model(model))
        if result is None:
            known = check.partial_result()
            result = attrs.evolve(known, message=f"no complete answer within {limit:g} s")
        late = result.latency_stamped is False and result.kind.is_success
        result = discount_loop_stall(
            result,
            stall=self.shared.canary.stall_since(began, LATE_SECONDS if late else STALL_SECONDS),
            slow_ms=self.provider.timing.degraded_latency_ms,
        )
        self._log.debug("check ended", outcome=result.kind.value)
        if result.completions:
            self.shared.budget.spend(result.completions, clock.now())
        if result.learned:
            self.shared.learned[self.provider.name] = result.learned
        return attrs.evolve(result, provider=self.provider.name, at=at, model=model)

    def _update_plans(self, now: float) -> None:
        """Keep the plans of what is still watched; what is new is due at once."""
        first_due = now if self.shared.schedule else NEVER
        wanted: dict[str | None, Timing] = {None: self.provider.timing}
        model_timing = self.provider.model_timing
        wanted.update((model, model_timing) for model in self.provider.models)
        kept: dict[str | None, CheckPlan] = {}
        for model, timing in wanted.items():
            plan = self._plans.get(model)
            if plan is None:
                name = "/".join(filter(None, (self.provider.name, model)))
                plan = CheckPlan(name, timing, self._anchor, first_due, model)
            else:
                plan.timing = timing
                if self.shared.schedule:
                    plan.pull_forward(now)
            kept[model] = plan
        self._plans = kept
        self._requests.keep(kept.keys())

    def _start_over(self) -> None:
        """Check everything again: nothing is known of the new endpoint yet."""
        for plan in self._plans.values():
            plan.not_before = -NEVER
            if self.shared.schedule:
                plan.due = trio.current_time()

    async def _wait(self) -> None:
        if self._next_plan() is None:  # a cancel scope costs as much as the check itself
            with trio.move_on_at(self.shared.wakes.at(self.due)):
                await self._poked.wait()
        self._poked = trio.Event()

    def _next_plan(self) -> CheckPlan | None:
        """Return what to check now: what somebody asked for, else what is due, oldest first."""
        if waiting := self._requests.waiting:
            return self._plans[waiting[0].model]
        plan = self._plans[None]
        if len(self._plans) > 1:
            plan = min(self._plans.values(), key=lambda plan: plan.due)
        return plan if trio.current_time() >= plan.due else None

    async def _check_or_put_off(
        self, plan: CheckPlan, check: Check, mailbox: trio.MemorySendChannel[ActorMessage]
    ) -> None:
        if not self._requests.wants(plan.model):
            if self._leave_to_others(plan):
                return
            if self._must_wait_for_budget(plan):
                await mailbox.send(self._reschedule(plan, waits_for_budget=plan.waits_for_budget))
                return
            if self._may_skip(plan):
                plan.skip(trio.current_time())
                await mailbox.send(self._reschedule(plan))
                return
        await self.shared.pacer.turn(self.shared.wakes.together)
        if self._plans.get(plan.model) is not plan:  # a reload has taken it out meanwhile
            return
        # Meanwhile a reload may have lowered the budget, or other checks have spent it.
        if not self._requests.wants(plan.model) and self._must_wait_for_budget(plan):
            await mailbox.send(self._reschedule(plan, waits_for_budget=plan.waits_for_budget))
            return
        await self._check_and_report(plan, check, mailbox)

    def _leave_to_others(self, plan: CheckPlan) -> bool:
        """Put a check off that another tracker of the cluster makes; real calls may demand one."""
        wait = 0.0
        if not plan.demand.pending:
            wait = self.shared.gate(self.provider.name, plan.model, plan.timing.interval_seconds)
        plan.left_to_others = wait > 0.0
        if plan.left_to_others:
            plan.due = trio.current_time() + max(wait, LEAST_WAIT_SECONDS)
        return plan.left_to_others

    def _may_skip(self, plan: CheckPlan) -> bool:
        """Skip only a check on the grid that nobody demands, after one that was good."""
        if plan.demand.pending or plan.streak.length:
            return False
        return self.shared.skip_check(self.provider.name, plan.model)

    async def _check_and_report(
        self, plan: CheckPlan, check: Check, mailbox: trio.MemorySendChannel[ActorMessage]
    ) -> None:
        self.beat, self.busy, self._checking = trio.current_time(), True, plan.model
        plan.demand.pending = False
        try:
            with self.shared.budget.reserve(int(self._spends(plan))):
                result = await self.probe(check, plan.model)
        finally:
            self.beat, self.busy = trio.current_time(), False
        now, wall = trio.current_time(), self.shared.clock.now()
        plan.record(result, now)
        if self.shared.schedule:
            plan.plan_next(result, now, wall)
            plan.repeat_on_demand(result, now)
        message = CheckCompleted(result=result, next_due=self._steady(plan.due))
        if not self.shared.collect(message):
            await send(mailbox, message)
        self._requests.answer(result)

    def _spends(self, plan: CheckPlan) -> bool:
        return plan.model is not None or self.provider.check == "chat"

    def _must_wait_for_budget(self, plan: CheckPlan) -> bool:
        """Put a check that spends completions off to midnight UTC once the day's are spent.

        Where checks under way may spend the rest, it is tried again soon: they may not spend it.
        """
        now, budget = self.shared.clock.now(), self.shared.budget
        if not self._spends(plan) or not budget.is_reserved(now):
            return False
        plan.waits_for_budget = budget.is_exhausted(now)
        wait = RESERVED_SECONDS
        if plan.waits_for_budget:
            wait = max((budget.resets_at(now) - now).total_seconds(), LEAST_WAIT_SECONDS)
        plan.due = trio.current_time() + wait
        return True

    def _reschedule(self, plan: CheckPlan, *, waits_for_budget: bool = False) -> CheckRescheduled:
        return CheckRescheduled(
            provider=self.provider.name,
            model=plan.model,
            next_due=self._steady(plan.due),
            waits_for_budget=waits_for_budget,
        )

    def _steady(self, due: float) -> float | None:
        if due == NEVER:
            return None
        return self.shared.clock.steady() + due - trio.current_time()


def same_endpoint(one: Provider, other: Provider) -> bool:
    """Return whether a check opened for one fits the other: only what is timed may differ."""
    if one is other:
        return True
    timed = attrs.evolve(
        one,
        timing=other.timing,
        models=other.models,
        model_interval_seconds=other.model_interval_seconds,
    )
    return timed == other
