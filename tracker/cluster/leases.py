"""Regular exchanges with the hub: our membership, sharing leases, removing dead members."""

from collections.abc import Callable, Collection
from functools import partial
from typing import NoReturn
from uuid import uuid4

import attrs
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Hub, HubAway, Origin, Profile
from tracker.cluster.membership import HERALD, Beat, Membership, Step
from tracker.core.clock import Clock
from tracker.store import Store, StoreUnavailable

log = structlog.get_logger()

FAILED_TURNS = 2  # consecutive, until we count as cut off: one may be a closed connection
FINAL_SECONDS = 1.5  # for announcing that we leave, on a new connection and a busy machine


@attrs.define(eq=False)
class LeaseKeeper:
    """``names``: what is to be checked. file: says whose checks these are, on which machine; it is
    asked in a thread, once the file is there.

    gained: told which leases came. notified: told that the hub has news. joined: our file is known
    there. head: the last of our checks the hub has, as it said when we joined.
    """

    caller: HubCaller
    membership: Membership
    profile: Profile
    store: Store
    file: Callable[[], str]
    names: Callable[[], Collection[str]]
    gained: Callable[[Collection[str]], None]
    notified: Callable[[], None]
    clock: Clock = attrs.field(factory=Clock)
    reason: str = "the hub has not been reached yet"
    head: int = 0
    joined: trio.Event = attrs.field(factory=trio.Event)
    skew_seconds: float | None = None
    takeovers: int = 0
    turns: int = 0
    _failed: int = 0

    @property
    def hub_up(self) -> bool:
        """Return whether the last call to the hub succeeded."""
        return not self.reason

    @property
    def cut_off(self) -> bool:
        """Return whether the hub was asked in vain; a tracker that slept has not asked it."""
        believes = self.membership.tenure.holds(self.clock.steady())
        return self._failed >= FAILED_TURNS and not believes

    def holds(self, name: str) -> bool:
        """Return whether the lease is ours at this very moment."""
        return self.membership.holds(name, self.clock.steady())

    async def run(self) -> NoReturn:
        """Take a turn every beat until cancelled, and listen in between."""
        while True:
            next_turn = trio.current_time() + self.membership.beat_seconds
            await self.turn()
            while (left := next_turn - trio.current_time()) > 0:
                if not await self._listen(left):
                    await trio.sleep_until(next_turn)

    async def turn(self) -> None:
        """Take one turn: beat, read, remove the dead, release and claim; nothing is raised."""
        try:
            await self._turn()
        except (HubAway, StoreUnavailable) as error:
            self._failed += 1
            self._note(error.reason)
        else:
            self._failed = 0
            self.turns += 1
            self._note("")

    async def leave(self) -> None:
        """Give everything back at once; the others take over at their next turn."""
        member = self.membership.member
        self.membership.lose()
        if member is None or not self.hub_up:
            return
        try:
            await self.caller.control(lambda hub: hub.leave(member), FINAL_SECONDS)
        except HubAway as error:
            log.info("could not tell the cluster that this tracker leaves", reason=error.reason)

    async def rename(self, start: int, reason: str) -> None:
        """Go on under a new name from the check after ``start``: the old one is another's."""
        await self._forget_member()
        self.joined = trio.Event()
        await self._change_name(start, reason)

    async def _turn(self) -> None:
        membership = self.membership
        membership.names = frozenset(self.names())
        member = membership.member
        if member is None:
            await self._open_origin()
            await self._follow(await self._join())
            return
        step = await self._beat(member)
        if step.lost:
            log.warning("leases lost", reason=step.lost)
            await self.caller.control(lambda hub: hub.leave(member))
        else:
            await self._follow(step)

    async def _beat(self, member: str) -> Step:
        sent = self.clock.steady()
        answer = await self.caller.control(lambda hub: hub.beat(member))
        now = self.clock.steady()
        self._measure_skew(answer, now - sent)
        return self.membership.take_beat(answer, sent, now)

    async def _join(self) -> Step:
        sent, names = self.clock.steady(), list(self.membership.names)
        answer = await self.caller.control(lambda hub: hub.join(self.profile, names))
        log.info("joined the cluster", vantage=self.profile.vantage, members=len(answer.beats))
        return self.membership.take_join(answer, sent, self.clock.steady())

    async def _follow(self, step: Step) -> None:
        """Do what an answer asks for, each in a transaction of its own."""
        membership, before = self.membership, self.membership.member
        assert before is not None
        for member, beat in step.bury:
            if await self.caller.control(partial(_bury, member, beat)):
                self.takeovers += 1
                log.warning("a member of the cluster is dead", member=member)
        if step.release:
            await self.caller.control(lambda hub: hub.release(before, step.release))
        if step.claim or step.herald:
            await self._claim(before, step)
        membership.names = frozenset(self.names())

    async def _claim(self, member: str, step: Step) -> None:
        membership = self.membership
        names, epoch = sorted(membership.names), membership.epoch or ""
        won = await self.caller.control(
            lambda hub: hub.claim(member, names, step.claim, epoch, herald=step.herald)
        )
        membership.win(won)
        if shared := [name for name in won if name != HERALD]:
            log.info("leases gained", number=len(shared), held=len(membership.tokens))
            self.gained(shared)

    async def _open_origin(self) -> None:
        """Make our file known; take a new name where the old one is another's."""
        identity = await self.store.identity()
        self.profile = attrs.evolve(self.profile, origin=identity.origin)
        origin = await self._ask_origin(identity.last)
        if origin.other_vantage:
            why = f"this file belonged to vantage {origin.other_vantage}"
            await self._change_name(identity.last, why)
        elif origin.other_file:
            why = "this file is a copy, or was moved"
            await self._change_name(min(identity.last, origin.head), why)
        elif origin.head > identity.last:
            why = "the hub has later checks of this file: it is an old copy"
            await self._change_name(identity.last, why)
        else:
            self._known(origin)

    async def _change_name(self, start: int, reason: str) -> None:
        log.warning("continuing as a new database file in the cluster", reason=reason)
        self.profile = attrs.evolve(self.profile, origin=str(uuid4()))
        origin = await self._ask_origin(start)
        await self.store.change_identity(self.profile.origin)
        self._known(origin)

    async def _ask_origin(self, start: int) -> Origin:
        """Ask for the hub's place.

        A file new to the hub begins at its first check, a copy at ``start``.
        """
        profile, identity = self.profile, await self.store.identity()
        file = await trio.to_thread.run_sync(self.file)
        known = identity.origin == profile.origin
        first = 0 if known else start
        return await self.caller.control(partial(_open, profile, file, first))

    async def _forget_member(self) -> None:
        member = self.membership.member
        self.membership.lose()
        if member is not None:
            await self.caller.control(lambda hub: hub.leave(member))

    def _known(self, origin: Origin) -> None:
        self.head = origin.head
        self.joined.set()

    async def _listen(self, seconds: float) -> bool:
        """Return whether to listen on: nothing was heard, and the time is not over yet."""
        if not self.hub_up:
            return False
        try:
            heard = await self.caller.control(
                lambda hub: hub.listen(seconds), seconds + self.caller.seconds
            )
        except HubAway:
            return False  # the next exchange says why
        if heard:
            self.notified()
        return heard

    def _measure_skew(self, answer: Beat | None, took: float) -> None:
        if answer is None or answer.hub_time is None:
            return
        ours = self.clock.now().timestamp() - took / 2.0
        self.skew_seconds = answer.hub_time.timestamp() - ours

    def _note(self, reason: str) -> None:
        if reason != self.reason:
            if reason:
                log.error("the cluster's hub cannot be used", reason=reason)
            elif self.turns > 1:
                log.info("the cluster's hub can be used again")
        self.reason = reason


def _open(profile: Profile, file: str, first: int, hub: Hub) -> Origin:
    return hub.open_origin(profile, file, first)


def _bury(member: str, beat: int, hub: Hub) -> bool:
    return hub.bury(member, beat)
