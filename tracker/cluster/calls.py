"""Calls of a hub, in threads of their own limiters; cut when late or nobody waits any more."""

from collections.abc import Callable
from typing import TypeVar

import attrs
import outcome
import trio

from tracker.cluster.hub import Fenced, Half, Hub, HubAway
from tracker.core.threads import attempt_in_thread

T = TypeVar("T")

NUDGE = 0.05  # seconds between cuts: one that comes while the connection is made is lost


@attrs.define(eq=False)
class HubCaller:
    """One call at a time on each half of a hub; ``seconds``: how long a call may take."""

    hub: Hub
    seconds: float
    _control: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    _data: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))

    async def control(self, job: Callable[[Hub], T], seconds: float | None = None) -> T:
        """Run a call for beats, claims and listening. Raises HubAway."""
        return await self._call(Half.CONTROL, self._control, job, seconds or self.seconds)

    async def data(self, job: Callable[[Hub], T], seconds: float | None = None) -> T:
        """Run any other call. Raises HubAway, Fenced."""
        return await self._call(Half.DATA, self._data, job, seconds or self.seconds)

    async def close(self) -> None:
        """Close both connections."""
        await trio.to_thread.run_sync(self.hub.close, limiter=self._control)

    async def _call(
        self, half: Half, limiter: trio.CapacityLimiter, job: Callable[[Hub], T], seconds: float
    ) -> T:
        answer: list[outcome.Outcome[T]] = []  # a failure is raised outside the nursery's group
        async with limiter:
            finished, late = trio.Event(), trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._cut_in_time, half, seconds, finished, late)
                try:
                    answer.append(
                        await attempt_in_thread(
                            lambda: job(self.hub),
                            expected=(HubAway, Fenced),
                            limiter=trio.CapacityLimiter(1),
                        )
                    )
                finally:
                    finished.set()
        if late.is_set():
            raise HubAway(f"no answer within {seconds:g} s")
        return answer.pop().unwrap()

    async def _cut_in_time(
        self, half: Half, seconds: float, finished: trio.Event, late: trio.Event
    ) -> None:
        try:
            with trio.move_on_after(seconds):
                await finished.wait()
                return
            late.set()
        except trio.Cancelled:
            await self._cut(half, finished)
            raise
        await self._cut(half, finished)

    async def _cut(self, half: Half, finished: trio.Event) -> None:
        """Cut the connection: a thread on a silent network never ends by itself."""
        while not finished.is_set():
            self.hub.cut(half)
            with trio.CancelScope(shield=True, deadline=trio.current_time() + NUDGE):
                await finished.wait()
