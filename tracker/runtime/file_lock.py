"""A lock on a file, held by at most one process."""

import fcntl
import os
from pathlib import Path

import attrs


@attrs.define(eq=False)
class FileLock:
    """A lock file next to the database: two processes on one would send each other's checks.

    The lock is not on the database itself: closing that file would drop SQLite's own locks.
    """

    path: Path
    _descriptor: int | None = None

    def acquire(self) -> bool:
        """Take it; False while another process has it. Where we may not write, nobody does."""
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; nothing where it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
