"""Opening SQLite, and transactions."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from tracker.store.errors import Damaged

# A locked database must give the thread back soon; the writer has retries of its own.
BUSY_MS = 250
# After a long outage the log shrinks back to this.
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
    # NORMAL survives kill -9 whole; a power cut may cost the last moments, never the file.
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
        if connection.in_transaction:  # a full disk may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


def close(connection: apsw.Connection) -> None:
    """Close even while a statement runs; an error of the file is not raised."""
    with suppress(apsw.Error):  # the last words of a broken file have nobody to hear them
        connection.close(True)


def value(connection: apsw.Connection, sql: str, bindings: Any = None) -> Any:
    """Return the first column of the first row, None without one."""
    row = connection.execute(sql, bindings).fetchone()
    return None if row is None else row[0]


def epoch_ms(seconds: float) -> int:
    """Convert seconds since 1970 to the whole milliseconds that are stored."""
    return round(seconds * 1000.0)
