"""The part of a tracker in its cluster. Imported only with [cluster] configured."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.cluster.alerts import SharedAlerts
from tracker.cluster.hub import HubAway, MemberInfo
from tracker.cluster.leases import NOT_REACHED_YET, LeaseKeeper
from tracker.cluster.membership import HERALD
from tracker.cluster.news import NewsReader
from tracker.cluster.places import describe_distance
from tracker.cluster.roll_ups import to_buckets
from tracker.cluster.shipper import Shipper
from tracker.core.cluster import (
    ClusterAwayError,
    ClusterMember,
    ClusterReport,
    SharedNews,
    VantageRanking,
)
from tracker.core.settings import ClusterSettings
from tracker.health.other_vantages import ClusterRules
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.file_lock import FileLock
from tracker.runtime.long_history import DAY_SECONDS
from tracker.runtime.messages import ClusterJoined, Message
from tracker.runtime.supervisor import Supervisor
from tracker.runtime.vantage_rankings import VantageRankings
from tracker.store import Bucket, StoreUnavailable

log = structlog.get_logger()

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
LOOK_SECONDS = 0.02  # how often to see whether the hub has answered or failed
SKEW_SECONDS = 2.0  # a wrong clock misplaces history, and limits that end at a wall-clock time
LOG_SECONDS = 0.2  # how soon the log has what health tells
MEMBERS_SECONDS = 5.0  # how often the list of members is read
END_SECONDS = 0.5  # of the four seconds for the tracker's whole shutdown
HOUSE_SECONDS = 3600.0
ROLL_UP_HOURS = 48.0  # later checks are counted before their day is deleted
HISTORY_SECONDS = 5.0  # a page is waiting for it
USED_TWICE = "another tracker on this machine uses the same database file: give each its own file"


@attrs.define(eq=False)
class ClusterTask:
    """Exchanges checks and leases with the hub, and decides which checks this tracker makes.

    The tracker works alone while the hub cannot be used. Never raises because of the hub.
    """

    settings: ClusterSettings
    aggregator: Aggregator
    supervisor: Supervisor
    keeper: LeaseKeeper
    shipper: Shipper
    reader: NewsReader
    alerts: SharedAlerts
    rankings: VantageRankings
    lock: FileLock
    publish: Callable[[Message], Awaitable[None]]
    solo_checks: int = 0
    began: float = float("inf")
    _members: tuple[MemberInfo, ...] = ()
    # Since when, in steady seconds: their last holder's checks are not known yet.
    _gained: dict[str, float] = attrs.field(factory=dict)
    _unproven: dict[str, float] = attrs.field(factory=dict)
    # When others last checked it, on our steady clock, as their wall clocks may be wrong.
    _heard: dict[tuple[str, str | None], float] = attrs.field(factory=dict)
    _reading_history: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def run(self) -> None:
        """Take our part in the cluster until cancelled; may be run again after a crash."""
        self.began = trio.current_time()
        rules = ClusterRules(vantage=self.settings.vantage, down_from=self.settings.down_from)
        await self.publish(ClusterJoined(rules=rules))
        while not self.lock.acquire():
            self.keeper.reason = USED_TWICE
            log.error("the cluster cannot be joined", reason=USED_TWICE)
            await trio.sleep(self.settings.lease_seconds)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.keeper.run)
            nursery.start_soon(self.shipper.run)
            nursery.start_soon(self.reader.run)
            nursery.start_soon(self.rankings.run)
            nursery.start_soon(self._log_troubles)
            nursery.start_soon(self._look_at_members)
            nursery.start_soon(self._keep_house)

    async def end(self) -> None:
        """Ship what is left and give the leases back, within moments."""
        with trio.move_on_after(END_SECONDS), suppress(HubAway, StoreUnavailable):
            while self.keeper.hub_up and await self.shipper.ship():
                pass
        await self.keeper.leave()
        await self.keeper.caller.close()
        self.lock.release()

    async def informed(self) -> None:
        """Return once a snapshot has what the others knew at our start, or nobody can be asked."""
        with self.aggregator.board.subscribe() as feed:
            while not self._settled() or self.aggregator.has_unpublished:
                with trio.move_on_after(LOOK_SECONDS):
                    await feed.receive()

    async def ranking_of(self, vantage: str) -> VantageRanking | None:
        """Return a vantage's own ranking; None where there is none. Raises ClusterAwayError."""
        snapshot = self.aggregator.board.latest
        if vantage == self.settings.vantage:
            return VantageRanking(ranking=snapshot.ranking, ranked_at=snapshot.timestamp)
        try:
            return await self.rankings.ask(vantage)
        except HubAway as error:
            raise ClusterAwayError(error.reason) from None

    async def buckets(
        self, names: Collection[str], since: datetime, seconds: int
    ) -> Mapping[str, Sequence[Bucket]]:
        """Return what the hub counted for our vantage since then. Raises ClusterAwayError.

        seconds: of a bucket, a multiple of an hour. One such question at a time, which ends within
        seconds: what is shipped goes over the same connection.
        """
        if not self.keeper.hub_up:
            raise ClusterAwayError(self.keeper.reason or NOT_REACHED_YET)
        vantage, daily = self.settings.vantage, seconds % DAY_SECONDS == 0
        try:
            with trio.fail_after(HISTORY_SECONDS):
                async with self._reading_history:
                    found = await self.keeper.caller.data(
                        lambda hub: hub.roll_ups(vantage, names, since, daily=daily),
                        HISTORY_SECONDS,
                    )
        except HubAway as error:
            raise ClusterAwayError(error.reason) from None
        except trio.TooSlowError:
            raise ClusterAwayError(f"no answer within {HISTORY_SECONDS:g} s") from None
        return to_buckets(found, seconds)

    def gate(self, name: str, model: str | None, interval: float) -> float:
        """Return the seconds for which another's checks of this are enough; 0: check it now."""
        if self.keeper.holds(name):
            self._unproven.pop(name, None)
            return self._wait_for_last_holder(name, interval)
        if trio.current_time() - self.began < START_SECONDS and not self._settled():
            return ASK_AGAIN_SECONDS
        wait = 0.0 if self._is_first else self._wait_for_others(name, model, interval)
        if wait <= 0.0:
            self.solo_checks += 1
        return max(wait, 0.0)

    def report(self) -> ClusterReport:
        """Return the cluster as this tracker sees it."""
        keeper, reason = self.keeper, self._reason
        return ClusterReport(
            vantage=self.settings.vantage,
            hub_up=not reason,
            reason=reason,
            alone=not keeper.membership.tenure.holds(keeper.clock.steady()),
            members=tuple(self._shown(each) for each in self._members),
            leases=sum(name != HERALD for name in keeper.membership.tokens),
            herald=keeper.holds(HERALD),
            lag=self.shipper.lag,
            skipped=self.shipper.skipped,
            skew_seconds=keeper.skew_seconds,
            takeovers=keeper.takeovers,
            solo_checks=self.solo_checks,
            problems=tuple(self._problems()),
        )

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
        idle = self.supervisor.idle_seconds(name) >= HANDED_OVER_SECONDS
        return idle and not self.shipper.lag and not self.shipper.failed

    def go_alone(self) -> None:
        """Check everything by its plan: no lease is believed any more, nor to be had."""
        self._resume(self.aggregator.providers)

    def _resume(self, names: Iterable[str]) -> None:
        for name in names:
            if (state := self.aggregator.providers.get(name)) is not None:
                dues: dict[str | None, float | None] = {None: state.target.next_due}
                dues |= {model: offer.target.next_due for model, offer in state.offers.items()}
                self.supervisor.resume(name, dues)

    @property
    def _reason(self) -> str:
        """Why the hub cannot be used in full: turns, what we ship, what we read of others."""
        parts = (self.shipper, self.reader)
        failing = (part.reason for part in parts if part.is_failing)
        return self.keeper.reason or next(failing, "")

    @property
    def _trouble(self) -> str:
        """The same, once the hub was asked."""
        reason = self._reason
        return "" if reason == NOT_REACHED_YET else reason

    def _settled(self) -> bool:
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

    def _problems(self) -> list[str]:
        keeper, found = self.keeper, []
        if reason := self._trouble:
            found.append(f"the cluster's hub cannot be used: {reason}; this tracker works alone")
        if (skew := keeper.skew_seconds) is not None and abs(skew) > SKEW_SECONDS:
            where = "ahead of" if skew < 0 else "behind"
            found.append(f"our clock is {abs(skew):.0f} s {where} the hub's: set one of them right")
        if self.shipper.skipped:
            found.append(f"the hub refused {self.shipper.skipped} checks; the log says why")
        if self._distance:
            found.append(self._distance)
        return found

    def _shown(self, member: MemberInfo) -> ClusterMember:
        return ClusterMember(
            vantage=member.vantage,
            url=member.url,
            version=member.version,
            leases=member.leases,
            ourselves=member.member == self.keeper.membership.member,
        )

    async def _log_troubles(self) -> NoReturn:
        """Log what health tells, until cancelled: a hub may take beats and refuse checks."""
        told = ""
        while True:
            reason = self._trouble
            if reason and reason != told:
                log.error("the cluster's hub cannot be used", reason=reason)
            elif told and not reason:
                log.info("the cluster's hub can be used again")
            told = reason
            await trio.sleep(LOG_SECONDS)

    @property
    def _distance(self) -> str:
        """Say where the trackers of our vantage seem to be in different places."""
        vantage = self.settings.vantage
        siblings = [each for each in self._members if each.vantage == vantage]
        return describe_distance(vantage, [each.round_trip_ms for each in siblings])

    async def _look_at_members(self) -> None:
        while True:
            await self.keeper.joined.wait()
            before = self._distance
            with suppress(HubAway):
                found = await self.keeper.caller.data(lambda hub: hub.members())
                self._members = tuple(found)
            if self._distance and not before:
                log.warning("one vantage in different places", reason=self._distance)
            await trio.sleep(MEMBERS_SECONDS)

    async def _keep_house(self) -> None:
        """Make the partitions that new checks need; the leader also sums up the hours."""
        days = self.settings.retention_days
        while True:
            await self.keeper.joined.wait()
            try:
                await self.keeper.caller.data(lambda hub: hub.keep_house(days), 30.0)
                if self.keeper.holds(HERALD):
                    await self.keeper.caller.data(lambda hub: hub.roll_up(ROLL_UP_HOURS), 60.0)
            except HubAway as error:
                log.debug("clean-up at the hub failed", reason=error.reason)
                await trio.sleep(self.settings.lease_seconds)
            else:
                await trio.sleep(HOUSE_SECONDS)
