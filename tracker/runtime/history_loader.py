"""Loading history from the store: at the start, or later when it cannot be read yet."""

import math
from contextlib import suppress

import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.runtime.restore import RestoredState, restore_recent, restore_state
from tracker.store import Store, StoreUnavailable

log = structlog.get_logger()

# Proxies should not wait for the history: two million checks take two seconds, and a large file on
# a slow disk takes minutes to open, check and migrate.
LOAD_SECONDS = 0.4
LONG_BYTES = 16 * 1024 * 1024  # a file with about 150,000 checks; a smaller one is read at once
LOAD_RETRY_SECONDS = 2.0


@attrs.define(eq=False)
class HistoryLoader:
    """Loads in two parts, the last checks first; logs only once why it cannot.

    ``run`` loads; ``recent`` waits for the last checks, ``whole`` for everything.
    """

    store: Store
    clock: Clock
    _unread: str = ""  # why the stored data could not be read
    _tried: trio.Event = attrs.field(factory=trio.Event)  # the last checks were read, or cannot be
    _begun: trio.Event = attrs.field(factory=trio.Event)
    _whole_read: trio.Event = attrs.field(factory=trio.Event)
    _first: RestoredState | None = None
    _whole: RestoredState | None = None

    @property
    def is_readable(self) -> bool:
        """Return whether the history is not known to be away."""
        return not self._unread

    async def run(self) -> None:
        """Load everything, however long that takes."""
        if await self.store.size() > LONG_BYTES:
            await self._load_recent()
            await self._begun.wait()
        await self._load_whole()

    def go_on(self) -> None:
        """Read the whole of a long history now: reading beside the start would slow it down."""
        self._begun.set()

    async def recent(self, seconds: float = math.inf) -> RestoredState | None:
        """Return the first that was read, the whole or the last of it; None after ``seconds``.

        None also where nothing can be read now.
        """
        with trio.move_on_after(seconds):
            await self._tried.wait()
        return self._whole or self._first

    async def whole(self) -> RestoredState:
        """Wait until everything was read: the store was away at the start, or slow."""
        await self._whole_read.wait()
        assert self._whole is not None
        return self._whole

    async def _load_recent(self) -> None:
        """Read the last checks; why they cannot be read the whole will tell."""
        with suppress(StoreUnavailable):
            self._first = await restore_recent(self.store, now=self.clock.now())
            self._tried.set()

    async def _load_whole(self) -> None:
        while self._whole is None:
            try:
                self._whole = await restore_state(self.store, now=self.clock.now())
            except StoreUnavailable as error:
                if (
                    error.reason != self._unread
                ):  # this may last for days, and it is retried every 2 s
                    log.warning("history cannot be read yet", reason=error.reason)
                self._unread = error.reason
                self._tried.set()
                await trio.sleep(LOAD_RETRY_SECONDS)
        self._tried.set()
        self._whole_read.set()
