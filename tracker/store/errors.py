"""Which failures mean that the database is away, which that it is damaged; the rest are bugs."""

import apsw


class StoreUnavailable(Exception):  # noqa: N818 (a state of the world, not an error of ours)
    """The database cannot be used now. ``reason``: why, and what to do, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HistoryTooLarge(ValueError):  # noqa: N818
    """More points were asked for than one answer may hold."""


class Damaged(Exception):  # noqa: N818
    """The file is not a sound database."""


# apsw decodes text as it reads: bytes that are not UTF-8 were never written by us.
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
    # Whatever else SQLite refuses: a column or a trigger that is not ours, a table that is gone.
    apsw.Error,
)
# A row that no program of ours wrote: a moment that is none, text that is no JSON.
NOT_OURS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

READ_ONLY = "the file or its folder is read-only; make both writable"

# After these the connection itself is sound; after the others a new one is opened.
PASSING = (*_LOCKED, apsw.FullError)


def reason_for(error: Exception) -> str:
    """Describe one of AWAY in plain words."""
    if isinstance(error, _LOCKED):
        return "it is locked by another process"
    if isinstance(error, apsw.FullError):
        return "the disk is full; free some space"
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError):
        return READ_ONLY
    if isinstance(error, apsw.NoMemError):
        return "the system is out of memory"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if not isinstance(error, apsw.IOError | apsw.CantOpenError):
        return (
            f"its content is not what this program writes ({error}); mend it, or move the file away"
        )
    return f"reading or writing the file failed ({error})"
