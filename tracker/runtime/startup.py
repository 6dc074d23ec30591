"""Starting a tracker from stored data, which may arrive late."""

from collections.abc import Sequence

import attrs
import structlog
import trio

from tracker.core.settings import Provider
from tracker.runtime.history_loader import LOAD_SECONDS, HistoryLoader
from tracker.runtime.messages import HistoryLoaded
from tracker.runtime.report_receiver import ReportReceiver
from tracker.runtime.restore import RestoredState
from tracker.runtime.settings_changes import SettingsChanges

log = structlog.get_logger()

# Actors that start before anything is answered; ten thousand take more than a second.
AT_ONCE = 500


@attrs.define(eq=False, kw_only=True)
class Startup:
    """Restores, posts the first snapshot and starts the actors; a slow store may come later.

    started: set once every actor was started.
    """

    changes: SettingsChanges
    history: HistoryLoader
    receiver: ReportReceiver
    started: trio.Event

    async def start(self, nursery: trio.Nursery) -> None:
        """Start everything. nursery: the actors'."""
        changes, mailbox = self.changes, self.changes.mailbox
        nursery.start_soon(self.history.run)
        restored = await self.history.recent(LOAD_SECONDS)
        if restored is not None:
            self._merge(restored)
        elif self.history.is_readable:
            await mailbox.send(HistoryLoaded(past={}, complete=False))
        await changes.watch_all()
        if restored is not None:
            await mailbox.send(restored.restore)
        await mailbox.publish()
        providers = changes.settings.effective.providers
        await self._start_actors(providers[:AT_ONCE])
        await nursery.start(self._start_rest, providers[AT_ONCE:])
        if restored is None or not restored.restore.complete:
            nursery.start_soon(self._load_history_later, restored)

    async def _start_rest(
        self, rest: Sequence[Provider], task_status: trio.TaskStatus[None]
    ) -> None:
        """Start the other actors while questions are answered already; no change comes between."""
        try:
            async with self.changes.alone():
                task_status.started()
                await self._start_actors(rest)
        finally:
            self.started.set()  # nobody waits for what will not come
        self.history.go_on()
        log.info("tracker started", providers=len(self.changes.settings.effective.providers))

    async def _start_actors(self, providers: Sequence[Provider]) -> None:
        for provider in providers:
            self.changes.supervisor.start(provider)
            await trio.lowlevel.checkpoint()  # opening a thousand at once would block the loop

    async def _load_history_later(self, begun: RestoredState | None) -> None:
        """Load the history once the database, slow or away now, can be read.

        begun: what was taken already.
        """
        mailbox = self.changes.mailbox
        if begun is None:
            begun = await self.history.recent()
            if begun is None:  # the store is unavailable: count from now
                await mailbox.send(HistoryLoaded(past={}))
            else:
                await self._take_over(begun)
        whole = await self.history.whole()
        if begun is None:
            await self._take_over(whole)
        elif whole is not begun:
            self.changes.writer.remembered.set()
            await mailbox.send(whole.take_rest())

    async def _take_over(self, stored: RestoredState) -> None:
        """Take what is stored while the actors are at work."""
        async with self.changes.alone():
            self._merge(stored)
            await self.changes.watch_all(stored.overrides.keys())
            await self.changes.mailbox.send(stored.restore)

    def _merge(self, stored: RestoredState) -> None:
        changes = self.changes
        shared = changes.supervisor.shared
        shared.budget.spend(stored.completions_today, changes.aggregator.clock.now())
        shared.learned.update(stored.learned)
        self.receiver.restore(stored.seen)
        for override in changes.settings.merge_stored(stored.overrides):
            changes.aggregator.backlog.append(override)
        if stored.restore.complete:
            changes.writer.remembered.set()
