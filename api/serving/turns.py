"""A queue for the ordinary route: with many requests, each step of the event loop starts one.

A request takes about ten steps of a tenth of a millisecond. If a thousand started at once, every
pass of the loop would take a thousand times that long, and a client on the fast path waits for
several passes. Started one after another, a pass stays short, and no request ends later.
"""

import trio


class Turns:
    """The queue in which requests of one server wait to start, first come first served."""

    def __init__(self) -> None:
        self._line = trio.Lock()

    async def wait(self) -> None:
        """Return when it is this request's turn."""
        async with self._line:
            await trio.lowlevel.checkpoint()
