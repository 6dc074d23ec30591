"""The alert task: reads snapshots from the board and sends the messages that are due."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn, TypeVar

import attrs
import structlog
import trio

from tracker.alerts.messages import compose_test
from tracker.alerts.rules import AlertRules
from tracker.alerts.sharing import AlertSharing, KnownAlerts, Role
from tracker.alerts.state import AlertState
from tracker.alerts.targets import Sender
from tracker.core.clock import Clock
from tracker.core.incidents import Delivery, Incident, IncidentLog
from tracker.core.records import Record
from tracker.core.settings import AlertTarget, Config
from tracker.core.slices import Turn
from tracker.core.threads import run_apart
from tracker.runtime.board import Board
from tracker.store import Store, StoreUnavailable
from tracker.store.backlog import Backlog

log = structlog.get_logger()

# Up to ten snapshots come per second; incidents are for people.
STEP_SECONDS = 0.5
# A message is stored before it is sent, so that a crash in between does not change its key. While
# the database is unavailable it is sent anyway.
STORE_SECONDS = 2.0
LOAD_SECONDS = 30.0  # then messages are sent without knowing the earlier ones
LOAD_RETRY_SECONDS = 2.0
SHARED_SECONDS = 5.0  # between two exchanges of messages with the cluster
LONGEST_WAIT = 60.0  # the wall clock may jump: look again at least this often
# Incidents, and views and offers that a step looks at closely, on the event loop: some
# milliseconds. When thousands fail at once, it would be held for 60 ms.
MANY = 300
T = TypeVar("T")


@attrs.define(eq=False)
class AlertTask:
    """Owns the incidents. Its state survives a crash of ``run``.

    flush: waits until everything is stored, at most the given seconds. publish: puts the incidents
    into the next snapshot.
    """

    board: Board
    store: Store
    backlog: Backlog
    state: AlertState
    sender: Sender
    settings: Callable[[], Config]
    flush: Callable[[float], Awaitable[bool]]
    publish: Callable[[IncidentLog], Awaitable[None]]
    clock: Clock = attrs.field(factory=Clock)
    shared: AlertSharing | None = None  # with other trackers of a cluster; None: not in a cluster
    _leading: bool = False  # in a cluster, this tracker sends the messages
    _next_load: float = float("-inf")
    _restored: bool = False
    _news: trio.Event = attrs.field(factory=trio.Event)
    _sending: set[str] = attrs.field(factory=set)  # targets that are being written to
    _failing: dict[str, str] = attrs.field(factory=dict)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)  # the state, perhaps in a thread
    _showing: trio.Lock = attrs.field(factory=trio.Lock)

    async def run(self) -> NoReturn:
        """Follow the snapshots and tell people of incidents, until cancelled."""
        self._sending.clear()
        if not self._restored:
            await self._restore()
            self._restored = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_board)
            while True:
                self._news = trio.Event()
                await self._step()
                self._send_due(nursery)
                with trio.move_on_after(await self._seconds_to_wait()):
                    await self._news.wait()
                await trio.sleep(STEP_SECONDS)

    async def acknowledge(self, incident_id: str, by: str) -> None:
        """Acknowledge an incident. Raises KeyError for an unknown id."""
        async with self._changing:
            await self._store(self.state.acknowledge(incident_id, by))
        await self._show()
        if self.shared is not None:
            await self.shared.acknowledge(incident_id, by)

    async def mute(self, provider: str, minutes: float) -> datetime | None:
        """Return until when it is muted, None where the mute was ended."""
        async with self._changing:
            await self._store(self.state.mute(provider, minutes, self.clock.now()))
        await self._show()
        if self.shared is not None:
            await self.shared.mute(provider, minutes)
        return self.state.mutes.get(provider)

    async def test(self) -> Sequence[tuple[str, str]]:
        """Send a test to every target now; return each target and what went wrong, or nothing."""
        config, now = self.settings(), self.clock.now()
        link = AlertRules(config).link
        answers: dict[str, str] = {}

        async def send(target: AlertTarget) -> None:
            test = compose_test(target.name, f"test-{int(now.timestamp() * 1000)}", now, link)
            answers[target.name] = await self._send(target, test)

        async with trio.open_nursery() as nursery:
            for target in config.alerts.targets:
                nursery.start_soon(send, target)
        return [(target.name, answers[target.name]) for target in config.alerts.targets]

    def problems(self) -> list[str]:
        """Say in sentences which targets cannot be reached."""
        return [
            f"the alert target {name} cannot be reached: {why}"
            for name, why in self._failing.items()
        ]

    async def _follow_board(self) -> NoReturn:
        revision = -1
        while True:
            revision = (await self.board.newer_than(revision)).revision
            self._news.set()

    async def _restore(self) -> None:
        with trio.move_on_after(LOAD_SECONDS) as scope:
            while True:
                try:
                    stored = await self.store.load_incidents()
                except StoreUnavailable:
                    await trio.sleep(LOAD_RETRY_SECONDS)
                    continue
                many = len(stored.incidents) + len(stored.deliveries)
                restore = partial(
                    self.state.restore, stored.incidents, stored.deliveries, stored.mutes
                )
                async with self._changing:
                    await self._work(restore, many)
                await self._show()
                return
        if scope.cancelled_caught:
            log.warning("earlier incidents cannot be read: some messages may be sent again")

    async def _step(self) -> None:
        self.state.take_settings(self.settings())
        snapshot = self.board.latest
        if self.shared is not None and self.shared.role() is not Role.ALONE:
            if not await self._lead(self.shared):
                return
            snapshot = self.shared.view(snapshot)
        step = partial(self.state.step, snapshot, self.clock.now())
        async with self._changing:
            records = await self._work(step, self.state.effort(snapshot))
            if not await self._share(records):
                return
            await self._store(records)
        if records:
            await self._show()
        if any(isinstance(record, Delivery) for record in records):
            await self.flush(STORE_SECONDS)

    async def _work(self, job: Callable[[], T], many: int = 0) -> T:
        """Do what is done with the state. many: what is looked at besides the incidents."""
        return await run_apart(job, is_long=many + self.state.unfinished > MANY)

    async def _lead(self, shared: AlertSharing) -> bool:
        """Return whether we are the one of the cluster who tells; know what it has told."""
        latest = self.board.latest
        watch = partial(self.state.watch, latest, self.clock.now())
        async with self._changing:
            await self._work(watch, self.state.effort(latest))
        herald, now = shared.role() is Role.HERALD, trio.current_time()
        if now >= self._next_load or herald != self._leading:
            self._next_load = now + SHARED_SECONDS
            stored = await shared.load()
            if stored is None:
                return False
            await self._know(stored, taking_over=not (herald and self._leading))
        self._leading = herald
        return herald

    async def _know(self, stored: KnownAlerts, *, taking_over: bool) -> None:
        """Take what the cluster knows; who leads already takes what others have said to it."""
        many = len(stored.incidents) + len(stored.deliveries)
        learn = partial(self._learn, stored, self.clock.now(), taking_over=taking_over)
        async with self._changing:
            records, has_changed = await self._work(learn, many)
            await self._store(records)
        if has_changed:
            await self._show()

    def _learn(
        self, stored: KnownAlerts, now: datetime, *, taking_over: bool
    ) -> tuple[list[Record], bool]:
        """Take it; return what the file lacks of it, and whether the incidents are others now."""
        state, before = self.state, self.state.log()
        records: list[Record] = []
        if taking_over:
            known = {*map(_bare, before.incidents), *state.outbox}
            state.restore(stored.incidents, stored.deliveries, stored.mutes)
            told = {each.id for each in stored.incidents}
            ours = (e for e in before.incidents if e.closed_at is None and e.id not in told)
            over = [attrs.evolve(each, closed_at=now) for each in ours]
            # For times when the hub is unavailable.
            records += (each for each in (*stored.incidents, *over) if _bare(each) not in known)
            records += (each for each in stored.deliveries if each not in known)
        else:
            state.take_words(stored.incidents, stored.mutes)
        after = state.log()
        return records, (before.incidents, before.mutes) != (after.incidents, after.mutes)

    async def _share(self, records: Sequence[Record]) -> bool:
        """Write to the hub before anything is sent; False: somebody else tells by now."""
        if self.shared is None or self.shared.role() is Role.ALONE:
            self._leading = False
            return True
        if self._leading and await self.shared.keep(records, self.board.latest):
            return True
        self._leading, self._next_load = False, float("-inf")
        return False

    def _may_send(self) -> bool:
        if self.shared is None or self.shared.role() is Role.ALONE:
            return True
        return self._leading and self.shared.role() is Role.HERALD

    async def _store(self, records: Sequence[Record]) -> None:
        """Keep what changed, before anybody changes it again; a cancellation waits for it."""
        turn = Turn()
        with trio.CancelScope(shield=True):
            for record in records:
                self.backlog.append(record)
                await turn.end_if_long()

    async def _show(self) -> None:
        """Put what changed into the next snapshot; the last one shown is the latest."""
        self._news.set()
        async with self._showing:
            await self.publish(await self._work(self.state.log))

    def _send_due(self, nursery: trio.Nursery) -> None:
        if not self._may_send():
            return
        config, now = self.settings(), self.clock.now()
        known = {target.name for target in config.alerts.targets}
        self._failing = {name: why for name, why in self._failing.items() if name in known}
        for target in config.alerts.targets:
            delivery = self.state.outbox.next_for(target.name, now)
            if delivery is not None and target.name not in self._sending:
                self._sending.add(target.name)
                nursery.start_soon(self._deliver, target, delivery)

    async def _deliver(self, target: AlertTarget, delivery: Delivery) -> None:
        try:
            error = await self._send(target, delivery)
            note = partial(self.state.note_attempt, delivery, self.clock.now(), error)
            with trio.CancelScope(shield=True) as noting:  # it was sent: that must be known
                async with self._changing:
                    records = await self._work(note, len(delivery.incidents))
                    noting.shield = False
                    if self._leading:
                        # If that fails, the current leader sends it once more.
                        await self._share(records)
                    await self._store(records)
        finally:  # and not before: until then it is still due, and would be sent again
            self._sending.discard(target.name)
        if records:
            await self._show()

    async def _send(self, target: AlertTarget, delivery: Delivery) -> str:
        secret = self.settings().alerts.secret
        error = await self.sender.send(target, delivery, self.clock.now(), secret)
        if error:
            self._failing[target.name] = error
            log.warning("alert not delivered", target=target.name, error=error)
        else:
            self._failing.pop(target.name, None)
            log.info("alert delivered", target=target.name, what=delivery.kind.value)
        return error

    async def _seconds_to_wait(self) -> float:
        if self.shared is not None:
            return STEP_SECONDS  # the lease may come or go without a snapshot
        now = self.clock.now()
        async with self._changing:
            due = await self._work(partial(self.state.due_at, self.board.latest, now))
        if due is None:
            return LONGEST_WAIT
        return min(max((due - now).total_seconds(), 0.0), LONGEST_WAIT)


def _bare(incident: Incident) -> Incident:
    """Return what the store keeps of it."""
    return attrs.evolve(incident, notified=(), muted_until=None)
