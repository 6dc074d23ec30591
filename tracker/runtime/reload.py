"""Reloading the configuration at run time: used only when it is completely valid.

A program that embeds the tracker may run a Reloader too: ``nursery.start_soon(reloader.watch,
tracker)``.
"""

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio
from watchfiles import awatch

from tracker.config import DOTENV
from tracker.config.errors import ConfigError, ConfigProblem, UnreadableError
from tracker.config.file import DEFAULT_FILE
from tracker.core.patient_reader import forget_hanging_files
from tracker.core.settings import Config
from tracker.ranking.load import load_policy
from tracker.ranking.policy import PolicyError
from tracker.runtime.logs import mask_in_logs
from tracker.runtime.mailbox import StoppedError
from tracker.runtime.masks import extend_mask
from tracker.runtime.tracker import Tracker

# Settings that a running process cannot change; the others take effect immediately.
FIXED = (
    "database",
    "schedule",
    "buffer_limit",
    "mailbox_size",
    "server",
    "cluster",
)
DEBOUNCE_MS = 400  # an editor writes, renames and changes the mode within a few milliseconds
STEP_MS = 100
LOOK_MS = 1_000  # also polled this often, as network file systems send no change events
MOST_REASONS = 20  # told in health and in the log: a file may hold 40,000 mistakes
READ_SECONDS = 10.0  # a named pipe in the file's place never answers
log = structlog.get_logger()

Read = Callable[[Path | None], Config]
Signature = tuple[tuple[int, ...] | None, ...]


@attrs.define(eq=False)
class Reloader:
    """Keeps a tracker's configuration equal to its file and .env.

    read: reads a file (None: the default one, if it exists) with the options of the command line;
    raises ConfigError. config: the tracker's configuration at the start.
    """

    read: Read
    config: Config
    dotenv: Path = DOTENV
    _one_at_a_time: trio.Lock = attrs.field(factory=trio.Lock)
    _seen: Signature = attrs.field(init=False)
    _unread: bool = False  # the last attempt could not read the file, which may pass by itself

    def __attrs_post_init__(self) -> None:
        self._seen = self._signature()

    async def reload(self, tracker: Tracker, *, again: bool = False) -> bool:
        """Take the file as it is now; False when it is wrong, and the tracker goes on as it was.

        The reasons are then in the log and in the tracker's health until a reload succeeds.
        False too when the tracker is ending. again: reasons that stand already are not news.
        """
        async with self._one_at_a_time:
            self._unread = False
            began = time.monotonic()
            try:
                found = await self._read()
                mask_in_logs(await extend_mask(tracker.mask, found.secrets()))
                await tracker.reload(keep_fixed_settings(found, self.config))
            except (ConfigError, PolicyError) as error:
                self._unread = isinstance(error, UnreadableError)
                _refuse(tracker, tuple(_reasons(error)), again=again)
                return False
            except StoppedError:
                log.info("configuration not reloaded", reason="the tracker is shutting down")
                return False
            for setting in unchangeable(found, self.config):
                log.warning("setting takes effect only at the next start", setting=setting)
            for warning in found.warnings:
                log.warning(warning)
            self.config = keep_fixed_settings(found, self.config)
            forget_hanging_files(began)  # a file that is no longer named hangs for nobody
            return True

    async def watch(self, tracker: Tracker) -> None:
        """Reload whenever the file or .env changes, however an editor does that."""
        async with trio.open_nursery() as nursery:
            over = trio.Event()
            nursery.start_soon(_set_when_stopped, over, tracker)
            async with aclosing(self._looks(over)) as looks:
                async for _ in looks:
                    await self._reload_if_changed(tracker)
            nursery.cancel_scope.cancel()

    async def _looks(self, over: trio.Event) -> AsyncGenerator[object, None]:
        """Yield whenever something in the folders changed, and every LOOK_MS, until ``over``."""
        stop: Any = over  # only is_set() is used
        # awatch imports it at its first step, which would hold the event loop for 30 ms.
        await trio.to_thread.run_sync(import_module, "anyio._backends._trio")
        try:
            async for look in awatch(
                *self._folders(),
                # includes a database in the folder: what changed is checked afterwards
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
                recursive=False,
                stop_event=stop,
            ):
                yield look
        except (OSError, RuntimeError) as error:  # for example when the system has no watches left
            log.warning(
                "configuration file cannot be watched for changes; send SIGHUP to reload it",
                reason=str(error),
            )

    async def _reload_if_changed(self, tracker: Tracker) -> None:
        now = await trio.to_thread.run_sync(self._signature)
        again = now == self._seen
        if not again or self._unread:
            self._seen = now
            await self.reload(tracker, again=again)

    @property
    def path(self) -> Path | None:
        """Return the file. Once there was one, its absence is a mistake, no wish for defaults."""
        return None if self.config.source is None else Path(self.config.source)

    async def _read(self) -> Config:
        """Read in a thread: a file of thousands of providers would hold the event loop."""
        problem = f"it could not be read within {READ_SECONDS:g} s"
        with trio.move_on_after(READ_SECONDS):
            try:
                return await trio.to_thread.run_sync(self._read_valid, abandon_on_cancel=True)
            except OSError as error:  # for example a network file system that fails for a moment
                problem = f"it cannot be read: {error.strerror or error}"
        raise UnreadableError(
            [ConfigProblem(key="", problem=problem)], str(self.path or DEFAULT_FILE)
        )

    def _read_valid(self) -> Config:
        if self.path is not None and _is_empty(self.path):
            problem = (
                "the file is empty, which may be a half-written file or a full disk; "
                "to run on defaults, write a comment into it"
            )
            raise ConfigError([ConfigProblem(key="", problem=problem)], source=str(self.path))
        found = self.read(self.path)
        load_policy(found.ranking.policy, found.ranking)
        return found

    def _folders(self) -> set[Path]:
        """Return the folders of the files and of what they link to: either may be replaced."""
        files = (self.path or DEFAULT_FILE, self.dotenv)
        folders = {folder for file in files for folder in (file.parent, file.resolve().parent)}
        return {folder.absolute() for folder in folders if folder.is_dir()}

    def _signature(self) -> Signature:
        return tuple(_file_signature(file) for file in (self.path or DEFAULT_FILE, self.dotenv))


async def _set_when_stopped(over: trio.Event, tracker: Tracker) -> None:
    """Set the event when the tracker stops: nothing can cancel the watching thread."""
    await tracker.stopped()
    over.set()


def keep_fixed_settings(found: Config, running: Config) -> Config:
    """Return the new configuration with what cannot change at run time as it was."""
    return attrs.evolve(found, **{name: getattr(running, name) for name in FIXED})


def unchangeable(found: Config, running: Config) -> Iterator[str]:
    """Return the names of settings that differ but cannot change at run time."""
    for name in FIXED:
        new, old = getattr(found, name), getattr(running, name)
        if name == "server":
            fields = attrs.fields(type(old))
            yield from (
                f"server.{f.name}" for f in fields if getattr(new, f.name) != getattr(old, f.name)
            )
        elif new != old:
            yield f"tracker.{name}"


def _refuse(tracker: Tracker, reasons: tuple[str, ...], *, again: bool) -> None:
    known = tracker.configuration_errors if again else ()
    tracker.configuration_errors = reasons
    for reason in reasons:
        if reason in known:
            continue
        log.error("configuration not reloaded, the current one stays in force", reason=reason)


def _reasons(error: ConfigError | PolicyError) -> Iterator[str]:
    if isinstance(error, PolicyError):
        yield f"ranking.policy: {error}"
        return
    where = error.source or "configuration"
    yield from (f"{where}: {mistake}" for mistake in error.mistakes[:MOST_REASONS])
    if more := len(error.mistakes[MOST_REASONS:]):
        yield f"{where}: and {more:,} more mistakes; `provider-status config check` lists them all"


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _file_signature(path: Path) -> tuple[int, ...] | None:
    """Return which file stands there, as of when; None where none can be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116 (follows links, raises what is caught here)
    except OSError:
        return None
    # ctime too: it changes when a wrong mode is corrected.
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
