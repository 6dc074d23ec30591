"""Reads what the store remembers: in time for the start, or as soon as it can be read."""

from contextlib import suppress

import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.runtime.restore import RestoredState, restore_recent, restore_state
from tracker.store import Store, StoreUnavailable

log = structlog.get_logger()

# History is welcome, but no reason to keep proxies waiting: two million checks take two seconds,
# and a large file on a slow disk takes minutes to be opened, checked and migrated.
LOAD_SECONDS = 0.4
LOAD_RETRY_SECONDS = 2.0


@attrs.define(eq=False)
class HistoryLoader:
    """Loads once; says once why it cannot. A large history comes in two parts, the last first."""

    store: Store
    clock: Clock
    _unread: str = ""  # why what is stored could not be read
    _first_ended: trio.Event = attrs.field(factory=trio.Event)
    _first: RestoredState | None = None
    _recent: RestoredState | None = None
    _waiting: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def load_in_time(self, nursery: trio.Nursery) -> RestoredState | None:
        """Return what is stored, or at least the last of it; None where even that takes too long.

        nursery: where loading goes on that takes too long.
        """
        nursery.start_soon(self._load_recent)
        nursery.start_soon(self._load_first)
        with trio.move_on_after(LOAD_SECONDS):
            await self._first_ended.wait()
        self._waiting.cancel()
        return self._first or self._recent

    async def load_when_possible(self) -> RestoredState:
        """Wait until the store can be read: it was away at the start, or slow."""
        await self._first_ended.wait()
        stored = self._first
        while stored is None:
            await trio.sleep(LOAD_RETRY_SECONDS)
            stored = await self._load()
        return stored

    async def _load_recent(self) -> None:
        """Only while somebody waits for it; why it cannot be read the whole will tell."""
        with self._waiting, suppress(StoreUnavailable):
            self._recent = await restore_recent(self.store, now=self.clock.now())

    async def _load_first(self) -> None:
        self._first = await self._load()
        self._first_ended.set()

    async def _load(self) -> RestoredState | None:
        try:
            return await restore_state(self.store, now=self.clock.now())
        except StoreUnavailable as error:
            if error.reason != self._unread:  # it may stay so for days, and is tried every 2 s
                log.warning("history cannot be read yet", reason=error.reason)
            self._unread = error.reason
        return None
