"""Receiving batches of reports from the API: parses them in slices and forwards the calls."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
import trio

from tracker.core.clock import Clock
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.reports.call import Call
from tracker.reports.intake import ReadBatch, ReportIntake
from tracker.reports.parsing import ParsingContext, Refusal
from tracker.reports.seen import SeenReports
from tracker.runtime.messages import CallsReported, Message

# Counting and processing this many of one provider blocks the loop for about half a millisecond.
CALLS_PER_MESSAGE = 50


class TooManyReportsError(Exception):
    """Too many reports for now; times in seconds."""

    def __init__(self, retry_after: float, send_every_seconds: float) -> None:
        super().__init__("too many reports for now")
        self.retry_after = retry_after
        self.send_every_seconds = send_every_seconds


@attrs.frozen(kw_only=True)
class ReportReceipt:
    """The result of a batch. neutral: how many of the accepted ones."""

    accepted: int
    neutral: int
    refused: tuple[Refusal, ...]
    send_every_seconds: float


@attrs.define(eq=False)
class ReportReceiver:
    """``providers`` and ``mask`` return those of the configuration in force."""

    outbox: trio.MemorySendChannel[Message]
    clock: Clock
    providers: Callable[[], Sequence[Provider]]
    mask: Callable[[], Mask]
    intake: ReportIntake = attrs.field(factory=ReportIntake)

    def restore(self, stored: SeenReports) -> None:
        """Know what was taken before this start as well."""
        self.intake.restore(stored, self.clock.read())

    async def receive(self, body: bytes) -> ReportReceipt:
        """Take a batch; when this returns, every accepted report will be counted.

        Raises InvalidBatchError, TooLargeError, TooManyReportsError, and trio.ClosedResourceError
        once the tracker ends.
        """
        now = self.clock.read()
        batch, admission = self.intake.open(body, now)
        if not admission.taken:
            raise TooManyReportsError(admission.retry_after, admission.send_every_seconds)
        read = ReadBatch()
        context = ParsingContext(
            providers={provider.name: provider for provider in self.providers()},
            now=now.at,
            mask=self.mask(),
        )
        # A sender that disconnects half way sends the batch again, and its ids are known then.
        with trio.CancelScope(shield=True):
            for _ in self.intake.read(batch, context, now, read):
                await trio.lowlevel.checkpoint()
            for calls in in_pieces(read.calls):
                await self.outbox.send(CallsReported(calls=calls))
        return ReportReceipt(
            accepted=len(read.calls),
            neutral=read.neutral,
            refused=tuple(read.refused),
            send_every_seconds=admission.send_every_seconds,
        )


def in_pieces(calls: Iterable[Call]) -> Iterator[tuple[Call, ...]]:
    """Yield each provider's calls together, in their order, and not too many at once."""
    by_provider: dict[str, list[Call]] = {}
    for call in calls:
        by_provider.setdefault(call.provider, []).append(call)
    for told in by_provider.values():
        for start in range(0, len(told), CALLS_PER_MESSAGE):
            yield tuple(told[start : start + CALLS_PER_MESSAGE])
