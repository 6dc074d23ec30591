"""Turns among many tasks: each pass of the event loop lets one of them do a piece of its work.

A request on the ordinary route takes some ten steps of a tenth of a millisecond, a long list of
models hundreds of pieces of some milliseconds. Done by all at once, a thousand requests or a dozen
lists let every pass take that much longer, and a small request waits for several passes.
Done one after the other no more is done in a pass than it can bear, and nobody ends later for it.
"""

import trio


class Turns:
    """The line in which tasks wait for their next piece, first come first served."""

    def __init__(self) -> None:
        self._line = trio.Lock()

    async def wait(self) -> None:
        """Return when it is this task's turn."""
        async with self._line:
            await trio.lowlevel.checkpoint()
