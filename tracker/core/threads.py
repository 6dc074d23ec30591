"""Work in a thread that is expected to fail now and then."""

from collections.abc import Callable
from typing import TypeVar

import outcome
import trio

T = TypeVar("T")


async def in_thread(
    job: Callable[[], T],
    *,
    expected: tuple[type[Exception], ...],
    limiter: trio.CapacityLimiter | None = None,
    abandon_on_cancel: bool = False,
) -> T:
    """Run in a thread like trio.to_thread.run_sync; ``expected`` failures leave nothing behind.

    They are raised without the traceback and the cause that they had in the thread.
    """
    attempt = attempt_in_thread(
        job, expected=expected, limiter=limiter, abandon_on_cancel=abandon_on_cancel
    )
    return (await attempt).unwrap()


async def attempt_in_thread(
    job: Callable[[], T],
    *,
    expected: tuple[type[Exception], ...],
    limiter: trio.CapacityLimiter | None = None,
    abandon_on_cancel: bool = False,
) -> outcome.Outcome[T]:
    """Run like ``in_thread``, but return an expected failure. Raises any other at once."""

    # An exception that leaves a thread with its traceback becomes part of a reference cycle: the
    # traceback holds the frames, and one of trio's frames holds the outcome with the exception. The
    # cycle keeps everything in the job's frames alive (a batch of results per refused write) until
    # the garbage collector runs, which is seldom (collector.py).
    def attempt() -> outcome.Outcome[T]:
        try:
            return outcome.Value(job())
        except expected as error:
            error.__cause__ = error.__context__ = None
            return outcome.Error(error.with_traceback(None))

    return await trio.to_thread.run_sync(
        attempt, limiter=limiter, abandon_on_cancel=abandon_on_cancel
    )
