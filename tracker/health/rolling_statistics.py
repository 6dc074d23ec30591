"""Uptime and latency of one provider, kept up to date as results arrive.

Everything is exact. A check takes 18 bytes for the week it is kept, a success 8 more for its day:
39 kB a provider at the usual five minutes.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from operator import attrgetter
from types import MappingProxyType

import attrs

from tracker.core.provider_status import LatencySummary, Uptime
from tracker.health.check_sample import DOWN, NOT_COUNTED, UP, CheckSample, to_ranking_sample
from tracker.health.uptime_window import DAY, HOUR, WEEK, UptimeWindow
from tracker.ranking.policy import SAMPLES, Sample

# The wall clock may be set back, so rows that left the windows are kept a day longer.
SLACK = 90_000.0
# A check from further ahead comes from a clock that jumped; clock corrections are smaller.
AHEAD = 60.0
# A row is old only after so many newer checks as well: a clock that jumps a week ahead for a few
# seconds must not delete everything.
WITNESSES = 64
STORED_SECONDS = 0.001  # resolution of the stored time of a check
SPARE_ROWS = 1_024  # delete in steps: removing one row at the front moves all others
NO_LATENCY = -1


class Statistics:
    """Feed it with ``add``, move its windows with ``advance``, then read its properties."""

    def __init__(self) -> None:
        self._at = array("d")
        self._latency = array("q")  # microseconds: sums stay exact
        self._verdict = bytearray()
        self._completions = bytearray()
        self._hour, self._day, self._week = map(UptimeWindow, (HOUR, DAY, WEEK))
        self._sorted = array("q")  # the day's latencies in order: percentiles by index
        self._sum = 0
        self._spent = 0
        self._recent: deque[Sample] = deque(maxlen=SAMPLES)
        # checks dated in the future, in order: set apart until then
        self._ahead: list[CheckSample] = []
        # False while older checks are still being loaded: the properties are None until then
        self.complete = True

    @classmethod
    def restore(
        cls,
        at: "array[float]",
        verdict: bytes,
        latency_ms: "array[float]",
        completions: bytes,
        *,
        now: float,
        ttft_ms: Mapping[int, float] = MappingProxyType({}),
    ) -> "Statistics":
        """Restore from stored columns, in order of time; NaN where a latency is not known.

        ttft_ms: of the latest checks, by their place in the columns.
        """
        self = cls()
        self._at.extend(at)
        self._verdict.extend(verdict)
        self._completions.extend(completions)
        self._latency.extend(
            NO_LATENCY if math.isnan(ms) else round(ms * 1000) for ms in latency_ms
        )
        for window in (self._hour, self._day, self._week):
            window.start = len(self._at)
        self.advance(now)
        counted = [place for place, what in enumerate(verdict) if what != NOT_COUNTED][-SAMPLES:]
        self._recent.extend(
            to_ranking_sample(attrs.evolve(self._row(place), ttft_ms=ttft_ms.get(place)))
            for place in counted
            if place < len(self._at)
        )
        return self

    def results(self) -> Iterator[CheckSample]:
        """Return every check remembered, in order of time."""
        first_tokens = {sample.at: sample.ttft_ms for sample in self._recent}
        for row in map(self._row, range(len(self._at))):
            ttft_ms = first_tokens.get(row.at)
            yield row if ttft_ms is None else attrs.evolve(row, ttft_ms=ttft_ms)
        yield from self._ahead

    def add(self, result: CheckSample) -> None:
        """Take one check; it may be older than the last where the wall clock was set back."""
        if result.verdict != NOT_COUNTED:
            self._recent.append(to_ranking_sample(result))
        self._insert(result)

    def _insert(self, result: CheckSample) -> None:
        place = bisect_right(self._at, result.at)
        latency = NO_LATENCY if result.latency_ms is None else round(result.latency_ms * 1000)
        self._at.insert(place, result.at)
        self._latency.insert(place, latency)
        self._verdict.insert(place, result.verdict)
        self._completions.insert(place, min(result.completions, 255))
        for window in (self._hour, self._day, self._week):
            if place < window.start:
                window.start += 1
            else:
                window.count(self._verdict, place, place + 1, sign=1)
        if place >= self._day.start:
            self._enter_day(place)

    def uncount(self, at: float) -> None:
        """Count a failed check of that moment as neither up nor down."""
        place = bisect_left(self._at, at - STORED_SECONDS)
        if place >= len(self._at) or self._at[place] > at + STORED_SECONDS:
            return
        if self._verdict[place] != DOWN:
            return
        self._verdict[place] = NOT_COUNTED
        for window in (self._hour, self._day, self._week):
            window.down -= place >= window.start
        kept = (sample for sample in self._recent if abs(sample.at - at) > STORED_SECONDS)
        self._recent = deque(kept, maxlen=SAMPLES)

    def has(self, at: float) -> bool:
        """Return whether a check of that moment is known; a file tells it to the millisecond."""
        place = bisect_left(self._at, at - STORED_SECONDS)
        if place < len(self._at) and self._at[place] <= at + STORED_SECONDS:
            return True
        return any(abs(row.at - at) <= STORED_SECONDS for row in self._ahead)

    def advance(self, now: float) -> None:
        """Move the windows to end at ``now``, forward or back."""
        self._set_apart(now + AHEAD)
        for window in (self._hour, self._week):
            window.slide(self._verdict, bisect_right(self._at, now - window.seconds))
        before, after = self._day.start, bisect_right(self._at, now - DAY)
        self._day.slide(self._verdict, after)
        for place in range(before, after):
            self._leave_day(place)
        for place in range(after, before):
            self._enter_day(place)
        if self._at:
            newest = min(now, self._at[-min(WITNESSES, len(self._at))])
            self._forget(bisect_left(self._at, newest - WEEK - SLACK))

    def _set_apart(self, limit: float) -> None:
        """Keep what is from later than ``limit`` out of all windows; take back what is not."""
        while self._ahead and self._ahead[0].at <= limit:
            self._insert(self._ahead.pop(0))
        if self._at and self._at[-1] > limit:
            while self._at and self._at[-1] > limit:
                self._ahead.append(self._pop())
            self._ahead.sort(key=attrgetter("at"))

    def _pop(self) -> CheckSample:
        """Take the last row out."""
        place = len(self._at) - 1
        row = self._row(place)
        if place >= self._day.start:
            self._leave_day(place)
        for window in (self._hour, self._day, self._week):
            if place >= window.start:
                window.count(self._verdict, place, place + 1, sign=-1)
            window.start = min(window.start, place)
        for column in (self._at, self._latency, self._verdict, self._completions):
            column.pop()
        return row

    def _row(self, place: int) -> CheckSample:
        latency = self._latency[place]
        return CheckSample(
            self._at[place],
            self._verdict[place],
            None if latency == NO_LATENCY else latency / 1000,
            self._completions[place],
        )

    @property
    def uptime(self) -> Uptime:
        """Return the uptime of the last hour, day and week, each in percent or None."""
        if not self.complete:
            return Uptime()
        return Uptime(hour=self._hour.percent, day=self._day.percent, week=self._week.percent)

    @property
    def latency(self) -> LatencySummary | None:
        """Return the latency of the day's successful checks."""
        ordered = self._sorted
        if not ordered or not self.complete:
            return None
        return LatencySummary(
            min=ordered[0] / 1000,
            avg=self._sum / len(ordered) / 1000,
            p50=nearest_rank(ordered, 50) / 1000,
            p95=nearest_rank(ordered, 95) / 1000,
            max=ordered[-1] / 1000,
            samples=len(ordered),
        )

    @property
    def first(self) -> float | None:
        """Return when the oldest check that is remembered began, in epoch seconds."""
        return self._at[0] if self._at and self.complete else None

    @property
    def checks_in_day(self) -> int:
        """Return how many checks of the last 24 hours are kept."""
        return len(self._at) - self._day.start

    @property
    def completions_in_day(self) -> int:
        """Return how many checks of the last 24 hours were completions, which cost tokens."""
        return self._spent

    @property
    def recent(self) -> tuple[Sample, ...]:
        """Return the last checks that a ranking remembers, newest last, counted and limited."""
        return tuple(self._recent)

    def completions_since(self, start: float) -> int:
        """Return how many completions checks younger than ``start``, epoch seconds, have spent."""
        return sum(self._completions[bisect_right(self._at, start) :])

    def _good_latency(self, place: int) -> int:
        """Return a success's latency; the time of a failure is not a latency."""
        return self._latency[place] if self._verdict[place] == UP else NO_LATENCY

    def _enter_day(self, place: int) -> None:
        self._spent += self._completions[place]
        if (latency := self._good_latency(place)) != NO_LATENCY:
            self._sorted.insert(bisect_left(self._sorted, latency), latency)
            self._sum += latency

    def _leave_day(self, place: int) -> None:
        self._spent -= self._completions[place]
        if (latency := self._good_latency(place)) != NO_LATENCY:
            del self._sorted[bisect_left(self._sorted, latency)]
            self._sum -= latency

    def _forget(self, rows: int) -> None:
        if rows < SPARE_ROWS:
            return
        for column in (self._at, self._latency, self._verdict, self._completions):
            del column[:rows]
        for window in (self._hour, self._day, self._week):
            window.start -= rows


def nearest_rank(ordered: "array[int]", percent: int) -> int:
    """Return the smallest value that at least ``percent`` % of them do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1]
