"""Work in a thread: what may fail there now and then, and what is too much for the event loop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import outcome
import trio

T = TypeVar("T")
P = ParamSpec("P")


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


async def run_apart(job: Callable[[], T], *, is_long: bool) -> T:
    """Run a job to its end; a long one in a thread, which lets the event loop work beside it.

    A cancellation waits for it, so that what it changes is never changed by half. The caller sees
    to it that nobody else changes that meanwhile.
    """
    if not is_long:
        return job()
    done: list[T] = []  # a cancel scope may end without, for all that the types can tell
    with trio.CancelScope(shield=True):
        done.append(await trio.to_thread.run_sync(job))
    return done.pop()


def on_the_loop(job: Callable[P, T]) -> Callable[P, T]:
    """Return ``job`` so that it runs on the event loop, also when ``run_apart`` is in a thread."""

    def run(*arguments: P.args, **named: P.kwargs) -> T:
        if trio.lowlevel.in_trio_run():
            return job(*arguments, **named)
        return trio.from_thread.run_sync(lambda: job(*arguments, **named))

    return run
