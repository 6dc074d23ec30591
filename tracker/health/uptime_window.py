"""One window of uptime: which of a provider's checks it covers, and how they are counted. Pure."""

import attrs

from tracker.health.check_sample import DOWN, UP

HOUR, DAY, WEEK = 3_600.0, 86_400.0, 604_800.0


@attrs.define
class UptimeWindow:
    """The checks from ``start`` on: those younger than ``seconds``.

    The owner of the checks passes ``verdict``, how each of them counts, in order of time.
    """

    seconds: float
    start: int = 0
    up: int = 0
    down: int = 0

    @property
    def percent(self) -> float | None:
        """Return the uptime, None where nothing was counted."""
        counted = self.up + self.down
        return 100.0 * self.up / counted if counted else None

    def slide(self, verdict: bytearray, start: int) -> None:
        """Begin at another check, earlier or later."""
        self.count(verdict, self.start, start, sign=-1)
        self.count(verdict, start, self.start, sign=1)
        self.start = start

    def count(self, verdict: bytearray, start: int, stop: int, *, sign: int) -> None:
        """Count these checks in (1) or out (-1)."""
        if start < stop:
            self.up += sign * verdict.count(UP, start, stop)
            self.down += sign * verdict.count(DOWN, start, stop)
