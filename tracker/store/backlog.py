"""The records that wait for the disk. It survives a crash of the writer or the aggregator."""

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain

import trio

from tracker.core.records import ChangeRecord, CheckRecord, CorrectionRecord, Record

Batch = tuple[Sequence[Record], Sequence[Record]]  # changes and overrides, then checks
Numbered = tuple[int, Record]


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
        # Numbered in their common order, so that dropping a change needs no search: thousands of
        # incidents may wait before it.
        self._changes: deque[Numbered] = deque()
        self._rest: deque[Numbered] = deque()
        self._first, self._last = 0, 0  # numbers given so far
        self._taken: Batch = ((), ())
        self._filled = trio.Event()

    def __len__(self) -> int:
        others, checks = self._taken
        return len(others) + len(checks) + self._others_waiting + len(self._checks)

    @property
    def _others_waiting(self) -> int:
        return len(self._changes) + len(self._rest)

    def append(self, record: Record) -> None:
        """Queue a record to be stored; beyond the limit the oldest is dropped and counted."""
        others, checks = self._taken
        if isinstance(record, CheckRecord | CorrectionRecord):
            self._checks.append(record)
            if len(checks) + len(self._checks) > self.limit:
                self._checks.popleft()
                self.dropped += 1
        else:
            self._last += 1
            self._queue_of(record).append((self._last, record))
            if len(others) + self._others_waiting > self.others:
                self._drop_other()
        self._filled.set()

    def waiting(self) -> Sequence[Record]:
        """Return what is not stored yet, in the order it will be."""
        others, checks = self._taken
        return (*others, *checks, *self._in_order(), *self._checks)

    def holds(self, record: Record) -> bool:
        """Return whether this very record, which is no check, waits to be stored."""
        waiting = (each for _, each in self._queue_of(record))
        return any(each is record for each in chain(self._taken[0], waiting))

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
        others = tuple(self._take_other() for _ in range(min(most, self._others_waiting)))
        room = min(most - len(others), len(self._checks))
        checks = tuple(self._checks.popleft() for _ in range(room))
        self._taken = (others, checks)
        return (*others, *checks)

    def done(self) -> None:
        """Note that what was taken is stored. Called in the store's thread: a single assignment."""
        self._taken = ((), ())

    def put_back(self) -> None:
        """Put back what was taken and could not be stored."""
        (others, checks), self._taken = self._taken, ((), ())
        for record in reversed(others):
            self._first -= 1
            self._queue_of(record).appendleft((self._first, record))
        self._checks.extendleft(reversed(checks))

    def _drop_other(self) -> None:
        """Drop a change first: an override or a count of calls is told by nobody a second time."""
        (self._changes or self._rest).popleft()
        self.others_dropped += 1

    def _queue_of(self, record: Record) -> deque[Numbered]:
        return self._changes if isinstance(record, ChangeRecord) else self._rest

    def _take_other(self) -> Record:
        waiting = [queue for queue in (self._changes, self._rest) if queue]
        return min(waiting, key=lambda queue: queue[0][0]).popleft()[1]

    def _in_order(self) -> Iterator[Record]:
        both = merge(self._changes, self._rest, key=lambda each: each[0])
        return (record for _, record in both)
