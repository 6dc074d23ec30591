"""The one thread that writes: one job at a time; a cancellation does not wait for a job."""

from collections.abc import Callable
from typing import TypeVar

import apsw
import attrs
import outcome
import trio

from tracker.core.threads import attempt_in_thread
from tracker.store.errors import StoreUnavailable

T = TypeVar("T")

EXPECTED = (StoreUnavailable, apsw.InterruptError)
# A batch takes about 20 ms and may finish. Longer work (opening, checking or migrating a large file
# on a slow disk) is interrupted.
LET_END = 0.2
NUDGE = 0.05  # seconds between interrupts: one between two statements is lost
GIVE_UP = 1.0  # a disk that does not answer cannot be interrupted: the thread is abandoned


@attrs.define(eq=False)
class Worker:
    """Runs jobs in a thread, one at a time. ``interrupt`` stops a running SQLite statement.

    An abandoned thread keeps its turn until it ends, so no other job can interfere.
    """

    interrupt: Callable[[], None]
    limiter: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job. Raises StoreUnavailable; whatever else the job raises is a bug."""
        async with self._turn:
            async with self.limiter:  # waits for an abandoned thread to end
                pass
            return await self._run(job)

    async def _run(self, job: Callable[[], T]) -> T:
        answer: list[outcome.Outcome[T]] = []
        done, patience = trio.Event(), trio.CancelScope(shield=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stop_when_cancelled, done, patience)
            try:
                with patience:
                    answer.append(
                        await attempt_in_thread(
                            job, expected=EXPECTED, limiter=self.limiter, abandon_on_cancel=True
                        )
                    )
            except Exception as bug:  # noqa: BLE001 (raised outside the nursery's group)
                answer.append(outcome.Error(bug))
            finally:
                done.set()
        await trio.lowlevel.checkpoint_if_cancelled()
        return answer.pop().unwrap()

    async def settle(self, seconds: float) -> bool:
        """Wait until no job runs, also none that was left behind; say whether that is so."""
        with trio.move_on_after(seconds) as waiting:
            async with self.limiter:
                pass
        return not waiting.cancelled_caught

    async def _stop_when_cancelled(self, done: trio.Event, patience: trio.CancelScope) -> None:
        try:
            await done.wait()
        except trio.Cancelled:
            with trio.move_on_after(GIVE_UP, shield=True):
                await self._interrupt_until(done)
            patience.cancel()
            raise

    async def _interrupt_until(self, done: trio.Event) -> None:
        with trio.move_on_after(LET_END):
            await done.wait()
        while not done.is_set():
            self.interrupt()
            with trio.move_on_after(NUDGE):
                await done.wait()
