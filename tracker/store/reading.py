"""Reading in separate threads, each on a read-only connection that a cancellation interrupts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import attrs
import outcome
import trio

from tracker.core.threads import attempt_in_thread
from tracker.store.connection import close, connect, disable_checkpoint_on_close
from tracker.store.errors import (
    AWAY,
    DAMAGE,
    NOT_OURS,
    Damaged,
    HistoryTooLarge,
    StoreUnavailable,
    reason_for,
)
from tracker.store.files import FileIdentity, size_of
from tracker.store.ownership import check_owner
from tracker.store.schema import MIGRATIONS, version_of

T = TypeVar("T")

REASON_LENGTH = 200  # characters
NUDGE = 0.01  # seconds between interrupts: one that comes before the statement starts is lost


class DamageFound(Damaged):
    """``seen``: the damaged file."""

    def __init__(self, error: Exception, seen: FileIdentity | None) -> None:
        super().__init__(str(error))
        self.seen = seen


EXPECTED = (StoreUnavailable, DamageFound, HistoryTooLarge, apsw.InterruptError)


@attrs.define(eq=False)
class _Reader:
    """Opened for one read (50 µs), so that it never uses a file that was replaced."""

    path: Path
    finished: trio.Event = attrs.field(factory=trio.Event)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _connection: apsw.Connection | None = None

    def run(self, job: Callable[[apsw.Connection], T]) -> T:
        """Run in the thread. Raises StoreUnavailable, DamageFound, apsw.InterruptError."""
        seen = FileIdentity.of(self.path)
        try:
            with self._open() as connection:
                return job(connection)
        except (HistoryTooLarge, apsw.InterruptError):
            raise
        except DAMAGE as error:
            raise DamageFound(error, seen) from error
        except NOT_OURS as error:
            reason = f"a row in it cannot be read ({type(error).__name__}: {error})"
            raise StoreUnavailable(reason[:REASON_LENGTH]) from error
        except AWAY as error:
            missing = "the file is missing" if seen is None else reason_for(error)
            raise StoreUnavailable(missing) from error

    def interrupt(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()

    @contextmanager
    def _open(self) -> Iterator[apsw.Connection]:
        size_of(self.path)
        connection = connect(self.path, apsw.SQLITE_OPEN_READONLY)
        self._connection = connection
        try:
            disable_checkpoint_on_close(connection, True)
            connection.execute("BEGIN")  # all statements see one state of the database
            check_owner(connection)
            if version_of(connection) < len(MIGRATIONS):
                raise StoreUnavailable("its upgrade to the current schema is not finished yet")
            yield connection
        finally:
            with self._lock:  # an interrupt must not reach a half-closed connection
                self._connection = None
            close(connection)


async def read(path: Path, job: Callable[[apsw.Connection], T], limiter: trio.CapacityLimiter) -> T:
    """Run ``job`` in a thread; cancelling interrupts its statement and returns within moments."""
    reader = _Reader(path)
    answer: list[outcome.Outcome[T]] = []  # a failure is raised outside the nursery's group
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_interrupt_when_cancelled, reader)
        try:
            answer.append(
                await attempt_in_thread(
                    partial(reader.run, job), expected=EXPECTED, limiter=limiter
                )
            )
        finally:
            reader.finished.set()
    return answer.pop().unwrap()


async def _interrupt_when_cancelled(reader: _Reader) -> None:
    try:
        await reader.finished.wait()
    except trio.Cancelled:
        while not reader.finished.is_set():
            reader.interrupt()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + NUDGE):
                await reader.finished.wait()
        raise
