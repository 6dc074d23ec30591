"""A host that keeps a trio program alive between synchronous steps, on a frozen clock.

For hypothesis' RuleBasedStateMachine, whose rules are plain functions: the program's actors live on
between two rules, time moves only by ``advance``, and a crash is raised by the step that caused it.
"""

import queue
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Self, TypeVar, TypeVarTuple

import outcome
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

S = TypeVar("S")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class TrioHost(Generic[S]):
    """Runs ``program`` as a guest of the calling thread; only ``advance`` moves its ``clock``.

    program: started as by ``nursery.start``; the value it passes to ``started()`` is
    ``host.started``. clock: an existing clock, if the program needs it too; a later host may
    continue with it. patience: real seconds that a step may take before TimeoutError: a step that
    sleeps in virtual time would otherwise wait forever. Only one host per thread at a time (trio's
    rule). Use ``with``, or call ``close``.
    """

    started: S

    def __init__(
        self,
        program: Callable[..., Awaitable[Any]],
        *,
        clock: MockClock | None = None,
        patience: float = 30.0,
    ) -> None:
        self.clock = MockClock() if clock is None else clock
        self._patience = patience
        self._ticks = queue.SimpleQueue[Callable[[], object]]()
        self._scope = trio.CancelScope()
        self._over = False
        self._end: outcome.Outcome[None] | None = None
        self._jobs, self._inbox = trio.open_memory_channel[Callable[[], Awaitable[None]]](1)
        trio.lowlevel.start_guest_run(
            self._main,
            program,
            run_sync_soon_threadsafe=self._ticks.put,
            done_callback=self._done,
            clock=self.clock,
        )
        try:
            self.tick_until(lambda: hasattr(self, "started"))
        except TimeoutError:
            self.close()
            raise

    def call(self, job: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
        """Run one async job, wait until the program is idle, and return the job's answer.

        Raises the job's error; the program's own crash, an exception group, if it crashes
        meanwhile; and RuntimeError once the program has ended.
        """
        answers: list[outcome.Outcome[T]] = []

        async def answered() -> None:
            answer: outcome.Outcome[T]
            try:
                answer = outcome.Value(await job(*args))
            except Exception as error:  # noqa: BLE001 (handed to the caller; Cancelled is not)
                answer = outcome.Error(error)
            # A crash that this job caused must be raised by this step, not by the next.
            await wait_all_tasks_blocked()
            answers.append(answer)

        if not self._over:
            self._jobs.send_nowait(answered)
        self.tick_until(lambda: bool(answers))
        return answers[0].unwrap()

    def tick_until(self, ready: Callable[[], bool]) -> None:
        """Run the program on the frozen clock until ``ready()``. Raises as ``call`` does."""
        self._tick_while(lambda: not ready())
        if not ready():
            raise RuntimeError("the program is over")

    def close(self) -> None:
        """Cancel the program and wait for its end; raise what it raises meanwhile."""
        if not self._over:
            self._scope.cancel()
        self._tick_while(lambda: True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tick_while(self, waiting: Callable[[], bool]) -> None:
        give_up = time.monotonic() + self._patience
        while not self._over and waiting():
            try:
                self._ticks.get(timeout=max(0.0, give_up - time.monotonic()))()
            except queue.Empty:
                raise TimeoutError(
                    f"nothing came of it in {self._patience:g} s: does it wait for time to pass?"
                ) from None
        if (end := self._end) is not None:
            self._end = None
            end.unwrap()

    async def _main(self, program: Callable[..., Awaitable[Any]]) -> None:
        with self._scope, self._jobs, self._inbox:
            async with trio.open_nursery() as nursery:
                self.started = await nursery.start(program)
                async for job in self._inbox:
                    await job()

    def _done(self, end: outcome.Outcome[None]) -> None:
        self._end, self._over = end, True


async def settle(*workers: trio.CapacityLimiter) -> None:
    """Wait until every task is blocked and no thread of these limiters is at work.

    workers: limiters (of a finite size) whose tokens are held by threads only. The clock does not
    see threads, so time must not move while one works.
    """
    while True:
        await wait_all_tasks_blocked()
        # A thread gives its token back in the same step that wakes its task, and we run right after
        # the step in which no task could: without a token taken, nothing is under way.
        if not any(worker.borrowed_tokens for worker in workers):
            return
        for worker in workers:
            await _let_end(worker)


async def advance(clock: MockClock, seconds: float, *workers: trio.CapacityLimiter) -> None:
    """Advance a frozen clock, stopping at every deadline until everything it caused has settled."""
    end = trio.current_time() + seconds
    await settle(*workers)
    while (left := end - trio.current_time()) > 0:
        due = trio.lowlevel.current_statistics().seconds_to_next_deadline
        clock.jump(max(0.0, min(left, due)))
        await settle(*workers)


async def _let_end(worker: trio.CapacityLimiter) -> None:
    """Wait until the threads end that have its tokens, or wait for one."""
    ours: list[object] = []
    try:
        while len(ours) < worker.total_tokens:
            place = object()
            try:
                worker.acquire_on_behalf_of_nowait(place)  # without a turn for each
            except trio.WouldBlock:
                await worker.acquire_on_behalf_of(place)
            ours.append(place)
    finally:
        for place in ours:
            worker.release_on_behalf_of(place)
