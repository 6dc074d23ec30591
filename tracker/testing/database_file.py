"""A tracker's database file as another process sees it, and faults to inject into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from tracker.store import connection as sqlite
from tracker.store import writer
from tracker.store.errors import DAMAGE
from tracker.store.files import companions

_ROWS = """
SELECT id, provider_name, model, checked_at_ms, outcome, response_time_ms FROM checks
WHERE id > ? ORDER BY id
"""
_NEWEST = "SELECT coalesce(max(id), 0) FROM checks"
_BEFORE = "SELECT id FROM checks WHERE checked_at_ms < ?"
_IS_OURS = "SELECT count(*) FROM sqlite_schema WHERE name = 'checks'"
_OVERRIDES = "SELECT provider_name, interval_seconds, enabled FROM overrides"


class DiskFault(StrEnum):
    LOCKED = "locked"  # another connection holds the write lock
    FOLDER = "folder"  # the file was moved away and a folder stands in its place


@attrs.frozen
class Row:
    """One stored check."""

    number: int
    provider: str
    model: str | None
    at_ms: int
    outcome: str
    latency_ms: float | None


@attrs.define(eq=False)
class DatabaseFile:
    """The database at ``path``."""

    path: Path
    trouble: DiskFault | None = None
    _holder: Any = None
    _newest: int = 0
    _patience: tuple[int, float] = attrs.field(
        init=False, factory=lambda: (sqlite.BUSY_MS, writer.LONGEST_DELAY)
    )

    def hurry(self, *, longest_delay: float = writer.LONGEST_DELAY) -> None:
        """Make no call in this process wait for a lock until ``close``.

        longest_delay: of a writer, in seconds, between two failed attempts. A virtual clock stops
        at each of them.
        """
        sqlite.BUSY_MS, writer.LONGEST_DELAY = 0, longest_delay

    def close(self) -> None:
        """Close this object's connection to the file."""
        self.mend()
        sqlite.BUSY_MS, writer.LONGEST_DELAY = self._patience

    @property
    def exists(self) -> bool:
        """Return whether the file is there now."""
        return self.path.is_file()

    def inject(self, trouble: DiskFault) -> None:
        """Inject one fault at a time, only into a file that exists."""
        self.trouble = trouble
        if trouble is DiskFault.LOCKED:
            self._holder = sqlite.connect(self.path)
            self._holder.execute("BEGIN IMMEDIATE")
        else:
            self.path.rename(self._moved)
            self.path.mkdir()

    def mend(self) -> None:
        """End the present fault."""
        trouble, self.trouble = self.trouble, None
        if trouble is DiskFault.LOCKED:
            self._holder.execute("ROLLBACK")
            self._holder.close()
        elif trouble is DiskFault.FOLDER:
            self.path.rmdir()
            self._moved.rename(self.path)

    def delete(self) -> None:
        """Delete the file and what SQLite keeps beside it."""
        for path in self._files:
            path.unlink(missing_ok=True)
        self._newest = 0

    @property
    def is_ours(self) -> bool:
        """Return whether the file is a readable database made by this tracker."""
        if not self.exists:
            return False
        try:
            with self._reading() as connection:
                return bool(sqlite.value(connection, _IS_OURS))
        except DAMAGE:
            return False

    def new_rows(self) -> list[Row]:
        """Return the rows stored since the last call, in their order.

        After all rows were pruned the numbers begin again: call this before others are stored.
        """
        with self._reading() as connection:
            self._newest = min(self._newest, int(sqlite.value(connection, _NEWEST)))
            rows = [Row(*row) for row in connection.execute(_ROWS, (self._newest,))]
        self._newest = rows[-1].number if rows else self._newest
        return rows

    def numbers_before(self, moment: datetime) -> set[int]:
        """Return the numbers of the checks made before it."""
        bounds = (round(moment.timestamp() * 1000.0),)
        with self._reading() as connection:
            return {number for (number,) in connection.execute(_BEFORE, bounds)}

    def count(self) -> int:
        """Return how many checks it holds."""
        with self._reading() as connection:
            return int(sqlite.value(connection, "SELECT count(*) FROM checks"))

    def overrides(self) -> dict[str, tuple[float | None, bool | None]]:
        """Return the overrides by provider: interval, and whether the provider is on."""
        with self._reading() as connection:
            rows = connection.execute(_OVERRIDES).fetchall()
        return {name: (seconds, None if on is None else bool(on)) for name, seconds, on in rows}

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """Restore the files at the end of the block to what they were at its start."""
        images = {path: path.read_bytes() for path in self._files if path.is_file()}
        try:
            yield
        finally:
            for path in self._files:
                if path in images:
                    path.write_bytes(images[path])
                elif path.is_file():
                    path.unlink()
            for path in companions(self.path)[1:]:  # shared memory ends with its process
                path.unlink(missing_ok=True)

    @property
    def _moved(self) -> Path:
        return self.path.with_name(f"{self.path.name}.moved")

    @property
    def _files(self) -> tuple[Path, ...]:
        return (self.path, self._moved, *companions(self.path))

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        connection = sqlite.connect(self.path)
        try:
            yield connection
        finally:
            sqlite.close(connection)
