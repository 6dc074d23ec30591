"""What an operator reads when the database cannot be used: the cause and what to do."""

import errno
import os

import apsw
import pytest

from tracker.store.errors import AWAY, reason_for

REASONS: list[tuple[Exception, str]] = [
    (apsw.BusyError(), "another process has locked it"),
    (apsw.LockedError(), "another process has locked it"),
    (apsw.FullError(), "the disk is full; free some space"),
    (apsw.ReadOnlyError(), "the file or its folder is read-only; make both writable"),
    (apsw.PermissionsError(), "the file or its folder is read-only; make both writable"),
    (apsw.NoMemError(), "the machine is out of memory"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
    (OSError("the disk was pulled out"), "the disk was pulled out"),
    (apsw.IOError("disk I/O error"), "reading or writing the file failed (disk I/O error)"),
    (
        apsw.CantOpenError("unable to open database file"),
        "reading or writing the file failed (unable to open database file)",
    ),
]


@pytest.mark.parametrize(("error", "reason"), REASONS)
def test_each_failure_of_the_disk_names_its_cause(error: Exception, reason: str) -> None:
    assert isinstance(error, AWAY)
    assert reason_for(error) == reason


def test_a_file_of_another_format_is_unavailable_and_says_what_to_do() -> None:
    error = apsw.SQLError("no such column: outcome")
    assert isinstance(error, AWAY)
    assert "no such column: outcome" in reason_for(error)
    assert "move the file away" in reason_for(error)
