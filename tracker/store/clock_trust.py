"""Whether the wall clock may decide what is too old to be kept. Pure."""

import attrs

# Seconds. A clock is corrected by less than the first; checks are less than the second apart, so
# that an older newest one tells of a tracker that was off, or of a clock that leapt.
CORRECTION, SILENCE = 60.0, 86_400.0
PROVEN_SECONDS = 3_600.0  # a clock that has gone evenly for so long is believed all the same


@attrs.define
class ClockTrust:
    """Compares the wall clock with the steady one and with what is stored, once in a while.

    Three seconds of a clock eight days ahead must not delete a week of history.
    """

    _offset: float | None = None  # wall minus steady, when last looked at
    _even_since: float = 0.0  # steady

    def doubt(
        self, wall: float, steady: float, newest: float | None, earlier: float | None = None
    ) -> str:
        """Say why nothing should be deleted by this clock now; empty where it may be believed.

        newest: when the newest check up to now began, by the wall clock of then; earlier: the
        newest one that is older than SILENCE. A clock that leaps alike at each start finds its own
        checks from the last time, so the newest alone proves nothing.
        """
        before, self._offset = self._offset, wall - steady
        leapt = 0.0 if before is None else self._offset - before
        if before is None or abs(leapt) > CORRECTION:
            self._even_since = steady
        if abs(leapt) > CORRECTION:
            return f"the clock leapt by {leapt:+.0f} s since it was last looked at"
        if newest is None or steady - self._even_since >= PROVEN_SECONDS:
            return ""
        if (age := wall - newest) > SILENCE:
            return f"the newest check is {age:.0f} s old: we were off for long, or the clock leapt"
        if earlier is not None and (gap := wall - earlier) > 2 * SILENCE:
            return f"no check for {gap - SILENCE:.0f} s: we were off for long, or the clock leapt"
        return ""
