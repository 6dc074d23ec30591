"""Runs the alerts: reads snapshots from the board, sends what is due, and waits for the next."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NoReturn

import attrs
import structlog
import trio

from tracker.alerts.messages import compose_test
from tracker.alerts.state import AlertState, address_of
from tracker.alerts.targets import Sender
from tracker.core.clock import Clock
from tracker.core.incidents import Delivery, IncidentLog
from tracker.core.records import Record
from tracker.core.settings import AlertTarget, Config
from tracker.runtime.board import Board
from tracker.store import Store, StoreUnavailable
from tracker.store.backlog import Backlog

log = structlog.get_logger()

# Snapshots come as fast as ten a second; incidents are for people.
STEP_SECONDS = 0.5
# A message is stored before it is sent, so that a crash in between cannot give it another key;
# while the database is away it is sent all the same.
STORE_SECONDS = 2.0
LOAD_SECONDS = 30.0  # then it is told without knowing what was told before
LOAD_RETRY_SECONDS = 2.0
LONGEST_WAIT = 60.0  # the wall clock may jump: look again at least so often


@attrs.define(eq=False)
class AlertTask:
    """Owns the incidents. Its state survives a crash of ``run``.

    flush: waits until everything is stored, for so many seconds at most. publish: shows the
    incidents in the next snapshot.
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
    _restored: bool = False
    _news: trio.Event = attrs.field(factory=trio.Event)
    _sending: set[str] = attrs.field(factory=set)  # targets that are being written to
    _failing: dict[str, str] = attrs.field(factory=dict)

    async def run(self) -> NoReturn:
        """For ever."""
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
                with trio.move_on_after(self._seconds_to_wait()):
                    await self._news.wait()
                await trio.sleep(STEP_SECONDS)

    async def acknowledge(self, incident_id: str, by: str) -> None:
        """Raises KeyError for an unknown id."""
        await self._take(self.state.acknowledge(incident_id, by))

    async def mute(self, provider: str, minutes: float) -> datetime | None:
        """Return until when it is muted, None where the mute was ended."""
        await self._take(self.state.mute(provider, minutes, self.clock.now()))
        return self.state.mutes.get(provider)

    async def test(self) -> Sequence[tuple[str, str]]:
        """Send a test to every target now; return each target and what went wrong, or nothing."""
        config, now = self.settings(), self.clock.now()
        link = config.alerts.link or address_of(config)
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
            f"the alert target {name} was not reached: {why}" for name, why in self._failing.items()
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
                self.state.restore(stored.incidents, stored.deliveries, stored.mutes)
                await self.publish(self.state.log())
                return
        if scope.cancelled_caught:
            log.warning("earlier incidents cannot be read: some may be told again")

    async def _step(self) -> None:
        self.state.take_settings(self.settings())
        records = self.state.step(self.board.latest, self.clock.now())
        await self._take(records)
        if any(isinstance(record, Delivery) for record in records):
            await self.flush(STORE_SECONDS)

    async def _take(self, records: Sequence[Record]) -> None:
        """Keep what changed, and show it."""
        for record in records:
            self.backlog.append(record)
        if records:
            self._news.set()
            await self.publish(self.state.log())

    def _send_due(self, nursery: trio.Nursery) -> None:
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
        finally:
            self._sending.discard(target.name)
        await self._take(self.state.note_attempt(delivery, self.clock.now(), error))

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

    def _seconds_to_wait(self) -> float:
        now = self.clock.now()
        due = self.state.due_at(self.board.latest, now)
        if due is None:
            return LONGEST_WAIT
        return min(max((due - now).total_seconds(), 0.0), LONGEST_WAIT)
