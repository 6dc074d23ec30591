"""How much of the processor's time the longest turn takes: other programs do not count."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from benchmarks.torture.loop import TurnTimer


@contextmanager
def timed_turns() -> Iterator[TurnTimer]:
    """Time every turn while the block runs; the one that begins it is not timed."""
    timer = TurnTimer()
    trio.lowlevel.add_instrument(timer)
    try:
        yield timer
    finally:
        trio.lowlevel.remove_instrument(timer)
