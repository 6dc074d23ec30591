"""How much of the processor's time the longest turn takes: other programs do not count."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from benchmarks.torture.loop import TurnTimer


@contextmanager
def timed_turns() -> Iterator[TurnTimer]:
    """Time every turn while the block runs, its first and its last as far as they are in it."""
    timer, task = TurnTimer(), trio.lowlevel.current_task()
    trio.lowlevel.add_instrument(timer)
    timer.before_task_step(task)
    try:
        yield timer
    finally:
        timer.after_task_step(task)
        trio.lowlevel.remove_instrument(timer)
