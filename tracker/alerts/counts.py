"""How many incidents and messages there were since the start."""

import attrs

from tracker.core.incidents import MessageKind


@attrs.define
class AlertCounts:
    """Counts since this start. sent, repeated, resolved: delivered messages, one per target.

    suppressed: openings and ends without a message.
    """

    opened: int = 0
    sent: int = 0
    repeated: int = 0
    resolved: int = 0
    suppressed: int = 0
    failed: int = 0  # attempts

    def add_attempt(self, kind: MessageKind, error: str) -> None:
        """Count one attempt to deliver. error: why it failed, or nothing."""
        self.failed += bool(error)
        self.sent += not error and kind is MessageKind.OPENED
        self.repeated += not error and kind is MessageKind.REMINDER
        self.resolved += not error and kind is MessageKind.RESOLVED
