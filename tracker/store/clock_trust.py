"""Which rows are too old to be kept, and how far the wall clock can be trusted for that. Pure."""

from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from statistics import median_low

import attrs

# Seconds. Clock corrections are smaller than this. Checks are less than HOURS_APART hours apart, so
# a longer gap means that the tracker was off, or that the clock jumped.
CORRECTION = 60.0
HOURS_APART = 24
MOST_LEAPS = 100  # of a clock that is set without end
LONGEST_DATE = 40  # characters of a header: "Sat, 28 Nov 2026 11:18:46 GMT" has 29
TELLERS = 100  # providers whose dates are kept: they are read twice a minute


@attrs.frozen(kw_only=True)
class ClockComparison:
    """The clocks at one moment, in seconds.

    wall: since 1970. boot: of which start of the machine ``steady`` is; empty where that is not
    known. told: since 1970 by the word of providers, None where none tells.
    """

    wall: float
    steady: float
    boot: str = ""
    told: float | None = None


@attrs.frozen
class Leap:
    """One change of what the wall clock shows. offset: wall minus certain seconds, before it.

    until: the certain seconds at which rows may still have been written with that offset.
    """

    offset: float
    until: float


@attrs.frozen
class ToldAnchor:
    """A moment whose time providers told. certain, wall, leapt: as in the record then."""

    told: float
    certain: float
    wall: float
    leapt: int

    @property
    def offset(self) -> float:
        """Return by how much the wall clock was ahead of the certain seconds."""
        return self.wall - self.certain


@attrs.frozen(kw_only=True)
class ClockRecord:
    """How much time has certainly passed with a file, whatever its trackers' wall clocks showed.

    Seconds are certain while a steady clock counts them: within a process, and between two on one
    start of the machine. After another start nobody knows how long the machine was off, only what
    providers told before and after. The record is kept in the file whose rows it is about.

    certain: all such seconds. base: wall minus certain, after the last leap. leaps: those of which
    rows may be left, oldest first; leapt: how many there ever were. ``boot``, ``wall`` and
    ``steady`` as compared last.
    """

    boot: str
    wall: float
    steady: float
    certain: float = 0.0
    base: float
    leaps: Sequence[Leap] = ()
    leapt: int = 0
    told: ToldAnchor | None = None

    @classmethod
    def begin(cls, now: ClockComparison, unobserved: float = 0.0) -> "ClockRecord":
        """Begin with a file without a record.

        unobserved: how many of the last seconds nothing was checked; that they passed is to be
        shown. What the rows before them show as their time is believed.
        """
        record = cls(boot=now.boot, wall=now.wall, steady=now.steady, base=now.wall)
        if unobserved <= 0.0:
            return record
        before = now.wall - unobserved
        anchor = ToldAnchor(before, 0.0, before, 0)
        return attrs.evolve(record, leaps=(Leap(before, 0.0),), leapt=1, told=anchor)

    @property
    def offset(self) -> float:
        """Return by how much the wall clock is ahead of the certain seconds."""
        return self.wall - self.certain

    def leap(self, now: ClockComparison) -> float:
        """Return by how many seconds the wall clock went faster than the steady one since."""
        return now.wall - self.wall - self._passed(now)

    def is_same_boot(self, now: ClockComparison) -> bool:
        """Return whether the steady clock tells how much time has passed since."""
        return bool(self.boot) and self.boot == now.boot and now.steady >= self.steady

    def compare(self, now: ClockComparison, retention: float) -> "ClockRecord":
        """Return the record as of now. Leaps older than ``retention`` seconds are over."""
        certain = self.certain + self._passed(now)
        base, leapt = self.base, self.leapt
        leaps = [each for each in self.leaps if each.until > certain - retention]
        if abs(now.wall - certain - base) > CORRECTION:
            # Rows of the time since the last comparison may have either offset.
            leaps.append(Leap(min(self.base, self.offset), certain))
            base, leapt = now.wall - certain, leapt + 1
        return attrs.evolve(
            self,
            boot=now.boot,
            wall=now.wall,
            steady=now.steady,
            certain=certain,
            base=base,
            leaps=_merged(leaps),
            leapt=leapt,
        ).believe(now.told)

    def kept(self, retention: float) -> float:
        """Return for how many seconds beyond the retention, by the wall clock, rows are kept.

        A row shows a time that is the certain seconds of its writing and the offset of then. All of
        the last ``retention`` certain seconds stay; so does what has the time of one of these.
        """
        held = [each.offset for each in self.leaps if each.until > self.certain - retention]
        return max(self.offset - min([self.base, *held]), 0.0) if held else 0.0

    def _passed(self, now: ClockComparison) -> float:
        return now.steady - self.steady if self.is_same_boot(now) else 0.0

    def believe(self, told: float | None) -> "ClockRecord":
        """Count time as passed if the wall clock shows it and providers told it, before and now."""
        if told is None:
            return self
        record, before = self, self.told
        rise = 0.0 if before is None else self.offset - before.offset
        if before is not None and rise > CORRECTION:
            unknown = told - before.told - (self.certain - before.certain)
            if min(unknown, rise) <= CORRECTION:
                return self  # they may tell it later
            record = self._add(min(unknown, rise), self.leapt - before.leapt)
        anchor = ToldAnchor(told, record.certain, record.wall, record.leapt)
        return attrs.evolve(record, told=anchor)

    def _add(self, seconds: float, latest: int) -> "ClockRecord":
        """Count seconds that passed at one of the ``latest`` leaps.

        At the first: then nothing that was written after any of them is taken for older than it is.
        """
        if latest <= 0:
            return self
        kept = max(len(self.leaps) - latest, 0) + 1
        later = (Leap(each.offset - seconds, each.until + seconds) for each in self.leaps[kept:])
        return attrs.evolve(
            self,
            certain=self.certain + seconds,
            base=self.base - seconds,
            leaps=(*self.leaps[:kept], *later),
        )


def _merged(leaps: Sequence[Leap]) -> tuple[Leap, ...]:
    """Merge the oldest of too many."""
    if len(leaps) <= MOST_LEAPS:
        return tuple(leaps)
    oldest, rest = leaps[: 1 - MOST_LEAPS], leaps[1 - MOST_LEAPS :]
    return Leap(min(each.offset for each in oldest), oldest[-1].until), *rest


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
