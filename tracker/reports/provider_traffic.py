"""The real calls of one provider: what they show, and checks they cause or save. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.traffic import (
    HourCount,
    ModelDay,
    ModelTraffic,
    ProviderTrafficView,
    SkippedCheck,
    TrafficEvidence,
    TrafficTotal,
    tokens_per_second,
)
from tracker.reports.call import Call, CallOutcome
from tracker.reports.evidence import FailedMinute, SinceCheck, Target, is_failing, judge_minute
from tracker.reports.limits import CallLimits
from tracker.reports.windows import MINUTE, MinuteWindows, ModelSum

DAY_SECONDS = 86_400.0
HOUR_SECONDS = 3_600.0
# Each batch during an outage says the same; a second reporter may confirm it within this time.
JUDGE_SECONDS = 0.25
MOST_MODELS_COUNTED = 1_000
MOST_MODELS_SHOWN = 50  # the busiest; more would make every answer too long


@attrs.define(eq=False)
class SavedChecks:
    """Checks skipped within a day: steady seconds and the completions of each."""

    _skipped: deque[tuple[float, int]] = attrs.field(factory=deque)

    def add(self, now: float, completions: int) -> None:
        """Note that a check was left out. completions: how many it would have made."""
        self._skipped.append((now, completions))

    def restore(self, skipped: SkippedCheck, now: ClockReading) -> None:
        """Take one of before this start; they come oldest first."""
        at = now.steady + min((skipped.at - now.at).total_seconds(), 0.0)
        self._skipped.append((at, skipped.completions))

    def within_day(self, now: float) -> tuple[int, int]:
        """Return how many checks and completions were saved in the last 24 h."""
        while self._skipped and self._skipped[0][0] <= now - DAY_SECONDS:
            self._skipped.popleft()
        return len(self._skipped), sum(completions for _, completions in self._skipped)


@attrs.define(eq=False)
class DayCount:
    """Calls of one model by the hour, and the failures among them. last: since this start."""

    last: float | None = None
    _hours: dict[int, list[int]] = attrs.field(factory=dict)

    def add(self, hour: int, calls: int, failures: int) -> None:
        """Count calls and failures in an hour, numbered from 1970."""
        count = self._hours.setdefault(hour, [0, 0])
        count[0] += calls
        count[1] += failures

    def view(self, model: str, now: float) -> ModelDay:
        """Return the last 24 h, to the hour."""
        first = int((now - DAY_SECONDS) // HOUR_SECONDS) + 1
        for hour in [hour for hour in self._hours if hour < first]:
            del self._hours[hour]
        calls = sum(count for count, _ in self._hours.values())
        return ModelDay(model, calls, sum(failures for _, failures in self._hours.values()))


@attrs.define
class JudgedMinute:
    """When a minute was last evaluated (steady seconds), and what was failing; None: everything."""

    at: float = -float("inf")
    failing: set[str | None] = attrs.field(factory=set)


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
    _judged: dict[int, JudgedMinute] = attrs.field(factory=dict)

    @property
    def was_told(self) -> bool:
        """Return whether a call was reported within a day, or since this start."""
        return bool(self.days)

    def add(self, call: Call, now: ClockReading) -> None:
        """Count a call that its minute has counted."""
        self.limits.add(call, now)
        self._add_total(call)
        day = self._day(call.model)
        day.add(int(call.at // HOUR_SECONDS), 1, int(call.is_failure))
        day.last = max(call.at, day.last or call.at)
        self.last_call = max(call.at, self.last_call or call.at)

    def add_news(self, call: Call, offers: frozenset[str], news: dict[Target, list[Call]]) -> None:
        """Add the call to ``news`` where the last check of its target did not know of it yet.

        Every call is about the provider; one of a watched offer is about that as well.
        """
        for target in (None, call.model) if call.model in offers else (None,):
            if self.since_check.setdefault(target, SinceCheck()).add(call):
                news.setdefault(target, []).append(call)

    def forget_old(self, now: ClockReading) -> None:
        """Drop the minutes that no statistic reaches back to."""
        self.windows.forget(now.at.timestamp())

    def restore_hour(self, count: HourCount) -> None:
        """Take what an hour before this start had."""
        self._day(count.model).add(count.hour, count.calls, count.failures)

    def judge(
        self,
        calls: Iterable[Call],
        now: ClockReading,
        distrusted: frozenset[str],
        offers: frozenset[str],
    ) -> tuple[FailedMinute, frozenset[Target]] | None:
        """Return a minute that failed and what it counts against; it counts for each once.

        calls: new ones. Only the present minute and the one before it say how things are now.
        """
        present = int(now.at.timestamp() // MINUTE)
        self._counted = {m: t for m, t in self._counted.items() if m >= present - 1}
        self._judged = {m: j for m, j in self._judged.items() if m >= present - 1}
        touched = {(int(call.at // MINUTE), call.model) for call in calls}
        for minute in (present - 1, present):
            models = {model for m, model in touched if m == minute}
            if not models or not self._is_suspect(minute, models, now.steady, distrusted):
                continue
            failed = judge_minute(self.windows.minute(minute).windows, distrusted)
            known = self._counted.get(minute, frozenset())
            targets = frozenset() if failed is None else failed.targets(offers) - known
            if failed is not None and targets:
                self._counted[minute] = known | targets
                return failed, targets
        return None

    def _is_suspect(
        self, number: int, models: set[str], now: float, distrusted: frozenset[str]
    ) -> bool:
        """Return whether a minute must be judged, which walks through all its counts: where one of
        these models fails, or all together, and that is news or was judged a while ago.
        """
        minute = self.windows.minute(number)
        failing = {
            model for model in (None, *models) if is_failing(*minute.failures_of(model, distrusted))
        }
        judged = self._judged.setdefault(number, JudgedMinute())
        if not failing or (failing <= judged.failing and now < judged.at + JUDGE_SECONDS):
            return False
        judged.failing |= failing
        judged.at = now
        return True

    def note_check(self, result: CheckResult) -> None:
        """Note that a check was made: what follows is counted from its beginning."""
        if result.kind is OutcomeKind.INTERNAL:
            return  # nothing to conclude from it
        self.since_check[result.model] = SinceCheck(at=result.at.timestamp())
        if result.model is None:
            self.check_cost = result.completions

    def may_skip(self, target: Target) -> bool:
        """Return whether the check that is due now can be left out."""
        since = self.since_check.get(target)
        return since is not None and since.may_skip

    def skip_check(self, provider: str, target: Target, now: ClockReading) -> SkippedCheck:
        """Leave it out, and return that for the store."""
        self.since_check[target].skipped += 1
        cost = self.check_cost if target is None else 1
        self.saved.add(now.steady, cost)
        return SkippedCheck(at=now.at, provider=provider, model=target, completions=cost)

    def barred_until(
        self, now: ClockReading, keys: int, model: str | None = None
    ) -> tuple[float, OutcomeKind] | None:
        """Return until when limits bar every key, for this model or for all that are called."""
        models = self.windows.models(now.at.timestamp()) if model is None else {model}
        return self.limits.barred_until(now.steady, keys=keys, models=models - {""})

    def view(self, now: ClockReading) -> ProviderTrafficView:
        """Build what a snapshot shows."""
        recent = self.windows.recent(now.at.timestamp())
        whole = ModelSum()
        for part in recent.values():
            whole.merge(part)
        checks, completions = self.saved.within_day(now.steady)
        return ProviderTrafficView(
            evidence=_evidence(whole, self.last_call),
            models=tuple(_by_model(recent, self.days)),
            totals=tuple(
                TrafficTotal(outcome=outcome.value, calls=int(calls), latency_ms_sum=latency)
                for outcome, (calls, latency) in sorted(self.totals.items())
            ),
            days=tuple(self._days(now)),
            checks_saved_24h=checks,
            completions_saved_24h=completions,
        )

    def _days(self, now: ClockReading) -> Iterator[ModelDay]:
        for model, day in self.days.items():
            if (view := day.view(model, now.at.timestamp())).calls:
                yield view

    def _day(self, model: str) -> DayCount:
        """Return the counts of a model; models are free text, so the least recent is dropped."""
        day = self.days[model] = self.days.pop(model, DayCount())
        while len(self.days) > MOST_MODELS_COUNTED:
            del self.days[next(iter(self.days))]
        return day

    def _add_total(self, call: Call) -> None:
        total = self.totals.setdefault(call.outcome, [0.0, 0.0])
        total[0] += 1
        total[1] += call.latency_ms or 0.0


def _by_model(
    recent: Mapping[str, ModelSum], days: Mapping[str, DayCount]
) -> Iterator[ModelTraffic]:
    busiest = sorted(recent, key=lambda model: (-recent[model].calls, model))
    for model in sorted(busiest[:MOST_MODELS_SHOWN]):
        last = days[model].last if model in days else None
        yield ModelTraffic(model=model, evidence=_evidence(recent[model], last))


def _evidence(calls: ModelSum, last: float | None) -> TrafficEvidence:
    good = calls.good
    return TrafficEvidence(
        calls=calls.calls,
        counted=calls.counted,
        failures=calls.failures,
        last=None if last is None else datetime.fromtimestamp(last, UTC),
        latency_ms=good.latency.quantile(0.5),
        ttft_ms=good.ttft.quantile(0.5),
        tokens_per_second=tokens_per_second(good.output_tokens, good.output_ms),
    )
