"""Changes of settings with everything they reach but a store: a mailbox that the test empties."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import attrs
import trio

from tests.helpers.factories import finding
from tracker.core.outcomes import CheckResult
from tracker.core.ranking import Ranking
from tracker.core.settings import Config, Provider
from tracker.core.snapshot import Snapshot
from tracker.probes.check import Check, FunctionCheck
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.actor_context import ActorContext
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.board import Board
from tracker.runtime.live_settings import LiveSettings
from tracker.runtime.mailbox import Mailbox
from tracker.runtime.messages import Message, ProviderAdded
from tracker.runtime.model_directory import ModelDirectory
from tracker.runtime.settings_changes import SettingsChanges
from tracker.runtime.supervisor import Supervisor
from tracker.store.backlog import Backlog
from tracker.store.writer import Writer
from tracker.testing import virtual_clock


@attrs.define
class WriterSettings:
    """What changes of settings see of a writer."""

    retention_days: float = 90.0
    remembered: trio.Event = attrs.field(factory=trio.Event)


@attrs.define
class SettingsRig:
    """handled: every message, in order. checked: names, in the order of their checks."""

    changes: SettingsChanges
    writer: WriterSettings
    release: Callable[[], None]
    handled: list[Message] = attrs.field(factory=list)
    checked: list[str] = attrs.field(factory=list)

    def added(self) -> list[str]:
        return [each.provider.name for each in self.handled if isinstance(each, ProviderAdded)]


@asynccontextmanager
async def settings_rig(*providers: Provider, held: bool = False) -> AsyncIterator[SettingsRig]:
    """Actors run and the aggregator handles what comes. held: checks wait for ``rig.release``."""
    clock, writer = virtual_clock(), WriterSettings()
    outbox, inbox = trio.open_memory_channel[Message](100)
    board = Board(Snapshot(timestamp=clock.now(), revision=0, ranking=Ranking(reason="")))
    aggregator = Aggregator(board=board, backlog=Backlog(), rank=FallbackRanker(), clock=clock)
    checked: list[str] = []
    released = trio.Event()
    if not held:
        released.set()

    @asynccontextmanager
    async def open_check(settings: Provider) -> AsyncIterator[Check]:
        async def check() -> CheckResult:
            await released.wait()
            checked.append(settings.name)
            return finding()

        yield FunctionCheck(check)

    async with inbox, outbox, trio.open_nursery() as nursery:
        supervisor = Supervisor(nursery, outbox, ActorContext(open_check, clock=clock))
        changes = SettingsChanges(
            settings=LiveSettings(Config(providers=providers)),
            mailbox=Mailbox(outbox),
            aggregator=aggregator,
            supervisor=supervisor,
            writer=cast("Writer", writer),
            models=ModelDirectory(),
        )
        rig = SettingsRig(changes, writer, release=released.set, checked=checked)

        async def handle() -> None:
            async for message in inbox:
                aggregator.handle(message)
                rig.handled.append(message)

        nursery.start_soon(handle)
        yield rig
        nursery.cancel_scope.cancel()
