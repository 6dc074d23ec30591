"""Which checks this tracker makes: those it has leases of, and what nobody else would check."""

from collections.abc import Collection, Iterable
from datetime import datetime

import attrs
import trio

from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.news import NewsReader
from tracker.cluster.shipper import Shipper
from tracker.core.cluster import SharedNews
from tracker.core.settings import ClusterSettings
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.supervisor import Supervisor

# In intervals: if the newest result of a provider from any tracker is older, a tracker that cannot
# know better may check it: the one that would hold the lease before the others. Less than two
# intervals (late) and three (stale).
ENOUGH_INTERVALS = 1.5
OTHERS_ENOUGH_INTERVALS = 1.8
LATE_INTERVALS = 2.5
# A tracker that reaches the hub knows better: a holder that died is replaced within a lease and two
# beats. Only a holder that lives and makes no checks lets evidence grow older than that.
TAKEOVER_BEATS = 4.0
FIRST_BEATS = 3.0  # after a start: by then a tracker that was there before has sent its checks
HANDED_OVER_SECONDS = 1.0  # after a check has ended it is stored, and on its way to the hub
START_SECONDS = 5.0  # to reach the hub; then the tracker starts without it
ASK_AGAIN_SECONDS = 0.2


@attrs.define(eq=False)
class CheckSharing:
    """Shares the checks with the other trackers of a vantage. See decision 8, who makes a check.

    solo_checks: made without a lease, because the others' evidence was too old. began: when this
    tracker joined, in trio's seconds.
    """

    settings: ClusterSettings
    aggregator: Aggregator
    supervisor: Supervisor
    keeper: LeaseKeeper
    shipper: Shipper
    reader: NewsReader
    solo_checks: int = 0
    began: float = float("inf")
    # Since when, in steady seconds: their last holder's checks are not known yet.
    _gained: dict[str, float] = attrs.field(factory=dict)
    _unproven: dict[str, float] = attrs.field(factory=dict)
    # When others last checked it, on our steady clock, as their wall clocks may be wrong.
    _heard: dict[tuple[str, str | None], float] = attrs.field(factory=dict)

    def gate(self, name: str, model: str | None, interval: float) -> float:
        """Return the seconds for which another's checks of this are enough; 0: check it now."""
        if self.keeper.holds(name):
            self._unproven.pop(name, None)
            return self._wait_for_last_holder(name, interval)
        if trio.current_time() - self.began < START_SECONDS and not self.is_settled:
            return ASK_AGAIN_SECONDS
        wait = 0.0 if self._is_first else self._wait_for_others(name, model, interval)
        if wait <= 0.0:
            self.solo_checks += 1
        return max(wait, 0.0)

    def note(self, news: SharedNews) -> None:
        """Take note of when others checked, as the hub's clock has it."""
        now = self.keeper.clock.steady()
        for state in news.states:
            self._heard[state.provider, state.model] = now - state.age

    def gain(self, names: Collection[str]) -> None:
        """Check these from now on; first learn what their last holder did until it let go."""
        self._gained |= dict.fromkeys(names, self.keeper.clock.steady())
        self.reader.notify()

    def keeps_plan(self, name: str) -> bool:
        """Return whether we plan its checks, and no longer somebody else."""
        return self.keeper.holds(name) and name not in self._gained

    def resume(self, until: float) -> None:
        """Go on where the last holders of what we gained left off, known up to this moment."""
        known = [name for name, gained in self._gained.items() if gained <= until]
        for name in known:
            del self._gained[name]
        self._resume(known)

    def is_handed_over(self, name: str) -> bool:
        """Return whether the hub has all checks of it that were made here."""
        idle = self.supervisor.idle_seconds(name)
        stored = self.keeper.clock.steady() - idle + HANDED_OVER_SECONDS
        return idle >= HANDED_OVER_SECONDS and self.shipper.has_all_until(stored)

    def go_alone(self) -> None:
        """Check everything by its plan: no lease is held, and none can be claimed."""
        self._resume(self.aggregator.providers)

    def _resume(self, names: Iterable[str]) -> None:
        for name in names:
            if (state := self.aggregator.providers.get(name)) is not None:
                dues: dict[str | None, float | None] = {None: state.target.next_due}
                dues |= {model: offer.target.next_due for model, offer in state.offers.items()}
                self.supervisor.resume(name, dues)

    @property
    def is_settled(self) -> bool:
        """Return whether the hub was asked: what others know is known, or it is away."""
        return self.keeper.cut_off or (self.reader.read and self.keeper.turns > 0)

    def _wait_for_last_holder(self, name: str, interval: float) -> float:
        """Wait until it is known what was done before us, or must have been long ago."""
        gained = self._gained.get(name)
        if gained is None:
            return 0.0
        longest = min(interval / 2.0, self.settings.lease_seconds)
        left = gained + longest - self.keeper.clock.steady()
        if left > 0.0:
            return min(left, ASK_AGAIN_SECONDS)
        del self._gained[name]
        return 0.0

    def _wait_for_others(self, name: str, model: str | None, interval: float) -> float:
        keeper = self.keeper
        if keeper.cut_off:
            return 0.0
        if not self.reader.is_current:
            # this process was suspended: others may have checked it meanwhile
            return ASK_AGAIN_SECONDS
        if self._is_new and self._age < self._beats(FIRST_BEATS):
            return (
                ASK_AGAIN_SECONDS  # news of the trackers that were there before may be on its way
            )
        state = self.aggregator.providers.get(name)
        health = None if state is None else state.health_of(model)
        enough = self._enough(name, interval)
        if health is None or health.last_check is None:
            # No tracker has checked it, and leases are not available right after a start.
            if self._is_new and keeper.membership.would_hold(name):
                return 0.0
            since = self._unproven.setdefault(name, trio.current_time())
            first = self.settings.lease_seconds + self._beats(2.0)
            return min(since + first + enough - trio.current_time(), 2.0)
        age = self._age_of(name, model, health.last_check)
        return min(enough - age, max(interval / 2.0, ASK_AGAIN_SECONDS))

    def _enough(self, name: str, interval: float) -> float:
        """Return the age in seconds from which others' evidence is not enough any more."""
        ours = self.keeper.membership.would_hold(name)
        enough = interval * (ENOUGH_INTERVALS if ours else OTHERS_ENOUGH_INTERVALS)
        lease = self.settings.lease_seconds
        if self.keeper.is_failing:  # leases of old are still believed in, unless it is stale soon
            enough = max(enough, min(lease, interval * LATE_INTERVALS))
        elif self._knows_better:
            taken_over = interval + lease + self._beats(TAKEOVER_BEATS)
            enough = max(enough, taken_over if ours else taken_over + lease)
        return enough

    def _beats(self, number: float) -> float:
        return number * self.settings.beat_seconds

    @property
    def _age(self) -> float:
        return trio.current_time() - self.began

    @property
    def _is_new(self) -> bool:
        """Return whether we have just started, and could not claim any lease yet."""
        first = self.settings.lease_seconds + self._beats(FIRST_BEATS)
        return self._age < first and not self.keeper.membership.tokens

    @property
    def _is_first(self) -> bool:
        return self.keeper.membership.is_first(self.keeper.clock.steady())

    @property
    def _knows_better(self) -> bool:
        """Return whether one tracker, and another than we, checks what we have no lease of."""
        failing = self.shipper.is_failing or self.reader.is_failing
        return not (failing or self._is_new or not self.keeper.membership.met)

    def _age_of(self, name: str, model: str | None, last_check: datetime) -> float:
        """Return the seconds since its last check by any tracker; no clock of others is read."""
        age = (self.keeper.clock.now() - last_check).total_seconds()
        heard = self._heard.get((name, model))
        if heard is None:
            return age
        since_heard = self.keeper.clock.steady() - heard
        return since_heard if age < 0.0 else min(age, since_heard)
