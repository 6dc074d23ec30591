"""Deciding whether the wall clock can be trusted when old rows are deleted. Pure."""

import attrs

# Seconds. Clock corrections are smaller than the first. Checks are less than the second apart, so
# an older newest check means that the tracker was off, or that the clock jumped.
CORRECTION, SILENCE = 60.0, 86_400.0
PROVEN_SECONDS = 3_600.0  # a clock that ran evenly for this long is trusted anyway


@attrs.define
class ClockTrust:
    """Compares the wall clock with the steady one and with stored checks from time to time.

    Three seconds of a clock eight days ahead must not delete a week of history.
    """

    _offset: float | None = None  # wall minus steady, at the last comparison
    _even_since: float = 0.0  # steady seconds

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
            return f"the clock jumped by {leapt:+.0f} s since the last comparison"
        if newest is None or steady - self._even_since >= PROVEN_SECONDS:
            return ""
        if (age := wall - newest) > SILENCE:
            return (
                f"the newest check is {age:.0f} s old: the tracker was off for long, or the "
                "clock jumped"
            )
        if earlier is not None and (gap := wall - earlier) > 2 * SILENCE:
            return (
                f"no check for {gap - SILENCE:.0f} s: the tracker was off for long, or the "
                "clock jumped"
            )
        return ""
