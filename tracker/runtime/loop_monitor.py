"""An actor that only watches the event loop: how late it wakes is how long everybody waited."""

from collections import deque
from typing import NoReturn

import attrs
import trio

# A loop held for a quarter of a second lengthens every latency measured meanwhile by as much,
# which would call a provider slow for our own fault. Ordinary work holds it for milliseconds.
STALL_SECONDS = 0.25
# So much is told as a provider's latency at most, where the kernel does not say when bytes came.
LATE_SECONDS = 0.01
REMEMBERED_STALLS = 128  # one a beat: longer than any check takes


@attrs.define
class LoopMonitor:
    """Beats every ``beat`` seconds. All times are trio's."""

    beat: float = 0.1
    lag: float = 0.0  # of the last beat, seconds
    worst_lag: float = 0.0
    stalls: int = 0
    _last: float | None = None
    _noted: deque[tuple[float, float]] = attrs.field(
        factory=lambda: deque(maxlen=REMEMBERED_STALLS)
    )

    async def run(self) -> NoReturn:
        """Measure on every beat how late the event loop wakes us, until cancelled."""
        while True:
            self._last = began = trio.current_time()
            await trio.sleep(self.beat)
            now = trio.current_time()
            self._note(now, now - began - self.beat)

    def stall_since(self, began: float, least: float = STALL_SECONDS) -> float:
        """Return the longest stall of ``least`` seconds or more since ``began``, else 0.0.

        One that began and ended between two beats is not seen.
        """
        stalls = [gap for end, gap in self._noted if end > began]
        if self._last is not None:  # a stall may have ended just now, before our own beat
            stalls.append(trio.current_time() - self._last - self.beat)
        longest = max(stalls, default=0.0)
        return longest if longest >= least else 0.0

    def silent_for(self) -> float:
        """Return seconds by which the next beat is overdue."""
        if self._last is None:
            return 0.0
        return max(trio.current_time() - self._last - self.beat, 0.0)

    def _note(self, now: float, late: float) -> None:
        self.lag = max(late, 0.0)
        self.worst_lag = max(self.worst_lag, self.lag)
        self.stalls += self.lag >= STALL_SECONDS
        if self.lag >= LATE_SECONDS:
            self._noted.append((now, self.lag))
