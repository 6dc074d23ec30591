"""The database's files: creating them private, renaming damaged ones, noticing replaced ones."""

import os
import stat
from datetime import datetime
from pathlib import Path

import attrs

from tracker.store.errors import READ_ONLY, StoreUnavailable

PRIVATE = 0o600
COMPANIONS = ("-wal", "-shm")  # SQLite creates them with the database's mode, whatever the umask


@attrs.frozen
class FileIdentity:
    """The file at a path. In WAL mode a deleted database still accepts writes."""

    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "FileIdentity | None":
        """Return the identity, None where there is no file."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_dev, found.st_ino)


@attrs.frozen
class FileSet:
    """The database and its companion files at their paths."""

    database: FileIdentity | None
    companions: tuple[FileIdentity | None, ...]

    @classmethod
    def at(cls, path: Path) -> "FileSet":
        """Note the identity of a database file and its companions, missing ones included."""
        return cls(FileIdentity.of(path), tuple(map(FileIdentity.of, companions(path))))


def companions(path: Path) -> tuple[Path, ...]:
    """Return the paths of the files that SQLite keeps beside a database."""
    return tuple(path.with_name(path.name + ending) for ending in COMPANIONS)


def prepare(path: Path) -> bool:
    """Make sure that a regular file stands at ``path``. True when it was there with content.

    Raises StoreUnavailable, also where the folder is missing: a mistyped path must not grow a
    tree of folders.
    """
    if not path.parent.is_dir():
        raise StoreUnavailable(f"its folder {path.parent} does not exist; create it")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE))
    except FileExistsError:
        size = size_of(path)
    else:
        return False
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise StoreUnavailable(READ_ONLY)  # clearer than SQLite's "unable to open"
    return size > 0


def size_of(path: Path) -> int:
    """Return the size in bytes.

    Raises StoreUnavailable for a pipe or the like, which never opens.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise StoreUnavailable(f"{path} is a folder; give the path of a file")
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnavailable(f"{path} is not a regular file; give the path of a regular file")
    return found.st_size


def size_or_nothing(path: Path) -> int:
    """Return the size in bytes, 0 where none can be told."""
    try:
        return size_of(path)
    except (OSError, StoreUnavailable):
        return 0


def unique_sibling(path: Path, word: str, now: datetime) -> Path:
    """Return a free name such as ``FILENAME.backup-20261123T151808Z``, in the same folder."""
    name = f"{path.name}.{word}-{now:%Y%m%dT%H%M%SZ}"
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, 10_000))
    return next(free for each in names if not (free := path.with_name(each)).exists())


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged database with its companions, so that it can still be opened together."""
    target = unique_sibling(path, "corrupt", now)
    path.rename(target)
    for source, kept in zip(companions(path), companions(target), strict=True):
        if source.exists():
            source.rename(kept)
    return target


def forget_companions(path: Path, ours: FileSet) -> None:
    """Delete the old WAL, which SQLite would replay into the new file."""
    for companion, known in zip(companions(path), ours.companions, strict=True):
        if known is not None and FileIdentity.of(companion) == known:
            companion.unlink()
