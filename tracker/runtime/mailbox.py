"""The sending ends of the aggregator's mailbox, and how the tracker's is closed."""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from tracker.runtime.messages import ActorMessage, Message, Publish


class StoppedError(Exception):
    """The tracker is shutting down: nothing can be changed or checked any more."""

    def __init__(self) -> None:
        super().__init__("the tracker is shutting down")


@attrs.define(eq=False)
class Mailbox:
    """Sends messages to the aggregator. stop: set once the tracker was told to shut down."""

    outbox: trio.MemorySendChannel[Message]
    stop: trio.Event = attrs.field(factory=trio.Event)

    async def send(self, message: Message) -> None:
        """Hand over a message; waits while the mailbox is full."""
        await self.outbox.send(message)

    async def publish(self) -> None:
        """Wait until a snapshot is posted that has everything sent before. Raises StoppedError."""
        done = trio.Event()
        with self.unless_stopped():
            await self.send(Publish(done=done))
        await done.wait()

    @contextmanager
    def unless_stopped(self) -> Iterator[None]:
        """Raise StoppedError for a closed mailbox or nursery: the end may come at any time."""
        try:
            yield
        except (trio.ClosedResourceError, RuntimeError) as error:
            if not self.stop.is_set():
                raise
            raise StoppedError from error


async def send(mailbox: trio.MemorySendChannel[ActorMessage], message: ActorMessage) -> None:
    """Send without a turn of the event loop where there is room, as nearly always.

    So a result is not lost either where its actor is cancelled in the same moment.
    """
    try:
        mailbox.send_nowait(message)
    except trio.WouldBlock:
        await mailbox.send(message)
