"""The records that wait for the disk. It survives a crash of the writer or the aggregator."""

from collections import deque
from collections.abc import Sequence

import trio

from tracker.core.records import ChangeRecord, CheckRecord, CorrectionRecord, Record

Batch = tuple[Sequence[Record], Sequence[Record]]  # changes and overrides, then checks


class Backlog:
    """Holds at most ``limit`` checks and ``others`` changes and overrides; neither displaces the
    other. Beyond that the oldest is dropped and counted.

    dropped: checks; each check produced is stored, waiting or dropped. others_dropped: changes, and
    other records when no changes are left. When records are taken, checks come last and keep their
    order.
    """

    def __init__(self, limit: int = 100_000, *, others: int = 10_000) -> None:
        self.limit = limit
        self.others = others
        self.dropped = 0
        self.others_dropped = 0
        self._checks: deque[Record] = deque()
        self._others: deque[Record] = deque()
        self._taken: Batch = ((), ())
        self._filled = trio.Event()

    def __len__(self) -> int:
        others, checks = self._taken
        return len(others) + len(checks) + len(self._others) + len(self._checks)

    def append(self, record: Record) -> None:
        """Queue a record to be stored; beyond the limit the oldest is dropped and counted."""
        others, checks = self._taken
        if isinstance(record, CheckRecord | CorrectionRecord):
            self._checks.append(record)
            if len(checks) + len(self._checks) > self.limit:
                self._checks.popleft()
                self.dropped += 1
        else:
            self._others.append(record)
            if len(others) + len(self._others) > self.others:
                self._drop_other()
        self._filled.set()

    def waiting(self) -> Sequence[Record]:
        """Return what is not stored yet, in the order it will be."""
        others, checks = self._taken
        return (*others, *checks, *self._others, *self._checks)

    def holds(self, record: Record) -> bool:
        """Return whether this very record, which is no check, waits to be stored."""
        return any(each is record for each in (*self._taken[0], *self._others))

    async def wait(self) -> None:
        """Wait until there is something to take."""
        while not len(self):
            self._filled = trio.Event()
            await self._filled.wait()

    def take(self, most: int) -> Sequence[Record]:
        """Take the oldest records.

        They stay ours until ``done``; what a crash left taken comes back.
        """
        self.put_back()
        others = _first(self._others, most)
        self._taken = (others, _first(self._checks, most - len(others)))
        return (*others, *self._taken[1])

    def done(self) -> None:
        """Note that what was taken is stored. Called in the store's thread: a single assignment."""
        self._taken = ((), ())

    def put_back(self) -> None:
        """Put back what was taken and could not be stored."""
        (others, checks), self._taken = self._taken, ((), ())
        self._others.extendleft(reversed(others))
        self._checks.extendleft(reversed(checks))

    def _drop_other(self) -> None:
        """Drop a change first: an override or a count of calls is told by nobody a second time."""
        others = (n for n, each in enumerate(self._others) if isinstance(each, ChangeRecord))
        del self._others[next(others, 0)]
        self.others_dropped += 1


def _first(queue: deque[Record], most: int) -> Sequence[Record]:
    return tuple(queue.popleft() for _ in range(min(most, len(queue))))
