"""Starting checks one after another, with a short gap."""

import attrs
import trio

CATCH_UP_SECONDS = 0.02  # timers are always a little late: a sweep may catch up by this much


@attrs.define
class StartLimiter:
    """Limits starts to about one per millisecond. A thousand at once would measure their own queue
    (a median of 704 ms for a true 50 ms); with the limit they measure the providers (51.8 ms).

    At most one start per step of the event loop, too: when that is late on a busy machine, many
    starts at once would make it even later. A few may begin together after a pause.
    """

    gap: float = 0.0009  # a check takes 0.7 ms of CPU: with a shorter gap they would queue
    _free_at: float = -float("inf")
    held: bool = False
    _line: trio.Lock = attrs.field(factory=trio.Lock)
    _released: trio.Event = attrs.field(factory=trio.Event)

    def release(self) -> None:
        """Let the held starts go, in the order in which they came."""
        self.held = False
        self._released.set()

    async def turn(self, together: int = 1) -> None:
        """Wait until the next check may start: one each ``gap`` seconds.

        together: how many may start in the same step where none did shortly before.
        """
        now = trio.current_time()
        early = (together - 1) * self.gap
        if now >= self._free_at - early and not self.held and not self._line.locked():
            # nobody is waiting: no step of the loop is needed
            self._free_at = max(self._free_at, now) + self.gap
            return
        async with self._line:
            if self.held:
                await self._released.wait()
            late = trio.current_time() - self._free_at
            if late < 0.0:
                await trio.sleep(-late)
            self._free_at = self.gap + (
                self._free_at if late < CATCH_UP_SECONDS else trio.current_time()
            )
