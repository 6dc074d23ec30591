"""The records that wait for the disk. It outlives a crash of the writer and of the aggregator."""

from collections import deque
from collections.abc import Sequence

import trio

from tracker.store.records import CheckRecord, Record


class Backlog:
    """Holds at most ``limit`` records; beyond it the oldest check is dropped, and counted.

    Changes and overrides are few and leave only when no check is left to drop. They go first
    when records are taken; checks keep their order.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self.dropped = 0
        self._checks: deque[Record] = deque()
        self._others: deque[Record] = deque()
        self._taken: tuple[Record, ...] = ()
        self._filled = trio.Event()

    def __len__(self) -> int:
        return len(self._taken) + len(self._others) + len(self._checks)

    def append(self, record: Record) -> None:
        (self._checks if isinstance(record, CheckRecord) else self._others).append(record)
        if len(self) > self.limit:
            (self._checks or self._others).popleft()
            self.dropped += 1
        self._filled.set()

    def waiting(self) -> Sequence[Record]:
        """What is not stored yet, in the order it will be."""
        return (*self._taken, *self._others, *self._checks)

    async def wait(self) -> None:
        """Until there is something to take."""
        while not len(self):
            self._filled = trio.Event()
            await self._filled.wait()

    def take(self, most: int) -> Sequence[Record]:
        """The oldest records. They stay ours until ``done``; what a crash left taken comes back."""
        self.put_back()
        batch = [self._others.popleft() for _ in range(min(most, len(self._others)))]
        rest = min(most - len(batch), len(self._checks))
        batch += [self._checks.popleft() for _ in range(rest)]
        self._taken = tuple(batch)
        return self._taken

    def done(self) -> None:
        """What was taken is stored. Called in the store's thread: a single assignment."""
        self._taken = ()

    def put_back(self) -> None:
        """What was taken could not be stored."""
        batch, self._taken = self._taken, ()
        for record in reversed(batch):
            queue = self._checks if isinstance(record, CheckRecord) else self._others
            queue.appendleft(record)
