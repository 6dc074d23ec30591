"""Large data in slices: other threads get the interpreter between two slices.

What takes long in one call into the interpreter holds the event loop also from a thread. Freeing
is such a call: half a million points of a history take 0.1 s.
"""

from collections.abc import AsyncIterator, Generator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from time import thread_time
from typing import Any, TypeVar

import attrs
import trio

T = TypeVar("T")
SLICE = 5_000  # objects of a few parts each, about a millisecond
TURN_SECONDS = 0.001


@attrs.define(eq=False)
class Turn:
    """The present turn of a task whose pieces of work differ in size, on the event loop.

    A checkpoint after each piece waits for a whole pass of the loop, which takes milliseconds while
    many checks are made: for a history of 300 providers, most of them empty, that was 1,200 passes
    and five seconds. It is measured by the processor's time, so that other programs do not count.
    """

    _began: float = attrs.field(factory=thread_time)

    async def end_if_long(self) -> None:
        """Let others have their turn, and begin another one, once this took a millisecond."""
        if thread_time() - self._began >= TURN_SECONDS:
            await trio.lowlevel.checkpoint()
            self._began = thread_time()


def at_once(steps: Generator[None, None, T]) -> T:
    """Return what the steps lead to, without a pause between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


async def in_turns(steps: Generator[None, None, T]) -> T:
    """Return what the steps lead to; other tasks have their turn between two of them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        await trio.lowlevel.checkpoint()


def forget(sequences: MutableMapping[Any, Any]) -> Iterator[None]:
    """Empty a mapping of sequences or dictionaries; a slice of their items is freed at each step.

    Many short ones make one slice. What somebody else holds stays as it is. To be walked to its
    end: in a thread, or on the event loop with a checkpoint at each step.
    """
    room = SLICE  # objects that go in the present slice
    while sequences:
        items = sequences.popitem()[1]
        # A list of their own: what held them goes here, and they stay for a moment.
        rest = list(items.values() if isinstance(items, dict) else items)
        del items
        room -= 1  # the sequence itself
        while rest:
            freed = min(max(room, 1), len(rest))
            del rest[-freed:]
            room -= freed
            if room <= 0:
                room = SLICE
                yield


@contextmanager
def forgotten_on_failure(sequences: MutableMapping[Any, Any]) -> Iterator[None]:
    """Free what a thread has gathered so far when the block fails or is interrupted.

    The interpreter is handed over between two slices.
    """
    try:
        yield
    except BaseException:
        for _ in forget(sequences):
            pass
        raise


@asynccontextmanager
async def forgotten(sequences: MutableMapping[Any, Any]) -> AsyncIterator[None]:
    """Free a mapping of sequences when the block ends, however it ends, in turns with others."""
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):  # short; a client that left must not cost more
            for _ in forget(sequences):
                await trio.lowlevel.checkpoint()
