"""How often other tasks ran: code that blocks the event loop lets none run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio


@attrs.define
class Turns:
    taken: int = 0


@asynccontextmanager
async def counted_turns() -> AsyncIterator[Turns]:
    """Count the turns of a task that always wants one, while the block runs."""
    turns = Turns()

    async def take() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            turns.taken += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        yield turns
        nursery.cancel_scope.cancel()
