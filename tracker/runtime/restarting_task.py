"""Restarting a task that the tracker needs."""

import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress

import attrs
import structlog
import trio

from tracker.core.backoff import Backoff

log = structlog.get_logger()


class RestartBudgetExceededError(Exception):
    """A task crashed more often than allowed; the process must not continue without it."""


@attrs.define(eq=False)
class RestartingTask:
    """Runs ``run`` again after a crash, with the state that survived; ends when it returns."""

    name: str
    run: Callable[[], Awaitable[None]]
    backoff: Backoff = Backoff()
    mask: Callable[[str], str] = str
    restarts: int = 0
    restarting: bool = False  # between a crash and the next attempt

    async def keep(self) -> None:
        """Run until stopped.

        Raises RestartBudgetExceededError, from the last crash, when the budget is spent.
        """
        crashes = 0
        while True:
            began = trio.current_time()
            try:
                await self.run()
            except Exception as error:
                crashes = self.backoff.next_crash_count(crashes, lived=trio.current_time() - began)
                trace = self.mask("".join(traceback.format_exception(error)))
                with suppress(Exception):  # a broken logger must not prevent the restart
                    log.error("task crashed", task=self.name, crashes=crashes, trace=trace)  # noqa: TRY400 (a logger's own traceback would not be masked)
                if self.backoff.is_exhausted(crashes):
                    raise RestartBudgetExceededError(
                        f"the {self.name} crashed {crashes} times"
                    ) from error
            else:
                return
            self.restarting = True
            await trio.sleep(self.backoff.delay(crashes))
            self.restarting = False
            self.restarts += 1
