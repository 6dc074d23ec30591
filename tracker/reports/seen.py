"""Which reports were taken already: each id once within a day, in bounded memory."""

from collections import deque

import attrs

HOUR = 3600.0
HOURS = 25  # a whole day back, whatever part of the present hour has passed
# Some 70 bytes each. A report that is older than ten minutes is refused anyway, so a day with
# more calls than this still takes none twice: only a new time under an old id could be.
MOST_IDS = 500_000


@attrs.define(eq=False)
class SeenReports:
    """Remembers ids by the hour; beyond ``limit`` the oldest hour is forgotten."""

    limit: int = MOST_IDS
    _hours: deque[tuple[int, set[int]]] = attrs.field(factory=deque)
    _count: int = 0

    def __len__(self) -> int:
        return self._count

    def add(self, reporter: str, report_id: str, now: float) -> bool:
        """Remember the report; False when it was taken before. ``now``: steady seconds."""
        mark = hash((reporter, report_id))
        self._forget(now)
        if any(mark in ids for _, ids in self._hours):
            return False
        hour = int(now // HOUR)
        if not self._hours or self._hours[-1][0] != hour:
            self._hours.append((hour, set()))
        self._hours[-1][1].add(mark)
        self._count += 1
        return True

    def _forget(self, now: float) -> None:
        oldest = int(now // HOUR) - HOURS + 1
        while self._hours and (self._hours[0][0] < oldest or self._count >= self.limit):
            _, ids = self._hours.popleft()
            self._count -= len(ids)
