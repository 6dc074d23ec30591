"""The writing connection: opened when needed, reopened when its file is replaced, and moved to a
fresh file when the old one is damaged.

Everything runs in the store's worker thread, one call at a time.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import apsw
import attrs
import structlog

from tracker.store import files
from tracker.store.connection import (
    close,
    connect,
    disable_checkpoint_on_close,
    probe_integrity,
    use_wal,
)
from tracker.store.errors import AWAY, DAMAGE, PASSING, StoreUnavailable, reason_for
from tracker.store.files import FileIdentity, FileSet
from tracker.store.ownership import adopt_restored, check_owner
from tracker.store.schema import upgrade
from tracker.store.takeover import is_original

log = structlog.get_logger()

T = TypeVar("T")


@attrs.define(eq=False)
class WriteConnection:
    """``path``: where the database belongs, whatever happens to the file there."""

    path: Path
    now: Callable[[], datetime]
    _resolved: bool = False
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _busy: apsw.Connection | None = None  # the one to interrupt; never a closed one
    _connection: apsw.Connection | None = None
    _standing: FileSet | None = None  # the files that the connection has open

    @classmethod
    def at(cls, path: str, now: Callable[[], datetime]) -> "WriteConnection":
        """Make a connection to the absolute path, which is not opened yet."""
        return cls(path=Path(path).absolute(), now=now)

    def use(self, job: Callable[[apsw.Connection], T]) -> T:
        """Do ``job`` on a sound connection to the file that stands at the path now.

        A damaged file is set aside and the job done on a fresh one.
        Raises StoreUnavailable while the file cannot be used; whatever else is a bug.
        """
        self._resolve()
        try:
            return self._attempt(job)
        except DAMAGE as damage:
            self._set_aside(str(damage))
        try:
            return self._attempt(job)
        except DAMAGE as damage:
            reason = f"even a new file is read as damaged ({damage}); check the disk"
            raise StoreUnavailable(reason) from damage

    def _resolve(self) -> None:
        """Go behind a link: a new file takes the place of a damaged one, not of the link.

        Not before the thread runs: a folder on a network that hangs would hang the event loop.
        """
        if not self._resolved:
            self.path, self._resolved = Path(os.path.realpath(self.path)), True

    def interrupt(self) -> None:
        """Stop the statement that runs now, from another thread."""
        with self._lock:
            if self._busy is not None:
                self._busy.interrupt()

    def quarantine(self, seen: FileIdentity | None, damage: str) -> None:
        """Move a file away that a reader found damaged.

        Raises StoreUnavailable if it cannot be moved.
        """
        if seen is not None and seen == FileIdentity.of(self.path):
            self._set_aside(damage)

    def close(self) -> None:
        """Close, carrying the write-ahead log over into the file first.

        SQLite does that by itself only for a file that was not moved and that nobody else has
        open.
        """
        if self._connection is not None:
            with suppress(apsw.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._close(self._connection)
            self._connection = None

    def _close(self, connection: apsw.Connection) -> None:
        with self._lock:
            self._busy = None
        close(connection)

    def _attempt(self, job: Callable[[apsw.Connection], T]) -> T:
        try:
            return job(self._open_connection())
        except (apsw.InterruptError, *DAMAGE):
            raise
        except OverflowError as error:  # a row from another program has the highest possible id
            reason = f"a number in it is too large for a database ({error}); correct it"
            raise StoreUnavailable(f"{reason}, or move the file away") from error
        except AWAY as error:
            if not isinstance(error, PASSING):
                self.close()
            raise StoreUnavailable(reason_for(error)) from error

    def _open_connection(self) -> apsw.Connection:
        if self._connection is not None:
            self._reopen_if_replaced()
        if self._connection is None:
            self._connection = self._open()
            self._standing = FileSet.at(self.path)
        return self._connection

    def _reopen_if_replaced(self) -> None:
        now = FileSet.at(self.path)
        if self._standing is None or now == self._standing:
            return
        log.error("database deleted or replaced by another process", path=str(self.path))
        self.close()  # completes the file if it was only moved
        if now.database != self._standing.database:
            files.forget_companions(self.path, self._standing)

    def _open(self) -> apsw.Connection:
        filled = files.prepare(self.path)
        connection = connect(self.path)
        with self._lock:
            self._busy = connection
        try:
            disable_checkpoint_on_close(connection, True)
            if filled:
                adopt_restored(connection)
            check_owner(connection)
            if filled:
                probe_integrity(connection)
            if is_original(connection):
                self.path.chmod(files.PRIVATE)  # it was readable by everybody
            use_wal(connection)
            upgrade(connection, self.path, self.now())
            disable_checkpoint_on_close(connection, False)
        except BaseException:
            self._close(connection)
            raise
        return connection

    def _set_aside(self, damage: str) -> None:
        if self._connection is not None:
            disable_checkpoint_on_close(self._connection, True)
            self._let_go()
        try:
            target = files.set_aside(self.path, self.now())
        except OSError as error:
            raise StoreUnavailable(
                f"it is damaged and cannot be renamed ({error.strerror}); move it away"
            ) from error
        log.error("damaged database set aside", damage=damage, kept_as=str(target))
