"""Alert tasks of several trackers on virtual time, on one hub made of a few dictionaries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

import attrs
import trio

from tests.helpers.alert_scenario import START, a_down_provider, config_of, snapshot_of
from tests.helpers.idle_tracker import a_provider
from tracker.alerts.rules import AlertRules
from tracker.alerts.sharing import KnownAlerts, Role
from tracker.alerts.state import AlertState
from tracker.alerts.targets import Sender
from tracker.core.clock import Clock
from tracker.core.incidents import Delivery, Incident, IncidentLog
from tracker.core.records import Record
from tracker.core.settings import AlertTarget, Config
from tracker.core.snapshot import Snapshot
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.board import Board
from tracker.store import Store
from tracker.store.backlog import Backlog


def now() -> datetime:
    return START + timedelta(seconds=trio.current_time())


@attrs.define(eq=False)
class Hub:
    """herald: the tracker that sends alerts. away: the hub cannot be reached."""

    herald: str = "one"
    away: bool = False
    incidents: dict[str, Incident] = attrs.field(factory=dict)
    deliveries: dict[tuple[str, str], Delivery] = attrs.field(factory=dict)
    mutes: dict[str, datetime] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Sharing:
    """AlertSharing of the tracker ``name``."""

    name: str
    hub: Hub

    def role(self) -> Role:
        if self.hub.away:
            return Role.ALONE
        return Role.HERALD if self.hub.herald == self.name else Role.FOLLOWER

    async def load(self) -> KnownAlerts | None:
        await trio.lowlevel.checkpoint()
        if self.hub.away:
            return None
        rows = tuple(self.hub.deliveries.values())
        incidents = tuple(self.hub.incidents.values())
        return KnownAlerts(incidents=incidents, deliveries=rows, mutes=dict(self.hub.mutes))

    def view(self, snapshot: Snapshot) -> Snapshot:
        return snapshot

    async def keep(self, records: Iterable[Record], snapshot: Snapshot) -> bool:
        await trio.lowlevel.checkpoint()
        if self.role() is not Role.HERALD:
            return False
        for record in records:
            if isinstance(record, Incident):
                self.hub.incidents[record.id] = record
            elif isinstance(record, Delivery):
                self.hub.deliveries[record.key, record.target] = record
        return True

    async def acknowledge(self, incident: str, by: str) -> None:
        await trio.lowlevel.checkpoint()
        known = self.hub.incidents[incident]
        self.hub.incidents[incident] = attrs.evolve(known, acknowledged_by=by)

    async def mute(self, provider: str, minutes: float) -> None:
        await trio.lowlevel.checkpoint()
        self.hub.mutes[provider] = now() + timedelta(minutes=minutes)


@attrs.define(eq=False)
class Receiver:
    """Replaces Sender. hanging: it accepts a message, but never answers, else after ``seconds``."""

    heard: list[tuple[str, Delivery]] = attrs.field(factory=list)
    hanging: bool = False
    seconds: float = 0.0

    def sender(self, name: str) -> Sender:
        receiver = self

        class Sends:
            async def send(self, _: AlertTarget, delivery: Delivery, *_more: object) -> str:
                await trio.lowlevel.checkpoint()
                receiver.heard.append((name, delivery))
                if receiver.hanging:
                    await trio.sleep_forever()
                await trio.sleep(receiver.seconds)
                return ""

        return cast("Sender", Sends())

    def kinds(self) -> list[str]:
        return [delivery.kind.value for _, delivery in self.heard]

    def keys(self) -> set[str]:
        return {delivery.key for _, delivery in self.heard}


class EmptyStore:
    """A store without records of an earlier process."""

    async def load_incidents(self) -> Any:
        await trio.lowlevel.checkpoint()
        return KnownAlerts(mutes=MappingProxyType({}))


@attrs.define(eq=False)
class Rig:
    """One provider that all trackers see alike, and the messages of their common target."""

    config: Config = attrs.field(
        factory=lambda: config_of("a", targets=("webhook 1",), page=("provider",), reminder_hours=1)
    )
    hub: Hub = attrs.field(factory=Hub)
    receiver: Receiver = attrs.field(factory=Receiver)
    tasks: dict[str, AlertTask] = attrs.field(factory=dict)
    logs: dict[str, IncidentLog] = attrs.field(factory=dict)
    scopes: dict[str, trio.CancelScope] = attrs.field(factory=dict)
    down: datetime | None = None
    revision: int = 0

    def task(self, name: str, *, shared: bool = True) -> AlertTask:
        async def flush(_: float) -> bool:
            await trio.lowlevel.checkpoint()
            return True

        async def publish(log: IncidentLog) -> None:
            await trio.lowlevel.checkpoint()
            self.logs[name] = log

        self.tasks[name] = AlertTask(
            board=Board(self.snapshot()),
            store=cast("Store", EmptyStore()),
            backlog=Backlog(),
            state=AlertState(AlertRules(self.config)),
            sender=self.receiver.sender(name),
            settings=lambda: self.config,
            flush=flush,
            publish=publish,
            clock=Clock(now=now),
            shared=Sharing(name, self.hub) if shared else None,
        )
        return self.tasks[name]

    async def run(self, name: str, *, shared: bool = True) -> None:
        """Until it is killed."""
        task = self.task(name, shared=shared)
        with trio.CancelScope() as self.scopes[name]:
            await task.run()

    def kill(self, name: str) -> None:
        self.scopes.pop(name).cancel()
        del self.tasks[name]

    def snapshot(self) -> Snapshot:
        self.revision += 1
        view = a_provider("a") if self.down is None else a_down_provider("a", self.down)
        return attrs.evolve(snapshot_of([view], now()), revision=self.revision)

    def post(self) -> None:
        for task in self.tasks.values():
            task.board.post(self.snapshot())

    def fail(self) -> None:
        self.down = now()
        self.post()

    def recover(self) -> None:
        self.down = None
        self.post()

    async def passes(self, seconds: float) -> None:
        """Snapshots come once a minute, as a tracker publishes them."""
        end = trio.current_time() + seconds
        while (left := end - trio.current_time()) > 0:
            await trio.sleep(min(left, 60.0))
            self.post()

    def shown(self) -> Mapping[str, Sequence[tuple[str, bool]]]:
        """Return by tracker the ids of its incidents and whether they are over."""
        return {
            name: [(each.id, each.closed_at is not None) for each in log.incidents]
            for name, log in self.logs.items()
        }
