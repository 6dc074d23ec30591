"""Receiving batches of reports: parsing, limits, each report accepted only once.

A batch is read in slices, so that the caller can let other tasks run in between.
"""

from collections.abc import Iterator, Sequence

import attrs
from msgspec import Raw

from tracker.core.clock import ClockReading
from tracker.reports.admission import FULL, Admission, Allowance, ReporterShares
from tracker.reports.call import Call
from tracker.reports.parsing import ParsingContext, Refusal, read_batch, read_report
from tracker.reports.schema import RawBatch
from tracker.reports.seen import HOUR, SeenReports

SLICE = 20  # reports: they take a quarter of a millisecond, and so do as many
SLICE_BYTES = 10_000  # of them: a report with the longest message takes as long as hundreds without
ALREADY_TAKEN = "already accepted: this id was reported within the last day"


@attrs.define(eq=False)
class ReadBatch:
    """The contents of a batch read so far. neutral: among the accepted."""

    calls: list[Call] = attrs.field(factory=list)
    refused: list[Refusal] = attrs.field(factory=list)

    @property
    def neutral(self) -> int:
        """Count the calls of the batch that say nothing about a provider."""
        return sum(call.is_neutral for call in self.calls)


@attrs.define(eq=False)
class ReportIntake:
    """Remembers which reports were accepted, and how many; one for all reporters."""

    seen: SeenReports = attrs.field(factory=SeenReports)
    allowance: Allowance = Allowance()
    shares: ReporterShares = attrs.field(factory=ReporterShares)
    _began: float | None = None  # wall time when the steady clock stood at 0

    def open(self, body: bytes, now: ClockReading) -> tuple[RawBatch, Admission]:
        """Read the envelope and decide whether the batch is taken.

        Raises InvalidBatchError and TooLargeError.
        """
        batch = read_batch(body)
        if not self.seen.has_room(len(batch.reports)):
            self.seen.forget_some(self.hour(now))
            return batch, FULL
        reports = len(batch.reports)
        reserve = self.shares.reserve_for(batch.reporter, reports, now.steady)
        self.allowance, admission = self.allowance.admit(reports, now.steady, reserve=reserve)
        return batch, admission

    def hour(self, now: ClockReading) -> int:
        """Return the hour since 1970, as the wall clock stood first: its jumps move nothing."""
        if self._began is None:
            self._began = now.at.timestamp() - now.steady
        return int((self._began + now.steady) // HOUR)

    def restore(self, stored: SeenReports, now: ClockReading) -> None:
        """Know the reports that were taken before this start as well."""
        meanwhile, self.seen = self.seen, stored
        stored.absorb(meanwhile, self.hour(now))

    def read(
        self, batch: RawBatch, context: ParsingContext, now: ClockReading, into: ReadBatch
    ) -> Iterator[None]:
        """Read the reports into ``into``; yields after each slice."""
        hour = self.hour(now)
        for reports in slices(batch.reports):
            self.seen.forget_some(hour)
            for raw in reports:
                found = read_report(raw, batch.reporter, context)
                if isinstance(found, Refusal):
                    into.refused.append(found)
                    continue
                report_id, call = found
                if self.seen.add(call.mark, hour):
                    into.calls.append(call)
                else:
                    into.refused.append(Refusal(id=context.show(report_id), reason=ALREADY_TAKEN))
            yield


def slices(reports: Sequence[Raw]) -> Iterator[list[Raw]]:
    """Yield the reports in their order, up to SLICE and about SLICE_BYTES of them at a time."""
    taken: list[Raw] = []
    size = 0
    for raw in reports:
        taken.append(raw)
        size += memoryview(raw).nbytes
        if len(taken) == SLICE or size >= SLICE_BYTES:
            yield taken
            taken, size = [], 0
    if taken:
        yield taken
