"""Passing on what real calls show to the providers' states, the actors and the store."""

from collections.abc import Callable, Iterable, Mapping

import attrs
import structlog

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult
from tracker.core.traffic import StoredTraffic, TrafficBatch
from tracker.health.health_state import HealthState
from tracker.health.provider_state import ProviderState
from tracker.reports.call import Call
from tracker.reports.evidence import Target
from tracker.reports.ledger import TrafficLedger
from tracker.reports.trust import UntrustedReporter
from tracker.store.backlog import Backlog

log = structlog.get_logger()

# Calls are stored as counts: a row for each key, model and outcome in this many seconds.
STORE_SECONDS = 10.0
# With traffic a provider changes all the time; people read at most once a second.
SHOW_SECONDS = 1.0
MOST_SHOWN = 2  # providers per snapshot: one with dozens of models takes half a millisecond
NEVER = float("inf")


def _nobody(_: str, __: Target) -> bool:
    return False


@attrs.define(eq=False)
class TrafficRecorder:
    """How the aggregator handles reported calls. request_check: asks an actor for a check.

    Times are steady seconds.
    """

    backlog: Backlog
    ledger: TrafficLedger = attrs.field(factory=TrafficLedger)
    request_check: Callable[[str, Target], bool] = _nobody
    _stored_at: float = -float("inf")
    _handed: TrafficBatch | None = None  # the last one given to the backlog
    _unshown: dict[str, float] = attrs.field(factory=dict)  # when new calls are due to be shown

    def record(
        self, calls: tuple[Call, ...], states: Mapping[str, ProviderState], now: ClockReading
    ) -> bool:
        """Take new calls; True when a provider's health changed by them.

        The same calls given again are those that a crash interrupted: none is counted twice.
        """
        changed = False
        for name, mine in _by_provider(calls).items():
            if (state := states.get(name)) is not None:  # a reload may have removed it
                changed |= self._record(state, mine, now, calls)
        self.store(now)
        return changed

    def note_check(self, result: CheckResult, now: ClockReading) -> None:
        """Take note of a check that was made."""
        before = self.ledger.untrusted(now)
        self.ledger.note_check(result, now)
        for lost in set(self.ledger.untrusted(now)) - set(before):
            log.warning(
                "reports of a reporter are ignored for a while",
                reporter=lost.reporter,
                reason="no check confirmed the failures it reported, three times in a row",
            )

    def choose_shown(self, now: ClockReading, *, everything: bool) -> frozenset[str]:
        """Choose whose calls the next snapshot brings up to date: few at once, in turn.

        everything: all are due, even without a new call: minutes move out of the window.
        """
        if everything:
            for name in self.ledger.told_of:
                self._unshown.setdefault(name, now.steady)
        due = sorted((at, name) for name, at in self._unshown.items() if at <= now.steady)
        return frozenset(name for _, name in due[:MOST_SHOWN])

    def show(self, state: ProviderState, now: ClockReading) -> None:
        """Bring what a provider's state shows of its calls up to date."""
        name, keys = state.provider.name, len(state.provider.keys)
        self._unshown.pop(name, None)
        if (traffic := self.ledger.traffic(name)) is None:
            return
        state.update_traffic(
            self.ledger.view(name, now),
            {target: traffic.barred_until(now, keys, target) for target in (None, *state.offers)},
        )

    @property
    def next_show(self) -> float:
        """Return when calls that are not shown yet are to be: a snapshot is due then."""
        return min(self._unshown.values(), default=NEVER)

    def may_skip(self, state: ProviderState | None, target: Target, now: ClockReading) -> bool:
        """Return whether the scheduled check that is due now can be left out; it counts then."""
        health = None if state is None else state.health_of(target)
        if state is None or health is None or not _is_well(health):
            return False
        return self.ledger.skip_check(state.provider.name, target, now)

    def restore(self, stored: StoredTraffic, now: ClockReading) -> None:
        """Carry on from what is stored of the last day."""
        self.ledger.restore(stored, now)

    def store(self, now: ClockReading) -> None:
        """Hand some counts over to the store when it is time: the first after a pause at once.

        While the last ones wait for a database that is away, those of a minute are merged here.
        """
        if now.steady < self.next_store or self._is_waiting():
            return
        if (batch := self.ledger.take_batch(now)) is not None:
            self._handed = batch
            self.backlog.append(batch)
        if not self.ledger.has_unstored:
            self._stored_at = now.steady

    @property
    def next_store(self) -> float:
        """Return when counts are handed over next: not while there are none."""
        return self._stored_at + STORE_SECONDS if self.ledger.has_unstored else NEVER

    def store_all(self, now: ClockReading) -> None:
        """Hand everything over: it is the end."""
        while (batch := self.ledger.take_batch(now)) is not None:
            self.backlog.append(batch)

    def _is_waiting(self) -> bool:
        return self._handed is not None and self.backlog.holds(self._handed)

    def forget(self, name: str) -> None:
        """Drop what was reported of a provider that was removed."""
        self.ledger.forget(name)
        self._unshown.pop(name, None)

    def untrusted(self, now: ClockReading) -> tuple[UntrustedReporter, ...]:
        """Return the reporters that are not believed now, and until when."""
        return self.ledger.untrusted(now)

    def _record(
        self, state: ProviderState, calls: list[Call], now: ClockReading, message: object
    ) -> bool:
        name, offers = state.provider.name, frozenset(state.offers)
        targets: tuple[Target, ...] = (None, *offers)
        down = frozenset(t for t in targets if (h := state.health_of(t)) is not None and h.down)
        urgent = any(call.limit is not None for call in calls)
        self._unshown.setdefault(name, now.steady + SHOW_SECONDS)
        if urgent:
            self._unshown[name] = -NEVER
        conclusion = self.ledger.take(name, calls, now, offers=offers, down=down, message=message)
        for target, accusers in conclusion.checks.items():
            if self.request_check(name, target):
                self.ledger.accuse(name, target, accusers)
        minute = conclusion.failed_minute
        if minute is None:
            return urgent
        log.info("minute of calls counts as a failed check", provider=name, reason=minute.message)
        for target in conclusion.failed:
            # One reporter alone may mark an offer as down, but not its provider.
            lone = target is None and (minute.lone_reporter or not minute.agreed)
            state.record_failed_minute(minute.message, model=target, lone_reporter=lone)
        return True


def _by_provider(calls: Iterable[Call]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(call.provider, []).append(call)
    return found


def _is_well(health: HealthState) -> bool:
    """Return whether it works: only checks find a recovery and the end of a limit."""
    good = health.outcome is not None and health.outcome.is_success
    troubled = health.down or health.recovery is not None or health.consecutive_failures
    limited = health.blocked_until is not None or health.waiting_until is not None
    return good and not (troubled or limited or health.traffic.failure)
