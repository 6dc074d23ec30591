"""What can happen to the database's file, each as a block: it lasts while the block runs."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import attrs
import trio

PAGE = 4096
ROOMY, CROWDED = "size=64m", 65_536
Inject = Callable[["Place"], AbstractAsyncContextManager[None]]


@attrs.define(eq=False)
class Place:
    """A folder of its own for the database. ``pid``: of the server, 0 before it runs."""

    folder: Path
    pid: int = 0

    @property
    def database(self) -> Path:
        return self.folder / "status.db"

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("status.db*"))


@attrs.frozen(kw_only=True)
class Fault:
    """``heals``: the tracker mends it at once, nobody else has to. keeps: the rows from before
    stay in the file. at_start: it stands there before the server runs.
    """

    inject: Inject
    heals: bool = False
    keeps: bool = True
    at_start: bool = False
    buffer_limit: int = 100_000
    on_tmpfs: bool = False


@asynccontextmanager
async def locked(place: Place) -> AsyncIterator[None]:
    """Another process holds the write lock."""
    with closing(sqlite3.connect(place.database, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 5000")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@asynccontextmanager
async def disk_full(place: Place) -> AsyncIterator[None]:
    """The file system has no block left."""
    filler = place.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(CROWDED))
        except OSError:
            pass
        try:
            while True:
                file.write(b"0")
        except OSError:
            pass
    yield
    filler.unlink()


@asynccontextmanager
async def no_growth(place: Place) -> AsyncIterator[None]:
    """No file may be written beyond its first kilobyte (RLIMIT_FSIZE): writes fail half way."""
    before = resource.prlimit(place.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(place.pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.prlimit(place.pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def read_only(place: Place) -> AsyncIterator[None]:
    """Modes do not bind root: then the folder is mounted read-only."""
    if os.geteuid():
        place.database.chmod(0o400)
        place.folder.chmod(0o500)
        yield
        place.folder.chmod(0o700)
        place.database.chmod(0o600)
        return
    run("mount", "--bind", str(place.folder), str(place.folder))
    run("mount", "-o", "remount,ro,bind", str(place.folder))
    yield
    run("umount", str(place.folder))


@asynccontextmanager
async def deleted(place: Place) -> AsyncIterator[None]:
    place.database.unlink()
    yield


@asynccontextmanager
async def deleted_with_its_log(place: Place) -> AsyncIterator[None]:
    for file in place.files():
        file.unlink()
    yield


@asynccontextmanager
async def folder_moved(place: Place) -> AsyncIterator[None]:
    """Away for a while, then back as it was."""
    away = place.folder.with_name("away")
    place.folder.rename(away)
    yield
    away.rename(place.folder)


@asynccontextmanager
async def folder_removed(place: Place) -> AsyncIterator[None]:
    """An empty one takes its place later."""
    shutil.rmtree(place.folder)
    yield
    place.folder.mkdir()


@asynccontextmanager
async def header_garbage(place: Place) -> AsyncIterator[None]:
    checkpoint(place)
    overwrite(place.database, 0, 100)
    yield


@asynccontextmanager
async def page_garbage(place: Place) -> AsyncIterator[None]:
    """Every page but the first two."""
    checkpoint(place)
    overwrite(place.database, 2 * PAGE, place.database.stat().st_size - 2 * PAGE)
    yield


@asynccontextmanager
async def newer_schema(place: Place) -> AsyncIterator[None]:
    with closing(sqlite3.connect(place.database)) as other:
        (version,) = other.execute("PRAGMA user_version").fetchone()
        other.execute(f"PRAGMA user_version = {version + 1}")
    checkpoint(place)
    before = place.database.read_bytes()
    yield
    if place.database.read_bytes() != before:
        raise AssertionError("a database from the future was touched")
    with closing(sqlite3.connect(place.database)) as other:
        other.execute(f"PRAGMA user_version = {version}")


FAULTS = {
    "locked": Fault(inject=locked),
    "locked beyond the buffer": Fault(inject=locked, buffer_limit=8),
    "disk full": Fault(inject=disk_full, on_tmpfs=True),
    "no file may grow": Fault(inject=no_growth),
    "read-only": Fault(inject=read_only, at_start=True),
    "deleted": Fault(inject=deleted, heals=True, keeps=False),
    "deleted with its log": Fault(inject=deleted_with_its_log, heals=True, keeps=False),
    "folder moved away and back": Fault(inject=folder_moved),
    "folder removed": Fault(inject=folder_removed, keeps=False),
    "garbage in the header": Fault(inject=header_garbage, heals=True, keeps=False),
    "garbage in the pages": Fault(inject=page_garbage, heals=True, keeps=False),
    "schema of a newer version": Fault(inject=newer_schema, at_start=True),
}


@asynccontextmanager
async def place_for(folder: Path, fault: Fault) -> AsyncIterator[Place]:
    place = Place(folder / "data")
    place.folder.mkdir()
    if not fault.on_tmpfs:
        yield place
        return
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place.folder))
    try:
        yield place
    finally:
        run("umount", str(place.folder))


def can_mount() -> bool:
    """Root in a container may not."""
    return not os.geteuid() and os.access("/proc/self/ns/mnt", os.R_OK) and _mounts()


def _mounts() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "none", folder], check=False, capture_output=True
        ).returncode:
            return False
        run("umount", folder)
    return True


def checkpoint(place: Place) -> None:
    """Everything is in the file itself, so that damage to it is damage."""
    with closing(sqlite3.connect(place.database, timeout=1.0)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def overwrite(file: Path, begin: int, count: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(begin)
        opened.write(b"\xa5" * count)


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


async def until_stopped(pid: int) -> None:
    """SIGSTOP takes a moment."""
    while not _is_stopped(pid):  # noqa: ASYNC110 (the kernel sets no event)
        await trio.sleep(0.001)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "T"
