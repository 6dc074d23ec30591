"""Running the whole tracker inside another program, in a separate thread with its own event loop.

async with embedded_tracker(config) as tracker:      # asyncio or trio; ``with`` in threads
tracker.get_healthiest_provider()
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
import structlog
import trio

from tracker.core.outcomes import CheckResult
from tracker.core.settings import Config
from tracker.core.snapshot import Snapshot
from tracker.runtime.service import run_tracker
from tracker.runtime.tracker import Tracker

STOP_LIMIT = 10.0  # seconds: draining and flushing take at most three together
log = structlog.get_logger()
T = TypeVar("T")


def embedded_tracker(config: Config, **extras: Any) -> "EmbeddedTracker":
    """Run a tracker while it is entered. ``extras`` go to ``run_tracker``.

    Entering waits until it is running, and raises what keeps it from running.
    """
    return EmbeddedTracker(config, **extras)


class EmbeddedTracker:
    """Reads come from memory, from any thread, and never block. It knows nothing before it runs.

    After a fatal crash no provider is known any more, rather than an outdated one; leaving raises
    the error.
    """

    def __init__(self, config: Config, **extras: Any) -> None:
        self._config = config
        self._extras = extras
        self._started: Future[tuple[Tracker, trio.lowlevel.TrioToken]] = Future()
        self._thread = Thread(target=self._main, name="provider-status-tracker", daemon=True)
        self._error: BaseException | None = None

    @property
    def running(self) -> bool:
        """Return whether it has started and not ended."""
        return self._thread.is_alive() and self._started.done()

    @property
    def snapshot(self) -> Snapshot:
        """Return the last snapshot, also after the end. Raises RuntimeError before it runs."""
        if not self._started.done():
            raise RuntimeError("the tracker is not running yet")
        return self._tracker.snapshot

    def get_healthiest_provider(self) -> str | None:
        """Return the provider to use next, from memory; None while it does not run."""
        return self._tracker.get_healthiest_provider() if self.running else None

    def call(self, job: Callable[[Tracker], Awaitable[T]]) -> T:
        """Run a job on the tracker's own loop, and wait for it; not from an event loop.

        Raises what it raises, RuntimeError before the tracker runs, and trio.RunFinishedError when
        it has ended.
        """
        if not self._started.done():
            raise RuntimeError("the tracker is not running yet")
        tracker, token = self._started.result()
        return trio.from_thread.run(job, tracker, trio_token=token)

    def check(self, *names: str) -> dict[str, CheckResult]:
        """Check these now, or all; waits for the outcomes. Raises KeyError for an unknown name."""
        return self.call(lambda tracker: tracker.check(*names))

    def start(self) -> Self:
        """Start its thread and wait until it watches. Raises what keeps it from running."""
        self._thread.start()
        self._started.result()
        return self

    def stop(self) -> None:
        """End it in order, and wait until everything is stored. Raises the error it died of."""
        if self._thread.is_alive():
            self._ask_to_stop()
            self._thread.join(STOP_LIMIT)
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        try:
            return await anyio.to_thread.run_sync(self.start, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            self._ask_to_stop()
            raise

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):  # local, and limited by STOP_LIMIT
            await anyio.to_thread.run_sync(self.stop)

    @property
    def _tracker(self) -> Tracker:
        return self._started.result()[0]

    def _ask_to_stop(self) -> None:
        self._started.add_done_callback(_stop)

    def _main(self) -> None:
        try:
            trio.run(self._live)
        except BaseException as group:  # noqa: BLE001 (it belongs to the caller)
            error = unwrap_group(group)
            if not self._started.done():
                self._started.set_exception(error)
                return
            self._error = error
            log.critical("embedded tracker crashed", error=repr(error))

    async def _live(self) -> None:
        async with trio.open_nursery() as nursery:
            tracker = await nursery.start(partial(run_tracker, self._config, **self._extras))
            self._started.set_result((tracker, trio.lowlevel.current_trio_token()))


def unwrap_group(error: BaseException) -> BaseException:
    """Return the error out of the groups that nurseries put around it, where it is the only one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _stop(started: "Future[tuple[Tracker, trio.lowlevel.TrioToken]]") -> None:
    if started.exception() is None:
        tracker, token = started.result()
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(tracker.stop)
