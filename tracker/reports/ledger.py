"""All reported calls of a tracker: counts, conclusions for health, rows for the store. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult
from tracker.core.traffic import ProviderTrafficView, TrafficRecord
from tracker.reports.call import Call
from tracker.reports.evidence import FailedMinute, Target, calls_for_check
from tracker.reports.provider_traffic import ProviderTraffic
from tracker.reports.trust import ReporterTrust, UntrustedReporter
from tracker.reports.windows import MINUTE, CallCount, WindowKey

# A day of a dozen models and outcomes, minute by minute; some 2 kB each.
MOST_UNSTORED = 20_000


@attrs.frozen(kw_only=True)
class TrafficConclusion:
    """What new calls mean for a provider.

    checks: what should be checked at once, and whose reports of failures say so.
    failed_minute, failed: a minute that counts as a failed check, and of whom.
    """

    checks: Mapping[Target, frozenset[str]] = attrs.field(factory=dict)
    failed_minute: FailedMinute | None = None
    failed: frozenset[Target] = frozenset()


@attrs.define(eq=False)
class TrafficLedger:
    """The calls of all providers, by name. Only the aggregator changes it.

    dropped: calls whose counts were lost while the database was away for long.
    """

    trust: ReporterTrust = attrs.field(factory=ReporterTrust)
    _providers: dict[str, ProviderTraffic] = attrs.field(factory=dict)
    dropped: int = 0
    _unstored: dict[WindowKey, CallCount] = attrs.field(factory=dict)

    def take(
        self,
        provider: str,
        calls: Sequence[Call],
        now: ClockReading,
        *,
        offers: frozenset[str] = frozenset(),
        down: frozenset[Target] = frozenset(),
    ) -> TrafficConclusion:
        """Count new calls of one provider and draw the conclusions.

        offers: its models that are watched. down: who is down, so that a success is news as well.
        """
        traffic = self._providers.setdefault(provider, ProviderTraffic())
        for key, call in traffic.take(calls, now):
            self._unstored.setdefault(key, CallCount()).add(call)
        while len(self._unstored) > MOST_UNSTORED:
            self.dropped += self._unstored.pop(next(iter(self._unstored))).calls
        distrusted = frozenset(one.reporter for one in self.trust.untrusted(now.steady))
        trusted = {
            target: [call for call in news if call.reporter not in distrusted]
            for target, news in traffic.news(calls, offers).items()
        }
        checks = {
            target: _accusers(news, offers if target is None else frozenset())
            for target, news in trusted.items()
            if calls_for_check(news, down=target in down)
        }
        judged = traffic.judge(trusted.get(None, ()), now, distrusted, offers)
        if judged is None:
            return TrafficConclusion(checks=checks)
        minute, failed = judged
        return TrafficConclusion(checks=checks, failed_minute=minute, failed=failed)

    def accuse(self, provider: str, target: Target, reporters: Iterable[str]) -> None:
        """Remember who told of failures: the check that follows will confirm them or not."""
        for reporter in reporters:
            self.trust.accuse(reporter, provider, target)

    def note_check(self, result: CheckResult, now: ClockReading) -> None:
        """Take note of a check: it settles who was right."""
        if not result.kind.is_ours:
            confirmed = not result.kind.is_success
            self.trust.settle(result.provider, now.steady, confirmed=confirmed, model=result.model)
        self._providers.setdefault(result.provider, ProviderTraffic()).note_check(result)

    def traffic(self, provider: str) -> ProviderTraffic | None:
        return self._providers.get(provider)

    def view(self, provider: str, now: ClockReading) -> ProviderTrafficView | None:
        """Return what a snapshot shows; None where nobody ever told of a call."""
        traffic = self._providers.get(provider)
        return None if traffic is None or traffic.last_call is None else traffic.view(now)

    def untrusted(self, now: ClockReading) -> tuple[UntrustedReporter, ...]:
        return self.trust.untrusted(now.steady)

    def forget(self, provider: str) -> None:
        self._providers.pop(provider, None)
        self.trust.forget_provider(provider)

    def take_records(self) -> tuple[TrafficRecord, ...]:
        """Return the counts that are not stored yet; they are the caller's from now on."""
        unstored, self._unstored = self._unstored, {}
        return tuple(_record(key, count) for key, count in unstored.items())


def _accusers(calls: Iterable[Call], offers: frozenset[str]) -> frozenset[str]:
    """Who tells of failures. Of a watched offer, only that offer's own check can confirm them."""
    failures = (call for call in calls if call.is_failure and call.model not in offers)
    return frozenset(call.reporter for call in failures)


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
