"""One moment on both clocks, and the way from one to the other."""

from datetime import datetime, timedelta

import attrs

FAR_SECONDS = 4e8  # a dozen years: beyond it dates end, and nobody's plans reach so far


@attrs.frozen
class ClockReading:
    """Now, on both clocks."""

    at: datetime
    steady: float

    def wall(self, steady: float | None) -> datetime | None:
        """The wall time of a steady moment, as the wall clock stands now."""
        if steady is None:
            return None
        return self.at + timedelta(seconds=min(steady - self.steady, FAR_SECONDS))

    def to_steady(self, at: datetime | None) -> float | None:
        return None if at is None else self.steady + (at - self.at).total_seconds()
