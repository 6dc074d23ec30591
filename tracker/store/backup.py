"""The copy of a database that is kept beside it before an upgrade changes it."""

import os
from datetime import datetime
from pathlib import Path

import apsw

from tracker.store.files import PRIVATE, unique_sibling

UNFINISHED = ".backup-unfinished"


def back_up(connection: apsw.Connection, path: Path) -> Path:
    """Back up into one compact file. Raises AWAY, and then leaves no half copy.

    It gets its name once the upgrade is done: one that is killed half way leaves a single copy,
    however often it begins again.
    """
    target = path.with_name(path.name + UNFINISHED)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except BaseException:
        target.unlink()
        raise
    return target


def keep_backup(path: Path, now: datetime) -> Path | None:
    """Give the copy its name, ``FILENAME.backup-TIMESTAMP``; None where there is none."""
    unfinished = path.with_name(path.name + UNFINISHED)
    if not unfinished.exists():
        return None
    kept = unique_sibling(path, "backup", now)
    unfinished.rename(kept)
    return kept
