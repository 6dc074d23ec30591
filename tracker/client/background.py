"""Runs a coroutine function in the background: as a task of the caller's loop, or on a thread."""

from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from threading import Event, Thread
from types import TracebackType
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup
from anyio.from_thread import BlockingPortal

JOIN_LIMIT = 2.0  # seconds: closing cancels everything, so it takes milliseconds

Run = Callable[[], Coroutine[Any, Any, None]]


@attrs.define
class TaskRunner:
    """Runs in a task group that one task of the caller enters and leaves."""

    _tasks: TaskGroup | None = attrs.field(init=False, default=None)

    async def start(self, run: Run) -> None:
        """Start in the background. Raises RuntimeError where it is entered already."""
        if self._tasks is not None:
            raise RuntimeError("the client is already open; enter it once and share it")
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(run)

    async def stop(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cancel the tasks and wait for them.

        Takes the error of the block, as ``__aexit__`` is given it, and lets it pass as it is.
        """
        tasks, self._tasks = self._tasks, None
        if tasks is None:
            return
        tasks.cancel_scope.cancel()
        # The caller's error is raised unchanged: a task group would wrap it in a group.
        if isinstance(error, Exception | KeyboardInterrupt | SystemExit):
            kind = error = trace = None
        await tasks.__aexit__(kind, error, trace)


@attrs.define
class ThreadRunner:
    """Runs on a daemon thread with its own event loop, which does not delay the process's exit."""

    _thread: Thread | None = None
    _portal: BlockingPortal = attrs.field(init=False)
    _tasks: TaskGroup = attrs.field(init=False)

    @property
    def running(self) -> bool:
        """Return whether the thread is alive; False before ``start`` and after a crash."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, run: Run) -> None:
        """Start the thread, and wait until its event loop takes work."""
        opened = Event()
        self._thread = Thread(
            target=self._main, args=(run, opened), name="provider-status-client", daemon=True
        )
        self._thread.start()
        opened.wait()

    def stop(self) -> None:
        """Cancel the thread's tasks and join it within ``JOIN_LIMIT`` s; may be called twice."""
        if self._thread is not None and self._thread.is_alive():
            self._portal.start_task_soon(self._tasks.cancel_scope.cancel)
            self._thread.join(JOIN_LIMIT)

    def _main(self, run: Run, opened: Event) -> None:
        try:
            # Trio resolves names on daemon threads: a hung look-up does not delay the exit either.
            anyio.run(self._serve, run, opened, backend="trio" if find_spec("trio") else "asyncio")
        finally:
            opened.set()

    async def _serve(self, run: Run, opened: Event) -> None:
        async with BlockingPortal() as self._portal, anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(run)
            opened.set()
