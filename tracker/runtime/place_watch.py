"""Watches whether the other trackers of our vantage are in the same place as we are."""

from collections.abc import Sequence
from contextlib import suppress

import attrs
import trio

from tracker.cluster.hub import HubAway, MemberInfo
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.places import (
    APART_BEATS,
    Steadiness,
    describe_apart,
    describe_distance,
    find_apart,
)
from tracker.core.settings import ClusterSettings

MEMBERS_SECONDS = 5.0  # how often the list of members is read


@attrs.define(eq=False)
class PlaceWatch:
    """Knows the members of the cluster, and tells when we have to leave those of our vantage.

    A tracker that shares checks with one in another place takes results for its own that are not.
    """

    settings: ClusterSettings
    keeper: LeaseKeeper
    members: tuple[MemberInfo, ...] = ()

    @property
    def distance(self) -> str:
        """Say where the trackers of our vantage seem to be in different places, or nothing."""
        return describe_distance(
            self.settings.vantage, [each.round_trip_ms for each in self._siblings]
        )

    async def wait_until_apart(self) -> str:
        """Read the members again and again; return why, once we are in another place than most."""
        apart = Steadiness(APART_BEATS * self.settings.beat_seconds)
        while True:
            await self.keeper.origin.known.wait()
            with suppress(HubAway):
                self.members = tuple(await self.keeper.caller.data(lambda hub: hub.members()))
            reason = self._why_apart()
            if apart.observe(bool(reason), self.keeper.clock.steady()):
                return reason
            await trio.sleep(MEMBERS_SECONDS)

    async def wait_until_near(self) -> None:
        """Return once the hub has been as far from us as from the others for as long.

        Where no other tracker is left, we stay apart: the vantage is still another place.
        """
        near = Steadiness(APART_BEATS * self.settings.beat_seconds)
        while True:
            await trio.sleep(self.settings.beat_seconds)
            with suppress(HubAway):
                self.members = tuple(await self.keeper.find_members())
                if near.observe(self._is_near(), self.keeper.clock.steady()):
                    return

    @property
    def _siblings(self) -> Sequence[MemberInfo]:
        return [each for each in self.members if each.vantage == self.settings.vantage]

    def _why_apart(self) -> str:
        siblings = self._siblings
        ours = next((n for n, each in enumerate(siblings) if self._is_us(each)), None)
        apart = find_apart([each.round_trip_ms for each in siblings])
        if ours is None or ours not in apart or (fastest := self.keeper.fastest) is None:
            return ""
        others = [each.round_trip_ms for n, each in enumerate(siblings) if n not in apart]
        return describe_apart(self.settings.vantage, fastest, others)

    def _is_near(self) -> bool:
        known = [each.round_trip_ms for each in self._siblings if each.round_trip_ms is not None]
        return bool(known) and len(known) not in find_apart([*known, self.keeper.fastest])

    def _is_us(self, member: MemberInfo) -> bool:
        return member.member == self.keeper.membership.member
