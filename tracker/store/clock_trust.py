"""Which rows are too old to be kept, and how far the wall clock can be trusted for that. Pure."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from statistics import median_low

import attrs

# Seconds. Clock corrections are smaller than this. Checks are less than HOURS_APART hours apart, so
# a longer gap means that the tracker was off, or that the clock jumped.
CORRECTION = 60.0
HOURS_APART = 24
# A leap that may leave no gap: checks are filed by the hour, so one hour more.
LONGEST_LEAP = (HOURS_APART + 1) * 3_600.0
MOST_LEAPS = 1_000  # of a clock that is set without end
LONGEST_DATE = 40  # characters of a header: "Sat, 28 Nov 2026 11:18:46 GMT" has 29
TELLERS = 1_000  # providers whose dates are kept


@attrs.define
class ClockTrust:
    """Compares the wall clock with the steady one from time to time.

    The steady clock counts suspended time where the system has such a clock (Linux), so a leap is
    no night's sleep.
    """

    _offset: float | None = None  # wall minus steady, at the last comparison
    _leaps: list[tuple[float, float]] = attrs.field(factory=list)  # steady seconds, and how far

    def doubt(self, wall: float, steady: float) -> str:
        """Say why nothing should be deleted by this clock now; empty where it went evenly."""
        before, self._offset = self._offset, wall - steady
        leapt = 0.0 if before is None else self._offset - before
        if abs(leapt) > CORRECTION:
            self._leaps = [*self._leaps, (steady, leapt)][-MOST_LEAPS:]
            return f"the clock jumped by {leapt:+.0f} s since the last comparison"
        return ""

    def ahead(self, steady: float, retention: float) -> float:
        """Return by how many seconds the wall clock leapt forward that nothing else accounts for.

        Leaps longer than HOURS_APART leave a gap, see ``unobserved_hours``; those that happened
        more than ``retention`` seconds ago are over: so long was checked since.
        """
        found = [
            leap
            for at, leap in self._leaps
            if abs(leap) <= LONGEST_LEAP and steady - at <= retention
        ]
        return max(sum(found), 0.0)


@attrs.define
class ToldTime:
    """The time according to the providers: the Date header of their answers.

    Only providers on other machines count: one on ours has the same clock. One wrong date among
    three changes nothing, and no wrong date can delete rows that our own clock would keep.
    """

    _dates: dict[str, tuple[str, float]] = attrs.field(factory=dict)

    def note(self, teller: str, date: str, steady: float) -> None:
        """Note a header as it came, at so many steady seconds; it is read when it is needed."""
        if date and (teller in self._dates or len(self._dates) < TELLERS):
            self._dates[teller] = date[:LONGEST_DATE], steady

    def now(self, steady: float) -> float | None:
        """Return seconds since 1970 by the middle one's word; None where nobody has told any."""
        told = [
            seconds + steady - at for seconds, at in map(_read, self._dates.values()) if seconds
        ]
        return median_low(told) if told else None


def _read(noted: tuple[str, float]) -> tuple[float, float]:
    text, at = noted
    try:
        return parsedate_to_datetime(text).timestamp(), at
    except (ValueError, OverflowError, TypeError):
        return 0.0, at


def unobserved_hours(
    now: int,
    retention: float,
    oldest_within: Callable[[int, int], int | None],
    newest_before: Callable[[int], int | None],
) -> int:
    """Return how many of the last hours nothing was checked for longer than HOURS_APART.

    As many hours are gone back as it takes to find ``retention`` hours in which checks were made.
    now, and what the functions take and return: hours since 1970. oldest_within: the first hour
    with a check from one to another, the second left out; newest_before: the last one before an
    hour.

    Such hours may never have been: a clock that leaps eight days ahead makes the same gap as a
    tracker that was off for eight days, and must not delete a week of history.
    """
    position, left, gaps = now, retention, 0
    while left > 0:
        found = oldest_within(position - HOURS_APART, position)
        if found is not None:
            left -= position - found
        elif (found := newest_before(position - HOURS_APART)) is not None:
            gaps += position - found
        else:
            break
        position = found
    return gaps


def prunable_before(wall: float, told: float | None, retention: float, gap: float) -> float:
    """Return the moment, in seconds since 1970, before which everything is too old to be kept.

    told: what time it is by the word of others. retention, gap: seconds; gap as
    ``unobserved_hours`` and ``ClockTrust.ahead`` found it. Whichever of both lets more go is
    right: what was checked for so long is that old at least, and so is what is that old by the
    clocks of others.
    """
    observed = wall - retention - gap
    return observed if told is None else max(observed, min(wall, told) - retention)
