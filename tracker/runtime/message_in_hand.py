"""The message being handled, so that a bug in handling it loses only this message."""

from collections.abc import Callable

import attrs
import structlog

from tracker.runtime.messages import Message, NewsShared, Publish, SettingsChanged

log = structlog.get_logger()


@attrs.define(eq=False)
class MessageInHand:
    """Keeps a message until it is handled, also over a restart. dropped: those that crashed us."""

    dropped: int = 0
    _message: Message | None = None
    _retried: bool = False

    def process(self, message: Message, handle: Callable[[Message], None]) -> None:
        """Handle a message; a bug on the way leaves it here, for ``retry``."""
        self._message = message
        handle(message)
        self._message, self._retried = None, False

    def retry(self, handle: Callable[[Message], None]) -> None:
        """Handle the message that crashed the run before once more; drop it the second time."""
        message = self._message
        if message is None:
            return
        if self._retried:
            self._drop(message)
            return
        self._retried = True
        self.process(message, handle)

    def _drop(self, message: Message) -> None:
        self._message, self._retried = None, False
        self.dropped += 1
        log.error(
            "message dropped: it crashed the aggregator twice", message=type(message).__name__
        )
        if isinstance(message, Publish | SettingsChanged | NewsShared):
            message.done.set()  # its sender must not wait forever
