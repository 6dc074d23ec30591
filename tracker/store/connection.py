"""Opening SQLite, and transactions."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from tracker.store.errors import Damaged

# A locked database must release the thread soon; the writer retries anyway.
BUSY_MS = 250
# After a long outage the write-ahead log shrinks back to this.
JOURNAL_BYTES = 16 * 1024 * 1024


def connect(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE) -> apsw.Connection:
    """Open a database with our busy time-out. Raises apsw.Error."""
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    return connection


def disable_checkpoint_on_close(connection: apsw.Connection, wanted: bool) -> None:
    """Keep closing from moving the write-ahead log into the file, while ``wanted``."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(wanted))


def use_wal(connection: apsw.Connection) -> None:
    """Switch to a write-ahead log of bounded size. Raises apsw.Error."""
    # NORMAL loses nothing on kill -9; a power cut may lose the last moments but not damage the
    # file.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")


def probe_integrity(connection: apsw.Connection) -> None:
    """Raise Damaged for a damaged file. Reads the whole file: 0.3 s for two million rows."""
    connection.execute("PRAGMA cell_size_check = ON")
    answer = str(value(connection, "PRAGMA quick_check(1)"))
    if answer != "ok":
        raise Damaged(answer)


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Do all or nothing; take the write lock at once, so that it cannot fail half way for it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # on a full disk SQLite may have rolled back already
            connection.execute("ROLLBACK")
        raise


def close(connection: apsw.Connection) -> None:
    """Close even while a statement runs; an error of the file is not raised."""
    with suppress(apsw.Error):  # errors while closing a broken file do not matter
        connection.close(True)


def value(connection: apsw.Connection, sql: str, bindings: Any = None) -> Any:
    """Return the first column of the first row, None without one."""
    row = connection.execute(sql, bindings).fetchone()
    return None if row is None else row[0]


def epoch_ms(seconds: float) -> int:
    """Convert seconds since 1970 to the whole milliseconds that are stored."""
    return round(seconds * 1000.0)
