"""Reads what the store remembers: in time for the start, or as soon as it can be read."""

import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.runtime.restore import RestoredState, restore_state
from tracker.store import Store, StoreUnavailable

log = structlog.get_logger()

LOAD_SECONDS = 10.0  # history is welcome, but no reason to keep proxies waiting
LOAD_RETRY_SECONDS = 2.0


@attrs.define(eq=False)
class HistoryLoader:
    """Loads once; says once why it cannot."""

    store: Store
    clock: Clock
    _unread: str = ""  # why what is stored could not be read

    async def load_in_time(self) -> RestoredState | None:
        """Return what is stored; None where it takes too long or cannot be read now."""
        with trio.move_on_after(LOAD_SECONDS):
            return await self._load()
        return None

    async def load_when_possible(self) -> RestoredState:
        """Wait until the store can be read: it was away at the start, or slow."""
        while True:
            await trio.sleep(LOAD_RETRY_SECONDS)
            if (stored := await self._load()) is not None:
                return stored

    async def _load(self) -> RestoredState | None:
        try:
            return await restore_state(self.store, now=self.clock.now())
        except StoreUnavailable as error:
            if error.reason != self._unread:  # it may stay so for days, and is tried every 2 s
                log.warning("history cannot be read yet", reason=error.reason)
            self._unread = error.reason
        return None
