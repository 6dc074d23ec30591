"""The store as the rest of the tracker uses it: asynchronous, and nothing waits for it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import apsw
import attrs
import structlog
import trio

from tracker.core.clock import Clock
from tracker.core.records import ChangeRecord, Record
from tracker.store import history, hours, loading, takeover, writing
from tracker.store.changes import read_changes
from tracker.store.clock_file import ClockFinding, compare_clocks
from tracker.store.clock_trust import ClockComparison
from tracker.store.database import WriteConnection
from tracker.store.errors import StoreUnavailable
from tracker.store.files import size_or_nothing
from tracker.store.heartbeat import Heartbeat
from tracker.store.history import HistoryQuery
from tracker.store.incidents import StoredIncidents, load_incidents
from tracker.store.loading import StoredData
from tracker.store.outgoing import (
    FileIdentity,
    Outgoing,
    change_identity,
    count_waiting,
    load_identity,
    load_outgoing,
)
from tracker.store.points import History
from tracker.store.reading import DamageFound, read
from tracker.store.traffic import TrafficBucket, read_traffic
from tracker.store.worker import Worker

log = structlog.get_logger()

T = TypeVar("T")

CLOSE_SECONDS = 2.0  # what is still in the write-ahead log is read at the next start
OPENING_SECONDS = 2.0  # a new file is made in 50 ms; on a busy machine ten times that was seen
READERS = 2  # in parallel: enough for people, and the writer keeps its share of the disk


@attrs.frozen
class StoreState:
    """The state shown by health. ``reason``: why it is unavailable, empty while it works."""

    ok: bool = True
    reason: str = ""


OPENING = StoreState(ok=False, reason="it is still being opened")


def _nothing() -> None:
    pass


def _look(_: apsw.Connection) -> None:
    """Do nothing: opening is all that is wanted."""


@attrs.define(eq=False)
class Store:
    """The store. Every statement of the writing connection goes through one worker, one at a time.

    Every method raises StoreUnavailable while the file cannot be used, and tries again at each
    call.
    """

    _database: WriteConnection
    _clock: Clock
    _worker: Worker = attrs.field(init=False)
    readers: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(READERS))
    state: StoreState = OPENING
    _tried: trio.Event = attrs.field(factory=trio.Event)  # to open it
    others: tuple[str, ...] = ()  # trackers that write to the same file
    _started: datetime = attrs.field(init=False)
    _heartbeat: Heartbeat = attrs.field(init=False)
    left_out: int = 0  # checks in the file that could not be read at the start

    def __attrs_post_init__(self) -> None:
        self._worker = Worker(self._database.interrupt)
        self._started = self._clock.now()
        self._heartbeat = Heartbeat(self._started)

    @property
    def worker(self) -> trio.CapacityLimiter:
        """Return the limiter of one token, borrowed while the writing connection is at work."""
        return self._worker.limiter

    async def settle(self, seconds: float) -> bool:
        """Wait until nothing is being written, so long at most; say whether that is so."""
        return await self._worker.settle(seconds)

    async def write(
        self, records: Sequence[Record], *, committed: Callable[[], object] = _nothing
    ) -> None:
        """Store all records or none. ``committed`` is called in the thread, right after COMMIT,
        so that no crash can come between.
        """

        def job(connection: apsw.Connection) -> None:
            writing.store(connection, records)
            committed()

        await self._use(job)

    async def load(self, since: datetime) -> StoredData:
        """Return what judging and statistics carry on from."""
        unusable = ""
        try:
            await self._use(_look)
        except StoreUnavailable as error:  # a locked or read-only file can still be read
            log.debug("loading from a database that cannot be written", reason=error.reason)
            unusable = error.reason
        try:
            found = await self._read(self._loading(since))
        except StoreUnavailable as error:
            # The reason why it cannot be opened says more.
            raise StoreUnavailable(unusable or error.reason) from None
        self.left_out = found.left_out
        return found

    async def load_recent(self, since: datetime) -> StoredData:
        """Load without waiting for the file to be opened, checked and migrated."""
        return await self._read(self._loading(since))

    def _loading(self, since: datetime) -> Callable[[apsw.Connection], StoredData]:
        return partial(loading.load, since=since, now=self._clock.now(), started=self._started)

    async def size(self) -> int:
        """Return the bytes of the file, 0 where none can be told."""
        return await trio.to_thread.run_sync(
            size_or_nothing, self._database.path, limiter=self.readers, abandon_on_cancel=True
        )

    async def beat(self) -> None:
        """Renew our row in the file, and look who else does so."""
        now = self._clock.now()
        before, self.others = self.others, await self._use(partial(self._heartbeat.beat, now=now))
        if self.others and not before:
            log.error("another tracker writes to the same database", trackers=self.others)

    async def compare_clocks(self, now: ClockComparison, retention: timedelta) -> ClockFinding:
        """Compare the clocks with those stored by this tracker or the one before, and store them.

        Once in a while and before ``prune``; see ``ClockRecord``.
        """
        seconds = retention.total_seconds()
        return await self._use(partial(compare_clocks, now=now, retention=seconds))

    async def prune(self, before: datetime) -> int:
        """Remove checks and changes older than ``before``; returns how many rows went.

        In short transactions, so that results are stored in between.
        """
        total, pruned = 0, writing.PRUNE_ROWS
        while pruned >= writing.PRUNE_ROWS:
            pruned = await self._use(partial(writing.prune, before=before, now=self._clock.now()))
            total += pruned
        while pruned := await self._use(partial(takeover.forget, before=before)):
            total += pruned
        return total

    async def sum_up(self, oldest: datetime) -> bool:
        """Sum up some checks of an hour that is over and began at ``oldest`` or later.

        Returns whether there was anything to do.
        """
        return await self._use(partial(hours.sum_up, now=self._clock.now(), oldest=oldest))

    async def history(
        self,
        names: Iterable[str] | None = None,
        *,
        since: datetime,
        until: datetime | None = None,
        resolution: float | None = None,
        raw: bool = False,
        model: str | None = None,
    ) -> History:
        """Read single checks (``raw``), buckets of ``resolution`` seconds, or what fits best.

        names: None for every provider with checks; a named one without any has no points. model:
        the checks of this offer, None for those of the providers themselves.
        Raises ValueError for an impossible resolution or an answer too large.
        """
        until = until or self._clock.now()
        question = HistoryQuery.of(names, since, until, resolution, raw=raw, model=model)
        return await self._answer(partial(history.history, question=question))

    async def changes(
        self,
        provider: str | None = None,
        *,
        since: datetime,
        until: datetime | None = None,
        limit: int = 500,
    ) -> tuple[ChangeRecord, ...]:
        """Return the newest ``limit`` changes of one provider or of everything, oldest first."""
        job = partial(read_changes, provider=provider, since=since, until=until, limit=limit)
        return await self._answer(job)

    async def load_incidents(self) -> StoredIncidents:
        """Return what the alerts carry on from."""
        return await self._answer(load_incidents)

    async def identity(self) -> FileIdentity:
        """Return who this file is in a cluster."""
        return await self._use(load_identity)

    async def change_identity(self, origin: str) -> None:
        """Go on under another name in the cluster."""
        await self._use(partial(change_identity, origin=origin))

    async def outgoing(self, after: int, most: int) -> Outgoing:
        """Read our own checks with numbers above ``after``."""
        return await self._answer(partial(load_outgoing, after=after, most=most))

    async def waiting(self, after: int) -> int:
        """Count our own checks with numbers above ``after``."""
        return await self._answer(partial(count_waiting, after=after))

    async def traffic(
        self, names: Iterable[str], *, since: datetime, resolution: int
    ) -> Mapping[str, tuple[TrafficBucket, ...]]:
        """Read each named provider's real calls in buckets of ``resolution`` seconds, oldest first.

        Raises HistoryTooLarge.
        """
        job = partial(
            read_traffic,
            names=tuple(names),
            since=since,
            until=self._clock.now(),
            resolution=resolution,
        )
        return await self._answer(job)

    async def _close(self) -> None:
        """Close within CLOSE_SECONDS: a disk that does not answer must not keep the process."""
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            if await self.settle(CLOSE_SECONDS):
                await trio.to_thread.run_sync(
                    self._database.close, limiter=self.worker, abandon_on_cancel=True
                )

    async def _use(self, job: Callable[[apsw.Connection], T]) -> T:
        try:
            answer = await self._worker.run(partial(self._database.use, job))
        except StoreUnavailable as error:
            self.state = StoreState(ok=False, reason=error.reason)
            raise
        else:
            self.state = StoreState()
            return answer
        finally:
            self._tried.set()

    async def _answer(self, job: Callable[[apsw.Connection], T]) -> T:
        """Read; who asks while a new file is still being made waits for it a moment."""
        try:
            return await self._read(job)
        except StoreUnavailable:
            if self._tried.is_set():
                raise
        with trio.move_on_after(OPENING_SECONDS):  # a large file is checked or migrated for minutes
            await self._tried.wait()
        return await self._read(job)

    async def _read(self, job: Callable[[apsw.Connection], T]) -> T:
        path = self._database.path
        try:
            return await read(path, job, self.readers)
        except DamageFound as damage:
            condemn = partial(self._database.quarantine, damage.seen, str(damage))
        await self._worker.run(condemn)
        await self._use(_look)  # a new file was created meanwhile
        try:
            return await read(path, job, self.readers)
        except DamageFound as damage:
            raise StoreUnavailable(f"it is damaged ({damage})") from damage


@asynccontextmanager
async def open_store(
    path: str, *, clock: Clock = Clock(), wait: bool = True
) -> AsyncIterator[Store]:
    """Open the store. Never fails because of the disk: ``state`` tells, and each call tries again.

    wait: for the file to be opened, checked and migrated; else the first call does that.
    """
    store = Store(database=WriteConnection.at(path, clock.now), clock=clock)
    if wait:
        try:
            await store._use(_look)  # noqa: SLF001 (our own)
        except StoreUnavailable as error:
            log.warning("database unavailable", path=path, reason=error.reason)
    try:
        yield store
    finally:
        await store._close()  # noqa: SLF001
