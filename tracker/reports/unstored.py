"""What is not stored yet of the calls that were taken: counts, marks, skipped checks. Pure."""

from array import array
from datetime import UTC, datetime

import attrs

from tracker.core.traffic import SkippedCheck, TrafficBatch, TrafficRecord
from tracker.reports.call import Call
from tracker.reports.windows import MINUTE, CallCount, WindowKey

# While the database is away: a day of a dozen models and outcomes, minute by minute; 2 kB each.
MOST_COUNTS = 20_000
# 8 MB. Older ones are still known to this process, and not to the next.
MOST_MARKS = 1_000_000


@attrs.define(eq=False)
class UnstoredTraffic:
    """Grows until it is taken. dropped: calls whose counts were lost."""

    dropped: int = 0
    skipped: list[SkippedCheck] = attrs.field(factory=list)
    _counts: dict[WindowKey, CallCount] = attrs.field(factory=dict)
    _marks: "array[int]" = attrs.field(factory=lambda: array("Q"))

    def add(self, key: WindowKey, call: Call) -> None:
        self._marks.append(call.mark)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = CallCount()
        count.add(call)
        while len(self._counts) > MOST_COUNTS:
            self.dropped += self._counts.pop(next(iter(self._counts))).calls
        if len(self._marks) > MOST_MARKS:
            del self._marks[: MOST_MARKS // 10]

    def take(self, at: datetime) -> TrafficBatch | None:
        """Return everything, and begin anew; None where there is nothing."""
        if not (self._counts or self.skipped):
            return None
        batch = TrafficBatch(
            at=at,
            counts=tuple(_record(key, count) for key, count in self._counts.items()),
            marks=self._marks.tobytes(),
            skipped=tuple(self.skipped),
        )
        self._counts, self._marks, self.skipped = {}, array("Q"), []
        return batch


def _record(key: WindowKey, count: CallCount) -> TrafficRecord:
    return TrafficRecord(
        minute=datetime.fromtimestamp(key.minute * MINUTE, UTC),
        provider=key.provider,
        model=key.model,
        key=key.key,
        reporter=key.reporter,
        outcome=key.outcome.value,
        calls=count.calls,
        latency_samples=count.latency.samples,
        latency_ms_sum=count.latency.sum_ms,
        ttft_samples=count.ttft.samples,
        ttft_ms_sum=count.ttft.sum_ms,
        output_tokens=count.output_tokens,
        output_ms=count.output_ms,
        latency_sketch=count.latency.encode(),
    )
