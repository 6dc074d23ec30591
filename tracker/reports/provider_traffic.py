"""The real calls of one provider: what they say, what they ask for, what they save. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.traffic import (
    ModelDay,
    ModelTraffic,
    ProviderTrafficView,
    TrafficEvidence,
    TrafficTotal,
    tokens_per_second,
)
from tracker.reports.call import Call, CallOutcome
from tracker.reports.evidence import FailedMinute, SinceCheck, Tally, Target, judge_minute
from tracker.reports.limits import CallLimits
from tracker.reports.windows import MINUTE, CallCount, MinuteWindows, WindowKey

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0
MOST_MODELS_COUNTED = 1_000
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
class DayCount:
    """Calls of one model by the hour, and the failures among them."""

    _hours: dict[int, list[int]] = attrs.field(factory=dict)

    def add(self, call: Call) -> None:
        count = self._hours.setdefault(int(call.at // HOUR_SECONDS), [0, 0])
        count[0] += 1
        count[1] += call.is_failure

    def view(self, model: str, now: float) -> ModelDay:
        """Return the last 24 h, to the hour."""
        first = int((now - DAY_SECONDS) // HOUR_SECONDS) + 1
        for hour in [hour for hour in self._hours if hour < first]:
            del self._hours[hour]
        calls = sum(count for count, _ in self._hours.values())
        return ModelDay(model, calls, sum(failures for _, failures in self._hours.values()))


@attrs.define(eq=False)
class ProviderTraffic:
    """The calls of one provider. days: by model. check_cost: completions of its own last check."""

    windows: MinuteWindows = attrs.field(factory=MinuteWindows)
    limits: CallLimits = attrs.field(factory=CallLimits)
    since_check: dict[Target, SinceCheck] = attrs.field(factory=dict)
    days: dict[str, DayCount] = attrs.field(factory=dict)
    saved: SavedChecks = attrs.field(factory=SavedChecks)
    totals: dict[CallOutcome, list[float]] = attrs.field(factory=dict)
    last_call: float | None = None
    check_cost: int = 0
    _counted: dict[int, frozenset[Target]] = attrs.field(factory=dict)  # failed minutes

    def take(self, calls: Sequence[Call], now: ClockReading) -> list[tuple[WindowKey, Call]]:
        """Count the calls; returns each with its window."""
        taken = []
        for call in calls:
            taken.append((self.windows.add(call), call))
            self.limits.add(call, now)
            self._add_total(call)
            self._add_to_day(call)
            self.last_call = max(call.at, self.last_call or call.at)
        self.windows.forget(now.at.timestamp())
        return taken

    def news(self, calls: Iterable[Call], offers: frozenset[str]) -> dict[Target, list[Call]]:
        """Return what the last check of each target did not know of yet.

        Every call is about the provider; one of a watched offer is about that as well.
        """
        news: dict[Target, list[Call]] = {}
        for call in calls:
            for target in (None, call.model) if call.model in offers else (None,):
                if self.since_check.setdefault(target, SinceCheck()).add(call):
                    news.setdefault(target, []).append(call)
        return news

    def judge(
        self,
        calls: Iterable[Call],
        now: ClockReading,
        distrusted: frozenset[str],
        offers: frozenset[str],
    ) -> tuple[FailedMinute, frozenset[Target]] | None:
        """Return a minute that failed and whom it counts against; it counts for each once.

        calls: new ones. Only the present minute and the one before it say how things are now.
        """
        present = int(now.at.timestamp() // MINUTE)
        self._counted = {m: t for m, t in self._counted.items() if m >= present - 1}
        for minute in sorted({int(call.at // MINUTE) for call in calls if call.is_failure}):
            if not present - 1 <= minute <= present:
                continue
            failed = judge_minute(self.windows.minute(minute), distrusted)
            known = self._counted.get(minute, frozenset())
            targets = frozenset() if failed is None else failed.targets(offers) - known
            if failed is not None and targets:
                self._counted[minute] = known | targets
                return failed, targets
        return None

    def note_check(self, result: CheckResult) -> None:
        """A check was made: what follows is counted from its beginning."""
        if result.kind is OutcomeKind.INTERNAL:
            return  # it tells nothing
        self.since_check[result.model] = SinceCheck(at=result.at.timestamp())
        if result.model is None:
            self.check_cost = result.completions

    def skip_check(self, now: float, target: Target = None) -> bool:
        """Return whether the check that is due now can be left out, and count it if so."""
        since = self.since_check.get(target)
        if since is None or not since.may_skip:
            return False
        since.skipped += 1
        self.saved.add(now, self.check_cost if target is None else 1)
        return True

    def barred_until(
        self, now: ClockReading, keys: int, model: str | None = None
    ) -> tuple[float, OutcomeKind] | None:
        """Return until when limits bar every key, for this model or for all that are called."""
        recent = self.windows.recent(now.at.timestamp())
        models = {key.model for key, _ in recent if key.model} if model is None else {model}
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
            days=tuple(day.view(model, now.at.timestamp()) for model, day in self.days.items()),
            checks_saved_24h=checks,
            completions_saved_24h=completions,
        )

    def _add_to_day(self, call: Call) -> None:
        """Count by model for a day; models are free text, the one told of longest ago goes."""
        day = self.days.pop(call.model, None) or DayCount()
        self.days[call.model] = day
        day.add(call)
        while len(self.days) > MOST_MODELS_COUNTED:
            del self.days[next(iter(self.days))]

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
