"""Real calls counted by the minute, provider, model, key, reporter and outcome. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from tracker.core.latency_sketch import LatencySketch
from tracker.core.outcomes import OutcomeKind
from tracker.core.traffic import TRAFFIC_WINDOW_SECONDS
from tracker.reports.call import Call, CallOutcome

MINUTE = 60.0
MINUTES_SHOWN = TRAFFIC_WINDOW_SECONDS // 60
# Reporters and models are free text: more than these in a minute are counted together.
MOST_WINDOWS = 2_000
OTHERS = "(others)"


class WindowKey(NamedTuple):
    """What one count is about. ``minute``: since 1970. ``key``: 0 where untold."""

    minute: int
    provider: str
    model: str
    key: int
    reporter: str
    outcome: CallOutcome


@attrs.define(eq=False)
class CallCount:
    """Calls of one window. output_ms: what the counted output tokens took."""

    calls: int = 0
    latency: LatencySketch = attrs.field(factory=LatencySketch)
    ttft: LatencySketch = attrs.field(factory=LatencySketch)
    output_tokens: int = 0
    output_ms: float = 0.0

    def add(self, call: Call) -> None:
        self.calls += 1
        if call.latency_ms is not None:
            self.latency.add(call.latency_ms)
        if call.ttft_ms is not None:
            self.ttft.add(call.ttft_ms)
        if call.output_tokens and call.latency_ms:
            took = call.latency_ms - (call.ttft_ms or 0.0)
            if took > 0.0:
                self.output_tokens += call.output_tokens
                self.output_ms += took

    def merge(self, other: "CallCount") -> None:
        self.calls += other.calls
        self.latency.merge(other.latency)
        self.ttft.merge(other.ttft)
        self.output_tokens += other.output_tokens
        self.output_ms += other.output_ms


@attrs.define
class Tally:
    """Counted calls, those that failed among them, and how."""

    calls: int = 0
    failures: int = 0
    kinds: Counter[OutcomeKind] = attrs.field(factory=Counter)

    def add(self, outcome: CallOutcome, calls: int) -> None:
        if not isinstance(outcome, OutcomeKind):
            return
        if outcome.is_failure:
            self.failures += calls
            self.kinds[outcome] += calls
        elif not outcome.is_success:
            return
        self.calls += calls


@attrs.define(eq=False)
class MinuteWindows:
    """The counts of the last minutes of one provider. tallies: by minute and model; None: all."""

    _minutes: dict[int, dict[WindowKey, CallCount]] = attrs.field(factory=dict)
    _tallies: dict[tuple[int, str | None], Tally] = attrs.field(factory=dict)

    def add(self, call: Call) -> WindowKey:
        """Count a call and return its window."""
        minute = int(call.at // MINUTE)
        windows = self._minutes.setdefault(minute, {})
        key = WindowKey(
            minute, call.provider, call.model, call.key or 0, call.reporter, call.outcome
        )
        if key not in windows and len(windows) >= MOST_WINDOWS:
            key = key._replace(model=OTHERS, key=0, reporter=OTHERS)
        count = windows.get(key)
        if count is None:
            count = windows[key] = CallCount()
        count.add(call)
        for model in (None, key.model):
            place = (minute, model)
            if (tally := self._tallies.get(place)) is None:
                tally = self._tallies[place] = Tally()
            tally.add(call.outcome, 1)
        return key

    def tally(self, minute: int, model: str | None) -> Tally:
        """Return the calls of one minute, of one model or of all, whoever told of them."""
        return self._tallies.get((minute, model)) or Tally()

    def minute(self, minute: int) -> dict[WindowKey, CallCount]:
        return self._minutes.get(minute, {})

    def recent(self, now: float) -> Iterator[tuple[WindowKey, CallCount]]:
        """Yield the counts of the shown minutes, the present one included."""
        first = int(now // MINUTE) - MINUTES_SHOWN + 1
        for minute, windows in self._minutes.items():
            if minute >= first:
                yield from windows.items()

    def forget(self, now: float) -> bool:
        """Drop what is no longer shown; True when something was."""
        first = int(now // MINUTE) - MINUTES_SHOWN + 1
        old = [minute for minute in self._minutes if minute < first]
        for minute in old:
            for model in {None, *(key.model for key in self._minutes.pop(minute))}:
                self._tallies.pop((minute, model), None)
        return bool(old)
