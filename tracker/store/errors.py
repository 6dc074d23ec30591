"""Which failures mean that the database is unavailable or damaged; all others are bugs."""

import apsw


class StoreUnavailable(Exception):  # noqa: N818 (a state of the world, not an error of ours)
    """The database cannot be used now. ``reason``: why, and what to do, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HistoryTooLarge(ValueError):  # noqa: N818
    """More points were requested than one answer may contain."""


class Damaged(Exception):  # noqa: N818
    """The file is not a valid database."""


# apsw decodes text when reading: bytes that are not UTF-8 were not written by us.
DAMAGE = (Damaged, apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)

_LOCKED = (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)

AWAY = (
    *_LOCKED,
    apsw.FullError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.PermissionsError,
    apsw.IOError,
    apsw.NoMemError,
    OSError,
    # Other refusals of SQLite: a column or trigger that is not ours, a missing table.
    apsw.Error,
)
# A row that was not written by us: an invalid time, text that is not JSON.
NOT_OURS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

READ_ONLY = "the file or its folder is read-only; make both writable"

# After these the connection is still good; after the others a new one is opened.
PASSING = (*_LOCKED, apsw.FullError)


def reason_for(error: Exception) -> str:
    """Describe one of AWAY in plain words."""
    if isinstance(error, _LOCKED):
        return "another process has locked it"
    if isinstance(error, apsw.FullError):
        return "the disk is full; free some space"
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError):
        return READ_ONLY
    if isinstance(error, apsw.NoMemError):
        return "the machine is out of memory"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if not isinstance(error, apsw.IOError | apsw.CantOpenError):
        return (
            f"its content was not written by this program ({error}); "
            "correct it, or move the file away"
        )
    return f"reading or writing the file failed ({error})"
