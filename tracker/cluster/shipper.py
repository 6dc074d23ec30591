"""Sending our own checks to the hub. SQLite is the outbox, and the hub keeps the position.

So nothing is lost while the hub is unavailable, and a hub that loses checks gets them again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import HubAway
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.parcels import Parcel, StateRow
from tracker.cluster.tenure import NEVER
from tracker.core.clock import Clock
from tracker.store import Store, StoreUnavailable
from tracker.store.outgoing import Outgoing, OutgoingState

log = structlog.get_logger()

BATCH = 5_000  # one transaction: about 60 ms
GAP_SECONDS = 0.1  # NOTIFY makes commits wait for each other: at most ten a second
IDLE_SECONDS = 5.0  # somebody may have written to the file without a word
RETRY_SECONDS = 2.0
FAILED_SHIPMENTS = 3  # in a row; the second comes at once, the third after a while
COUNT_SECONDS = 2.0  # how often to count what waits
COUNT_SHARE = 0.01  # of the time, at most: millions of checks may wait
SHIP_SECONDS = 20.0  # a whole batch into a slow hub


@attrs.frozen(kw_only=True)
class Present:
    """How a provider or offer stands now; due_in, fresh_for: seconds."""

    status: str
    reason: str
    checked_at: datetime | None
    due_in: float | None
    fresh_for: float | None
    models: tuple[str, ...] | None = None


@attrs.define(eq=False)
class Shipper:
    """``present``: how a target stands now, None for one that is not watched any more.

    head: the last of our checks that is in the hub. lag: how many stored checks the hub does not
    have yet, also while nothing is shipped; None: the hub has not said what it has.
    """

    caller: HubCaller
    keeper: LeaseKeeper
    store: Store
    present: Callable[[str, str | None], Present | None]
    clock: Clock = attrs.field(factory=Clock)
    head: int = 0
    lag: int | None = None
    shipped: int = 0
    skipped: int = 0
    failed: int = 0  # in a row
    reason: str = ""
    _stored: trio.Event = attrs.field(factory=trio.Event)
    _is_level: bool = False  # the hub has all that was in the file at the last look
    _level_at: float = NEVER  # that look: steady seconds
    _origin: str = ""
    _models: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def is_failing(self) -> bool:
        """Return whether the others cannot know what we found."""
        return self.failed >= FAILED_SHIPMENTS

    def has_all_until(self, moment: float) -> bool:
        """Return whether the hub has all that was stored before this moment, in steady seconds."""
        return self._level_at >= moment or (self._is_level and not self._stored.is_set())

    def note_stored(self) -> None:
        """Note that checks were stored, to be shipped."""
        self._stored.set()

    async def run(self) -> NoReturn:
        """Ship what was stored, in order, until cancelled."""
        while True:
            await self.keeper.origin.known.wait()
            self._stored = trio.Event()
            try:
                more = await self.ship()
            except (HubAway, StoreUnavailable) as error:
                self.failed, self.reason = self.failed + 1, error.reason
                log.debug("no checks sent to the hub", reason=error.reason)
                if self.failed > 1:  # else it may have been a connection that was closed meanwhile
                    await trio.sleep(RETRY_SECONDS)
                continue
            self.failed = 0
            if not more:
                with trio.move_on_after(IDLE_SECONDS):
                    await self._stored.wait()
                await trio.sleep(GAP_SECONDS)

    async def count(self) -> NoReturn:
        """Count what waits for the hub, until cancelled: also while nothing can be shipped."""
        while True:
            began = self.clock.steady()
            try:
                await self._count()
            except StoreUnavailable as error:
                log.debug("the database file could not be read", reason=error.reason)
            took = self.clock.steady() - began
            await trio.sleep(max(COUNT_SECONDS, took / COUNT_SHARE))

    async def ship(self) -> bool:
        """Ship one batch; return whether there may be more. Raises HubAway, StoreUnavailable."""
        if self._origin != self.keeper.origin.id:
            self._origin = self.keeper.origin.id
            self._go_on_after(self.keeper.origin.head)
        looked, self._is_level = self.clock.steady(), False
        outgoing = await self.store.outgoing(self.head, BATCH)
        if outgoing.last == self.head:
            self._note_level(looked)
            return False
        parcel = self._parcel(outgoing)
        shipment = await self.caller.data(lambda hub: hub.ship(parcel), SHIP_SECONDS)
        if not shipment.accepted:
            await self._follow_hub(shipment.head)
            return True
        self._note_shipped(parcel, shipment.skipped)
        more = len(outgoing.checks) >= BATCH
        if not more:
            self._note_level(looked)
        return more

    async def _follow_hub(self, head: int) -> None:
        """Follow a hub that forgot checks; change our origin if it has some that we never made."""
        identity = await self.store.identity()
        if head > identity.last:
            await self.keeper.rename(identity.last, "the hub has checks that this file never had")
            return
        log.info("the hub is at another position", hub=head, ours=self.head)
        self._go_on_after(head)

    def _go_on_after(self, head: int) -> None:
        self.head, self._models = head, {}
        self._is_level, self._level_at = False, NEVER

    def _note_level(self, looked: float) -> None:
        self.lag, self._is_level, self._level_at = 0, True, looked

    def _note_shipped(self, parcel: Parcel, skipped: int) -> None:
        self.head = parcel.last
        if self.lag is not None:
            self.lag = max(self.lag - len(parcel.rows), 0)
        self.shipped += len(parcel.rows) - skipped
        if skipped:
            self.skipped += skipped
            log.warning("the hub refused checks, which are skipped", number=skipped)
        for state in parcel.states:
            if state.models is not None:
                self._models[state.provider] = state.models

    async def _count(self) -> None:
        keeper, head = self.keeper, self.head
        if not keeper.origin.known.is_set() or self._origin != keeper.origin.id:
            self.lag = None  # the hub has not said what it has of this file
            return
        waiting = await self.store.waiting(head)
        if head == self.head:  # else some were shipped meanwhile
            self.lag = waiting

    def _parcel(self, outgoing: Outgoing) -> Parcel:
        states = [self._state(state) for state in outgoing.states]
        return Parcel(
            origin=self._origin,
            head=self.head,
            last=outgoing.last,
            rows=outgoing.checks,
            states=[state for state in states if state is not None],
        )

    def _state(self, state: OutgoingState) -> StateRow | None:
        present = self.present(state.provider, state.model)
        if present is None or present.checked_at is None:
            return None
        age = max((self.clock.now() - present.checked_at).total_seconds(), 0.0)
        models = present.models
        if models == self._models.get(state.provider):
            models = None  # the hub has it
        return StateRow(
            provider=state.provider,
            model=state.model,
            seq=state.number,
            age=age,
            due_in=present.due_in,
            fresh_for=present.fresh_for,
            status=present.status,
            reason=present.reason,
            state=state.state,
            models=models,
        )
