"""How the aggregator handles messages from actors: results, new plans, crashes."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import attrs
import structlog

from tracker.core.addresses import is_loopback_host
from tracker.core.clock import Clock
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult, Facts, OutcomeKind
from tracker.core.redaction import Mask
from tracker.health.own_network import OwnNetwork
from tracker.health.provider_state import ProviderState
from tracker.health.status_rules import OUR_NETWORK
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.first_sweep import FirstSweep
from tracker.runtime.messages import ActorCrashed, ActorMessage, CheckCompleted, CheckRescheduled
from tracker.runtime.traffic import TrafficRecorder
from tracker.store.backlog import Backlog
from tracker.store.clock_trust import ToldTime

log = structlog.get_logger()


@attrs.define(eq=False, kw_only=True)
class CheckRecorder:
    """Applies each result, detects failures of our own network, and queues the row.

    providers: the state of those that are watched, by name.
    """

    providers: Mapping[str, ProviderState]
    clock: Clock
    backlog: Backlog
    change_log: ChangeLog
    traffic: TrafficRecorder
    sweep: FirstSweep
    network: OwnNetwork = attrs.field(factory=OwnNetwork)
    told: ToldTime = attrs.field(factory=ToldTime)
    # bound once: structlog's lazy one is built at each call
    _log: Any = attrs.field(factory=log.bind, init=False)

    def handle(self, message: ActorMessage, mask: Mask) -> None:
        """Apply one message of an actor. mask: hides the secrets in a crash's texts."""
        match message:
            case CheckCompleted(result=result, next_due=next_due):
                self._record(result, next_due)
            case CheckRescheduled():
                self._reschedule(message)
            case ActorCrashed():
                self._record_crash(message, mask)

    def _record(
        self, result: CheckResult, next_due: float | None, *, given_up: str | None = None
    ) -> None:
        state = self.providers.get(result.provider)
        if state is None:
            return  # the provider was removed while its last result was on its way
        self._log_result(result)  # before any change: in an embedding program a logger may raise
        self.change_log.models(result.provider, state.models, result.models, result.at)
        for retirement in state.note_retirements(result):
            self.change_log.retirement(result.provider, retirement, result.at)
        result = self._blame_network(result)
        now = self.clock.read()
        record = state.record_check(result, next_due, now, given_up=given_up)
        self.backlog.append(record)
        self.traffic.note_check(result, now)
        self.sweep.forget(result.provider)
        if result.told_date and not _has_our_clock(state.provider.base_url):
            self.told.note(result.provider, result.told_date, now.steady)

    def _blame_network(self, result: CheckResult) -> CheckResult:
        """Turn a failure of our own network into one that counts against no provider."""
        was_away = self.network.away
        ours = self.network.record(result)
        if self.network.away != was_away:
            log.warning(
                "our network cannot be reached" if ours else "our network is back",
                providers=len(self.network.suspects),
            )
        if ours or was_away:
            self._apply_network()
        if not ours:
            return result
        message = f"{OUR_NETWORK}: {result.message}"[:MESSAGE_LENGTH]
        return attrs.evolve(result, kind=OutcomeKind.INTERNAL, message=message, facts=Facts())

    def _apply_network(self) -> None:
        now = self.clock.read()
        for name, state in self.providers.items():
            away = self.network.away and name in self.network.suspects
            for correction in state.set_network_away(away, now):
                self.backlog.append(correction)

    def _reschedule(self, plan: CheckRescheduled) -> None:
        if plan.waits_for_budget and plan.model is None:
            self.sweep.forget(plan.provider)  # the first sweep does not wait until midnight for it
        if (state := self.providers.get(plan.provider)) is not None:
            state.reschedule(
                plan.next_due,
                self.clock.read(),
                model=plan.model,
                waits_for_budget=plan.waits_for_budget,
            )

    def _record_crash(self, crash: ActorCrashed, mask: Mask) -> None:
        error = mask(crash.error)[:MESSAGE_LENGTH]
        log.error(
            "actor crashed",
            provider=crash.provider,
            error=error,
            crashes=crash.count,
            given_up=crash.spent,
            trace=mask(crash.trace),
        )
        state = self.providers.get(crash.provider)
        if state is None:
            return
        result = CheckResult(
            kind=OutcomeKind.INTERNAL,
            provider=crash.provider,
            at=self.clock.now(),
            message=f"bug in the tracker, the check crashed: {error}"[:MESSAGE_LENGTH],
            requests=0,
        )
        self._record(result, state.target.next_due, given_up=error if crash.spent else None)

    def _log_result(self, result: CheckResult) -> None:
        self._log.info(
            "checked",
            provider=result.provider,
            **({"model": result.model} if result.model else {}),
            outcome=result.kind.value,
            milliseconds=None if result.latency_ms is None else round(result.latency_ms, 1),
            **({"message": result.message} if result.message else {}),
        )


@lru_cache(maxsize=20_000)
def _has_our_clock(base_url: str) -> bool:
    """Return whether it runs on this machine: its clock is ours, and proves nothing."""
    return is_loopback_host(urlsplit(base_url).hostname or "")
