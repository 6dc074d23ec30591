"""Where batches of reports come in: read, bounded, each report taken once. Pure but for its state.

A batch is read in slices, so that whoever calls can let others run in between.
"""

from collections.abc import Iterator

import attrs

from tracker.reports.admission import Admission, Allowance
from tracker.reports.call import Call
from tracker.reports.parsing import ParsingContext, Refusal, read_batch, read_report
from tracker.reports.schema import RawBatch
from tracker.reports.seen import SeenReports

SLICE = 100  # reports: they take some 2 ms
ALREADY_TAKEN = "taken before: this id was reported within a day"


@attrs.define(eq=False)
class ReadBatch:
    """What a batch held, as far as it is read. neutral: of the accepted."""

    calls: list[Call] = attrs.field(factory=list)
    refused: list[Refusal] = attrs.field(factory=list)

    @property
    def neutral(self) -> int:
        return sum(call.is_neutral for call in self.calls)


@attrs.define(eq=False)
class ReportIntake:
    """Remembers what was taken, and how much; one for all reporters."""

    seen: SeenReports = attrs.field(factory=SeenReports)
    allowance: Allowance = Allowance()

    def open(self, body: bytes, now: float) -> tuple[RawBatch, Admission]:
        """Read the envelope and decide whether the batch is taken. ``now``: steady seconds.

        Raises InvalidBatchError and TooLargeError.
        """
        batch = read_batch(body)
        self.allowance, admission = self.allowance.admit(len(batch.reports), now)
        return batch, admission

    def read(
        self, batch: RawBatch, context: ParsingContext, now: float, into: ReadBatch
    ) -> Iterator[None]:
        """Read the reports into ``into``; yields after each slice."""
        for start in range(0, len(batch.reports), SLICE):
            for raw in batch.reports[start : start + SLICE]:
                found = read_report(raw, batch.reporter, context)
                if isinstance(found, Refusal):
                    into.refused.append(found)
                    continue
                report_id, call = found
                if self.seen.add(batch.reporter, report_id, now):
                    into.calls.append(call)
                else:
                    into.refused.append(Refusal(id=context.show(report_id), reason=ALREADY_TAKEN))
            yield
