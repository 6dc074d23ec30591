"""The real calls of one provider: what they say, what they ask for, what they save. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.traffic import (
    ModelTraffic,
    ProviderTrafficView,
    TrafficEvidence,
    TrafficTotal,
    tokens_per_second,
)
from tracker.reports.call import Call, CallOutcome
from tracker.reports.evidence import FailedMinute, SinceCheck, Tally, judge_minute
from tracker.reports.limits import CallLimits
from tracker.reports.windows import MINUTE, CallCount, MinuteWindows, WindowKey

DAY_SECONDS = 86_400.0
MOST_MODELS_SHOWN = 50  # the busiest; more would make every answer long


@attrs.define(eq=False)
class SavedChecks:
    """Checks that were skipped within a day: steady seconds and the completions of each."""

    _skipped: deque[tuple[float, int]] = attrs.field(factory=deque)

    def add(self, now: float, completions: int) -> None:
        self._skipped.append((now, completions))

    def within_day(self, now: float) -> tuple[int, int]:
        """Return how many checks and completions were saved in the last 24 h."""
        while self._skipped and self._skipped[0][0] <= now - DAY_SECONDS:
            self._skipped.popleft()
        return len(self._skipped), sum(completions for _, completions in self._skipped)


@attrs.define(eq=False)
class ProviderTraffic:
    """The calls of one provider. check_cost: the completions that its last check spent."""

    windows: MinuteWindows = attrs.field(factory=MinuteWindows)
    limits: CallLimits = attrs.field(factory=CallLimits)
    since_check: SinceCheck = attrs.field(factory=SinceCheck)
    saved: SavedChecks = attrs.field(factory=SavedChecks)
    totals: dict[CallOutcome, list[float]] = attrs.field(factory=dict)
    last_call: float | None = None
    check_cost: int = 0
    _judged: int = -1  # the newest minute that was counted as a failed check

    def take(self, calls: Sequence[Call], now: ClockReading) -> list[tuple[WindowKey, Call]]:
        """Count the calls; returns each with its window."""
        taken = []
        for call in calls:
            taken.append((self.windows.add(call), call))
            self.limits.add(call, now)
            self._add_total(call)
            self.last_call = max(call.at, self.last_call or call.at)
        self.windows.forget(now.at.timestamp())
        return taken

    def news(self, calls: Iterable[Call]) -> list[Call]:
        """Return those of the calls that the last check did not know of yet."""
        return [call for call in calls if self.since_check.add(call)]

    def judge(
        self, calls: Iterable[Call], now: ClockReading, distrusted: frozenset[str]
    ) -> FailedMinute | None:
        """Return a minute that failed and is not counted yet; each counts once.

        calls: new ones. Only the present minute and the one before it say how things are now.
        """
        present = int(now.at.timestamp() // MINUTE)
        minutes = sorted({int(call.at // MINUTE) for call in calls if call.is_failure})
        for minute in minutes:
            if not self._judged < minute <= present or minute < present - 1:
                continue
            failed = judge_minute(self.windows.minute(minute), distrusted)
            if failed is not None:
                self._judged = minute
                return failed
        return None

    def note_check(self, result: CheckResult) -> None:
        """A check was made: what follows is counted from its beginning."""
        if result.kind is OutcomeKind.INTERNAL:
            return  # it tells nothing
        self.since_check = SinceCheck(at=result.at.timestamp())
        self.check_cost = result.completions

    def skip_check(self, now: float) -> bool:
        """Return whether the check that is due now can be left out, and count it if so."""
        if not self.since_check.may_skip:
            return False
        self.since_check.skipped += 1
        self.saved.add(now, self.check_cost)
        return True

    def barred_until(self, now: ClockReading, keys: int) -> tuple[float, OutcomeKind] | None:
        """Return until when limits bar every key for every model that is called."""
        recent = self.windows.recent(now.at.timestamp())
        models = {key.model for key, _ in recent if key.model}
        return self.limits.barred_until(now.steady, keys=keys, models=models)

    def view(self, now: ClockReading) -> ProviderTrafficView:
        """Build what a snapshot shows."""
        recent = tuple(self.windows.recent(now.at.timestamp()))
        checks, completions = self.saved.within_day(now.steady)
        return ProviderTrafficView(
            evidence=_evidence(recent, self.last_call),
            models=tuple(_by_model(recent)),
            totals=tuple(
                TrafficTotal(outcome=outcome.value, calls=int(calls), latency_ms_sum=latency)
                for outcome, (calls, latency) in sorted(self.totals.items())
            ),
            checks_saved_24h=checks,
            completions_saved_24h=completions,
        )

    def _add_total(self, call: Call) -> None:
        total = self.totals.setdefault(call.outcome, [0.0, 0.0])
        total[0] += 1
        total[1] += call.latency_ms or 0.0


def _by_model(recent: Sequence[tuple[WindowKey, CallCount]]) -> Iterator[ModelTraffic]:
    models: dict[str, list[tuple[WindowKey, CallCount]]] = {}
    for key, count in recent:
        models.setdefault(key.model, []).append((key, count))
    busiest = sorted(models, key=lambda m: (-sum(c.calls for _, c in models[m]), m))
    for model in sorted(busiest[:MOST_MODELS_SHOWN]):
        yield ModelTraffic(model=model, evidence=_evidence(models[model], None))


def _evidence(counts: Iterable[tuple[WindowKey, CallCount]], last: float | None) -> TrafficEvidence:
    calls, counted, good = 0, Tally(), CallCount()
    for key, count in counts:
        calls += count.calls
        if isinstance(key.outcome, OutcomeKind):
            counted.add(key.outcome, count.calls)
            if key.outcome.is_success:
                good.merge(count)
    return TrafficEvidence(
        calls=calls,
        counted=counted.calls,
        failures=counted.failures,
        last=None if last is None else datetime.fromtimestamp(last, UTC),
        latency_ms=good.latency.quantile(0.5),
        ttft_ms=good.ttft.quantile(0.5),
        tokens_per_second=tokens_per_second(good.output_tokens, good.output_ms),
    )
