"""Measuring stalls of the event loop: a timer that wakes late shows how long tasks waited."""

from collections import deque
from typing import NoReturn

import attrs
import trio

from tracker.core.shared_wakes import SharedWakes

# A loop blocked for a quarter of a second adds as much to every latency measured then, so a
# provider would seem slow through our fault. Ordinary work blocks it for milliseconds.
STALL_SECONDS = 0.25
# The longest delay of ours accepted within a latency when the kernel gives no time stamp.
LATE_SECONDS = 0.01
REMEMBERED_STALLS = 128  # one per beat: covers longer than any check takes


@attrs.define
class LoopMonitor:
    """Wakes every ``beat`` seconds, with others where ``wakes`` says so. Times: trio seconds."""

    beat: float = 0.1
    wakes: SharedWakes = attrs.field(factory=SharedWakes, kw_only=True)
    lag: float = 0.0  # of the last beat, seconds
    worst_lag: float = 0.0
    stalls: int = 0
    _due: float | None = None  # of the next beat
    _noted: deque[tuple[float, float]] = attrs.field(
        factory=lambda: deque(maxlen=REMEMBERED_STALLS)
    )

    async def run(self) -> NoReturn:
        """Measure on every beat how late the event loop wakes us, until cancelled."""
        while True:
            self._due = due = self.wakes.at(trio.current_time() + self.beat)
            await trio.sleep_until(due)
            now = trio.current_time()
            self._note(now, now - due)

    def stall_since(self, began: float, least: float = STALL_SECONDS) -> float:
        """Return the longest stall of ``least`` seconds or more since ``began``, else 0.0.

        One that began and ended between two beats is not seen.
        """
        stalls = [gap for end, gap in self._noted if end > began]
        if self._due is not None:  # a stall may have ended just now, before our next beat
            stalls.append(trio.current_time() - self._due)
        longest = max(stalls, default=0.0)
        return longest if longest >= least else 0.0

    def silent_for(self) -> float:
        """Return seconds by which the next beat is overdue."""
        if self._due is None:
            return 0.0
        return max(trio.current_time() - self._due, 0.0)

    def _note(self, now: float, late: float) -> None:
        self.lag = max(late, 0.0)
        self.worst_lag = max(self.worst_lag, self.lag)
        self.stalls += self.lag >= STALL_SECONDS
        if self.lag >= LATE_SECONDS:
            self._noted.append((now, self.lag))
