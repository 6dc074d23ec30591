"""Lets checks begin one after the other, a moment apart."""

import attrs
import trio

CATCH_UP_SECONDS = 0.02  # timers are late by a little each time: a sweep makes good for that


@attrs.define
class StartLimiter:
    """A turnstile. About one start a millisecond: a thousand at once would measure their own
    queue (a reported median of 704 ms for a true 50 ms), paced they measure the providers (51.8).

    And at most one start a turn of the event loop: where that is late, on a busy machine, a crowd
    of starts at once would make it later still.
    """

    gap: float = 0.0009  # a check costs 0.7 ms of CPU: closer together, they queue
    _free_at: float = -float("inf")
    held: bool = False
    _line: trio.Lock = attrs.field(factory=trio.Lock)
    _released: trio.Event = attrs.field(factory=trio.Event)

    def release(self) -> None:
        """Let the held starts go, in the order in which they came."""
        self.held = False
        self._released.set()

    async def turn(self) -> None:
        """Wait until the next check may start: one each ``gap`` seconds."""
        now = trio.current_time()
        if now >= self._free_at and not self.held and not self._line.locked():
            self._free_at = now + self.gap  # nobody waits: no turn of the loop is needed
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
