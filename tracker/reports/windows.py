"""Real calls counted by the minute, provider, model, key, reporter and outcome. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import attrs

from tracker.core.latency_sketch import LatencySketch
from tracker.core.outcomes import OutcomeKind
from tracker.core.traffic import TRAFFIC_WINDOW_SECONDS
from tracker.reports.call import Call, CallOutcome

MINUTE = 60.0
MINUTES_SHOWN = TRAFFIC_WINDOW_SECONDS // 60
# Reporters and models are free text: above this number in a minute they are counted together.
MOST_WINDOWS = 2_000
OTHERS = "(others)"


class WindowKey(NamedTuple):
    """The key of one count. ``minute``: since 1970. ``key``: 0 if not given."""

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
        """Count a call, its latency, first token and rate of output, each where it was told."""
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
        """Add the counts and sums of another."""
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
        """Count calls of one outcome; a limit and a neutral one count nowhere."""
        if not isinstance(outcome, OutcomeKind):
            return
        if outcome.is_failure:
            self.failures += calls
            self.kinds[outcome] += calls
        elif not outcome.is_success:
            return
        self.calls += calls


@attrs.define(eq=False)
class ModelSum:
    """The calls of one model over a minute or more. good: those that succeeded.

    counted, failures: calls that say something about health, and those of them that failed.
    """

    calls: int = 0
    counted: int = 0
    failures: int = 0
    good: CallCount = attrs.field(factory=CallCount)

    def add(self, outcome: CallOutcome, count: CallCount) -> None:
        """Add the calls of one outcome; latencies only of successes."""
        self.calls += count.calls
        if not isinstance(outcome, OutcomeKind):
            return
        if outcome.is_failure:
            self.failures += count.calls
        elif outcome.is_success:
            self.good.merge(count)
        else:
            return
        self.counted += count.calls

    def merge(self, other: "ModelSum") -> None:
        """Add the counts and latencies of another."""
        self.calls += other.calls
        self.counted += other.counted
        self.failures += other.failures
        self.good.merge(other.good)


@attrs.define(eq=False)
class Minute:
    """The counts of one minute. tallies: by model and reporter; None: all of them."""

    windows: dict[WindowKey, CallCount] = attrs.field(factory=dict)
    tallies: dict[tuple[str | None, str | None], Tally] = attrs.field(factory=dict)
    _sums: dict[str, ModelSum] | None = None  # as long as no call was added since

    def add(self, key: WindowKey, call: Call) -> None:
        """Count a call in its window, and in the tallies by model and by reporter."""
        count = self.windows.get(key)
        if count is None:
            count = self.windows[key] = CallCount()
        count.add(call)
        for model in (None, key.model):
            for reporter in (None, key.reporter):
                place = (model, reporter)
                if (tally := self.tallies.get(place)) is None:
                    tally = self.tallies[place] = Tally()
                tally.add(call.outcome, 1)
        self._sums = None

    def sums(self) -> dict[str, ModelSum]:
        """Return the sum of each model: computed once for a minute that has passed."""
        if self._sums is None:
            self._sums = {}
            for key, count in self.windows.items():
                self._sums.setdefault(key.model, ModelSum()).add(key.outcome, count)
        return self._sums

    def failures_of(self, model: str | None, without: Iterable[str]) -> tuple[int, int]:
        """Return failures and counted calls, those of some reporters left out."""
        whole = self.tallies.get((model, None))
        failures, calls = (whole.failures, whole.calls) if whole is not None else (0, 0)
        for reporter in without:
            if (tally := self.tallies.get((model, reporter))) is not None:
                failures, calls = failures - tally.failures, calls - tally.calls
        return failures, calls


@attrs.define(eq=False)
class MinuteWindows:
    """The counts of the last minutes of one provider, by minutes since 1970."""

    _minutes: dict[int, Minute] = attrs.field(factory=dict)

    def add(self, call: Call) -> WindowKey:
        """Count a call and return its window."""
        number = int(call.at // MINUTE)
        minute = self.minute(number)
        key = WindowKey(
            number, call.provider, call.model, call.key or 0, call.reporter, call.outcome
        )
        if key not in minute.windows and len(minute.windows) >= MOST_WINDOWS:
            key = key._replace(model=OTHERS, key=0, reporter=OTHERS)
        minute.add(key, call)
        return key

    def minute(self, number: int) -> Minute:
        """Return one minute, a new one where it has no call yet."""
        if (minute := self._minutes.get(number)) is None:
            minute = self._minutes[number] = Minute()
        return minute

    def recent(self, now: float) -> dict[str, ModelSum]:
        """Return the sum of each model over the shown minutes, the present one included."""
        found: dict[str, ModelSum] = {}
        for minute in self._shown(now):
            for model, part in minute.sums().items():
                found.setdefault(model, ModelSum()).merge(part)
        return found

    def models(self, now: float) -> set[str]:
        """Return the models called in the shown minutes; an empty name if one was not given."""
        return {model for minute in self._shown(now) for model in minute.sums()}

    def forget(self, now: float) -> bool:
        """Drop what is no longer shown; True when something was."""
        old = [number for number in self._minutes if number < _first_shown(now)]
        for number in old:
            del self._minutes[number]
        return bool(old)

    def _shown(self, now: float) -> Iterator[Minute]:
        first = _first_shown(now)
        return (minute for number, minute in self._minutes.items() if number >= first)


def _first_shown(now: float) -> int:
    return int(now // MINUTE) - MINUTES_SHOWN + 1
