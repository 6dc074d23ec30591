"""Data of accepted calls that is not stored yet: counts, marks, skipped checks. Pure."""

from array import array
from datetime import UTC, datetime
from itertools import islice

import attrs

from tracker.core.traffic import SkippedCheck, TrafficBatch, TrafficRecord
from tracker.reports.call import Call
from tracker.reports.windows import MINUTE, CallCount, WindowKey

# While the database is unavailable: a day of a dozen models and outcomes by the minute; 2 kB each.
MOST_WINDOWS = 20_000
# 8 MB. Beyond this, the next process would not know that they were accepted.
MOST_MARKS = 1_000_000
WINDOWS_AT_ONCE = 60  # packing them blocks the loop for half a millisecond


@attrs.define(eq=False)
class _Unstored:
    """Calls of one window, and the marks of their reports."""

    count: CallCount = attrs.field(factory=CallCount)
    marks: "array[int]" = attrs.field(factory=lambda: array("Q"))


@attrs.define(eq=False)
class UnstoredTraffic:
    """Grows until it is taken. dropped: calls whose counts were lost."""

    dropped: int = 0
    skipped: list[SkippedCheck] = attrs.field(factory=list)
    _windows: dict[WindowKey, _Unstored] = attrs.field(factory=dict)
    _marks: int = 0

    def __bool__(self) -> bool:
        return bool(self._windows or self.skipped)

    def add(self, key: WindowKey, call: Call) -> None:
        """Count a call in its window; the oldest window is dropped where there are too many."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Unstored()
        window.count.add(call)
        if self._marks < MOST_MARKS:
            window.marks.append(call.mark)
            self._marks += 1
        while len(self._windows) > MOST_WINDOWS:
            lost = self._windows.pop(next(iter(self._windows)))
            self._marks -= len(lost.marks)
            self.dropped += lost.count.calls

    def take(self, at: datetime) -> TrafficBatch | None:
        """Return the oldest of it, as much as can be packed at once; None where there is nothing.

        A count and the marks of its calls are always in one batch.
        """
        if not self:
            return None
        keys = list(islice(self._windows, WINDOWS_AT_ONCE))
        taken = {key: self._windows.pop(key) for key in keys}
        marks = b"".join(window.marks.tobytes() for window in taken.values())
        self._marks -= len(marks) // 8
        skipped, self.skipped = tuple(self.skipped), []
        counts = tuple(_record(key, window.count) for key, window in taken.items())
        return TrafficBatch(at=at, counts=counts, marks=marks, skipped=skipped)


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
