"""Who comes next on the ordinary route: in a crowd, each pass of the event loop begins one request.

A request there takes some ten steps of a tenth of a millisecond. Begun all at once, a thousand of
them let every pass take that long a thousand times, and a client that asks a hot question waits for
several passes. Begun one after the other no more is under way than a pass can bear, and no
request ends later for it.
"""

import trio


class Turns:
    """The line in which requests of one server wait to begin, first come first served."""

    def __init__(self) -> None:
        self._line = trio.Lock()

    async def wait(self) -> None:
        """Return when it is this request's turn."""
        async with self._line:
            await trio.lowlevel.checkpoint()
