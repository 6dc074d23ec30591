"""The part of a tracker in its cluster. Imported only with [cluster] configured."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
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
from tracker.cluster.roll_ups import to_buckets
from tracker.cluster.shipper import Shipper
from tracker.core.cluster import (
    ClusterAwayError,
    ClusterMember,
    ClusterReport,
    VantageRanking,
)
from tracker.core.settings import ClusterSettings
from tracker.health.other_vantages import ClusterRules
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.check_sharing import CheckSharing
from tracker.runtime.file_lock import FileLock
from tracker.runtime.long_history import DAY_SECONDS
from tracker.runtime.messages import ClusterJoined, Message
from tracker.runtime.place_watch import PlaceWatch
from tracker.runtime.vantage_rankings import VantageRankings
from tracker.store import Bucket, StoreUnavailable

log = structlog.get_logger()

LOOK_SECONDS = 0.02  # how often to see whether the hub has answered or failed
SKEW_SECONDS = 2.0  # a wrong clock misplaces history, and limits that end at a wall-clock time
LOG_SECONDS = 0.2  # how soon the log has what health tells
END_SECONDS = 0.5  # of the four seconds for the tracker's whole shutdown
HOUSE_SECONDS = 3600.0
ROLL_UP_HOURS = 48.0  # later checks are counted before their day is deleted
HISTORY_SECONDS = 5.0  # a page is waiting for it
LOGGED = {"renamed", "skipped"}  # problems whose lines the log has already
USED_TWICE = "another tracker on this machine uses the same database file: give each its own file"


@attrs.define(eq=False)
class ClusterTask:
    """Runs a tracker's part in its cluster, and reports on it.

    The tracker works alone while the hub cannot be used. Never raises because of the hub.
    """

    settings: ClusterSettings
    aggregator: Aggregator
    sharing: CheckSharing
    keeper: LeaseKeeper
    shipper: Shipper
    reader: NewsReader
    alerts: SharedAlerts
    rankings: VantageRankings
    lock: FileLock
    publish: Callable[[Message], Awaitable[None]]
    places: PlaceWatch
    _reading_history: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def run(self) -> None:
        """Take our part in the cluster until cancelled; may be run again after a crash."""
        self.sharing.began = trio.current_time()
        rules = ClusterRules(vantage=self.settings.vantage, down_from=self.settings.down_from)
        await self.publish(ClusterJoined(rules=rules))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._log_problems)
            nursery.start_soon(self.shipper.count)
            while not self.lock.acquire():
                self.keeper.stay_away(USED_TWICE)
                await trio.sleep(self.settings.lease_seconds)
            while True:
                reason = await self._share()
                await self.keeper.leave()
                self.keeper.stay_away(reason)
                await self.places.wait_until_near()
                log.info("rejoining the cluster: the hub is as near as to the others")

    async def _share(self) -> str:
        """Be a member; return why the others must be left, which are in another place."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.keeper.run)
            nursery.start_soon(self.shipper.run)
            nursery.start_soon(self.reader.run)
            nursery.start_soon(self.rankings.run)
            nursery.start_soon(self._keep_house)
            reason = await self.places.wait_until_apart()
            nursery.cancel_scope.cancel()
        return reason

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
            while not self.sharing.is_settled or self.aggregator.has_unpublished:
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

    def report(self) -> ClusterReport:
        """Return the cluster as this tracker sees it."""
        keeper, reason = self.keeper, self._reason
        return ClusterReport(
            vantage=self.settings.vantage,
            hub_up=not reason,
            reason=reason,
            alone=not keeper.membership.tenure.holds(keeper.clock.steady()),
            members=tuple(self._shown(each) for each in self.places.members),
            leases=sum(name != HERALD for name in keeper.membership.tokens),
            herald=keeper.holds(HERALD),
            lag=self.shipper.lag,
            skipped=self.shipper.skipped,
            skew_seconds=keeper.skew_seconds,
            takeovers=keeper.takeovers,
            solo_checks=self.sharing.solo_checks,
            problems=tuple(self._problems()),
        )

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

    def _problems(self) -> list[str]:
        found = [sentence for _, sentence in self._lesser_problems()]
        if reason := self._trouble:
            away = f"the cluster's hub cannot be used: {reason}; this tracker works alone"
            found.insert(0, away)
        return found

    def _lesser_problems(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong while the hub can be used: which problem, and a sentence."""
        if (skew := self.keeper.skew_seconds) is not None and abs(skew) > SKEW_SECONDS:
            where = "ahead of" if skew < 0 else "behind"
            told = f"our clock is {abs(skew):.0f} s {where} the hub's: set one of them right"
            yield f"clock {where}", told
        if skipped := self.shipper.skipped:
            yield "skipped", f"the hub refused {skipped} checks; the log says why"
        if renamed := self.keeper.origin.lately_renamed:
            told = f"this tracker continues as a new database file in the cluster: {renamed}"
            yield "renamed", told
        if (distance := self.places.distance) and self.keeper.hub_up:
            yield "places", distance

    def _shown(self, member: MemberInfo) -> ClusterMember:
        return ClusterMember(
            vantage=member.vantage,
            url=member.url,
            version=member.version,
            leases=member.leases,
            ourselves=member.member == self.keeper.membership.member,
        )

    async def _log_problems(self) -> NoReturn:
        """Log what health tells, until cancelled: a hub may take beats and refuse checks."""
        told, problems = "", set[str]()
        while True:
            reason = self._trouble
            if reason and reason != told:
                log.error("the cluster's hub cannot be used", reason=reason)
            elif told and not reason:
                log.info("the cluster's hub can be used again")
            told = reason
            present = dict(self._lesser_problems())
            for kind in present.keys() - problems - LOGGED:
                log.warning("a problem in the cluster", problem=present[kind])
            problems = set(present)
            await trio.sleep(LOG_SECONDS)

    async def _keep_house(self) -> None:
        """Make the partitions that new checks need; the leader also sums up the hours."""
        days = self.settings.retention_days
        while True:
            await self.keeper.origin.known.wait()
            try:
                await self.keeper.caller.data(lambda hub: hub.keep_house(days), 30.0)
                if self.keeper.holds(HERALD):
                    await self.keeper.caller.data(lambda hub: hub.roll_up(ROLL_UP_HOURS), 60.0)
            except HubAway as error:
                log.debug("clean-up at the hub failed", reason=error.reason)
                await trio.sleep(self.settings.lease_seconds)
            else:
                await trio.sleep(HOUSE_SECONDS)
