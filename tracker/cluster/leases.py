"""Regular exchanges with the hub: our membership, sharing leases, removing dead members."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Hub, HubAway, MemberInfo
from tracker.cluster.membership import HERALD, Beat, Membership, Step
from tracker.cluster.own_origin import OwnOrigin
from tracker.cluster.places import RoundTrips
from tracker.core.clock import Clock
from tracker.store import StoreUnavailable

log = structlog.get_logger()

NOT_REACHED_YET = "the hub has not been reached yet"
FAILED_TURNS = 2  # consecutive, until we count as cut off: after a sleep one may come too early
FINAL_SECONDS = 1.5  # for announcing that we leave, on a new connection and a busy machine


@attrs.define(eq=False)
class LeaseKeeper:
    """``names``: what is to be checked. origin: our database file, whose checks these are.

    gained: told which leases came. handed_over: whether all that we know of a provider is in the
    hub, so that another may go on with it. went_alone: told that the hub is unavailable now.
    notified: told that the hub has news.
    """

    caller: HubCaller
    membership: Membership
    origin: OwnOrigin
    names: Callable[[], Collection[str]]
    gained: Callable[[Collection[str]], None]
    handed_over: Callable[[str], bool]
    went_alone: Callable[[], None]
    notified: Callable[[], None]
    clock: Clock = attrs.field(factory=Clock)
    reason: str = NOT_REACHED_YET
    skew_seconds: float | None = None
    takeovers: int = 0
    turns: int = 0
    _failed: int = 0
    _is_alone: bool = False
    _round_trips: RoundTrips = attrs.field(factory=RoundTrips)
    _leaving: dict[str, float] = attrs.field(factory=dict)  # since when, in steady seconds

    @property
    def hub_up(self) -> bool:
        """Return whether the last call to the hub succeeded."""
        return not self.reason

    @property
    def cut_off(self) -> bool:
        """Return whether the hub was unreachable; a tracker that slept has not asked it."""
        believes = self.membership.tenure.holds(self.clock.steady())
        return self.is_failing and not believes

    @property
    def is_failing(self) -> bool:
        """Return whether turns fail, although leases may still be believed in."""
        return self._failed >= FAILED_TURNS

    @property
    def fastest(self) -> float | None:
        """Return the milliseconds in which the hub answers us at best, None until that is known."""
        return self._round_trips.fastest

    def stay_away(self, reason: str) -> None:
        """Count as cut off for this reason, until the next turn that succeeds."""
        self.membership.lose()
        self.reason, self._failed = reason, FAILED_TURNS
        was_alone, self._is_alone = self._is_alone, True
        if not was_alone:
            self.went_alone()

    async def find_members(self) -> Sequence[MemberInfo]:
        """Ask for all members without being one, and note how long the hub takes to answer."""
        sent = self.clock.steady()
        await self.caller.control(lambda hub: hub.members())
        found = await self.caller.control(lambda hub: hub.members())  # a beat is two statements
        self._round_trips.add((self.clock.steady() - sent) * 1000.0)
        return found

    def holds(self, name: str) -> bool:
        """Return whether the lease is ours at this very moment."""
        return self.membership.holds(name, self.clock.steady())

    async def run(self) -> NoReturn:
        """Take a turn every beat until cancelled, and listen in between."""
        while True:
            began = trio.current_time()
            await self.turn()
            took = trio.current_time() - began
            wait = self.membership.next_turn(self.clock.steady())
            next_turn = trio.current_time() + min(wait, self.membership.beat_seconds - took)
            while (left := next_turn - trio.current_time()) > 0:
                if not await self._listen(left):
                    await trio.sleep_until(next_turn)

    async def turn(self) -> None:
        """Take one turn: beat, read, remove the dead, release and claim; nothing is raised."""
        began = trio.current_time()
        reason = await self._try_turn()
        if reason and trio.current_time() - began < self.membership.beat_seconds / 2.0:
            reason = await self._try_turn()  # it may have been a connection that was closed
        self._failed = self._failed + 1 if reason else 0
        self.turns += not reason
        self.reason = reason
        was_alone, self._is_alone = self._is_alone, self.cut_off
        if self._is_alone and not was_alone:
            self.went_alone()

    async def _try_turn(self) -> str:
        """Return why the hub cannot be used, or nothing."""
        try:
            await self._turn()
        except (HubAway, StoreUnavailable) as error:
            return error.reason
        return ""

    async def leave(self) -> None:
        """Give everything back at once; the others take over at their next turn."""
        member = self.membership.member
        self.membership.lose()
        if member is None or self.is_failing:  # one failed turn says little
            return
        try:
            await self.caller.control(lambda hub: hub.leave(member), FINAL_SECONDS)
        except HubAway as error:
            log.info("could not tell the cluster that this tracker leaves", reason=error.reason)

    async def rename(self, start: int, reason: str) -> None:
        """Go on under a new name from the check after ``start``: the old one is another's."""
        await self._forget_member()
        await self.origin.rename(start, reason)

    async def _turn(self) -> None:
        membership = self.membership
        membership.names = frozenset(self.names())
        member = membership.member
        if member is not None:
            step = await self._beat(member)
            if not step.lost:
                await self._follow(step)
                return
            log.warning("leases lost", reason=step.lost)
            await self.caller.control(lambda hub: hub.leave(member))
        await self.origin.open()
        await self._follow(await self._join())

    async def _beat(self, member: str) -> Step:
        sent = self.clock.steady()
        self.membership.send_beat()
        fastest = self.fastest
        answer = await self.caller.control(lambda hub: hub.beat(member, fastest))
        now = self.clock.steady()
        self._round_trips.add((now - sent) * 1000.0)
        self._measure_skew(answer, now - sent)
        return self.membership.take_beat(answer, sent, now)

    async def _join(self) -> Step:
        sent, names = self.clock.steady(), list(self.membership.names)
        profile, replaces = self.origin.profile, self.origin.predecessors
        answer = await self.caller.control(lambda hub: hub.join(profile, names, replaces))
        log.info("joined the cluster", vantage=profile.vantage, members=len(answer.beats))
        return self.membership.take_join(answer, sent, self.clock.steady())

    async def _follow(self, step: Step) -> None:
        """Do what an answer asks for, each in a transaction of its own."""
        membership, before = self.membership, self.membership.member
        assert before is not None
        for member, beat in step.bury:
            if await self.caller.control(partial(_bury, member, beat)):
                self.takeovers += 1
                log.warning("a member of the cluster is dead", member=member)
        if step.settle and not await self._settle(before):
            return
        await self._release(before, step.release)
        if step.carry:
            await self._claim(before, Step(carry=step.carry))
        if step.claim or step.herald:
            await self._claim(before, attrs.evolve(step, carry=()))
        membership.names = frozenset(self.names())

    async def _settle(self, member: str) -> bool:
        """Learn what a claim or a release did whose answer was lost; False: all is void."""
        membership = self.membership
        known = set(membership.tokens)
        held = await self.caller.control(lambda hub: hub.held(member))
        if lost := membership.settle(held):
            log.warning("leases lost", reason=lost)
            await self.caller.control(lambda hub: hub.leave(member))
            return False
        if new := [name for name in membership.tokens if name not in known and name != HERALD]:
            self.gained(new)
        return True

    async def _release(self, member: str, names: Collection[str]) -> None:
        """Give back what is not checked here any more, once the hub knows the last check of it."""
        now = self.clock.steady()
        self._leaving = {name: self._leaving.get(name, now) for name in names}
        ready = [
            name
            for name, since in self._leaving.items()
            if (since < now and self.handed_over(name)) or now - since >= self.membership.seconds
        ]
        if ready:
            given = {name: self.membership.leaving[name] for name in ready}
            with self._unsure():
                await self.caller.control(lambda hub: hub.release(member, given))
            self.membership.released(ready)

    async def _claim(self, member: str, step: Step) -> None:
        """Claim what the step says: by name what was ours before the hub was started again."""
        membership = self.membership
        names, epoch = sorted(step.carry or membership.names), membership.epoch or ""
        most = len(step.carry) or step.claim
        with self._unsure():
            won = await self.caller.control(
                lambda hub: hub.claim(member, names, most, epoch, herald=step.herald)
            )
        membership.win(won)
        if shared := [name for name in won if name != HERALD]:
            log.info("leases gained", number=len(shared), held=len(membership.tokens))
        if shared and not step.carry:
            self.gained(shared)

    @contextmanager
    def _unsure(self) -> Iterator[None]:
        """Ask for what we hold at the next turn where this call may have had its effect."""
        try:
            yield
        except HubAway:
            self.membership.unsure = True
            raise

    async def _forget_member(self) -> None:
        member = self.membership.member
        self.membership.lose()
        if member is not None:
            await self.caller.control(lambda hub: hub.leave(member))

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


def _bury(member: str, beat: int, hub: Hub) -> bool:
    return hub.bury(member, beat)
