"""All reported calls: counts, conclusions for health, rows for the store. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult
from tracker.core.traffic import ProviderTrafficView, StoredTraffic, TrafficBatch
from tracker.reports.call import Call
from tracker.reports.evidence import FailedMinute, Target, calls_for_check
from tracker.reports.provider_traffic import ProviderTraffic
from tracker.reports.trust import ReporterTrust, UntrustedReporter
from tracker.reports.unstored import UnstoredTraffic


@attrs.frozen(kw_only=True)
class TrafficConclusion:
    """What new calls mean for a provider.

    checks: what should be checked immediately, and the reporters whose failures say so.
    failed_minute, failed: a minute that counts as a failed check, and of which targets.
    """

    checks: Mapping[Target, frozenset[str]] = attrs.field(factory=dict)
    failed_minute: FailedMinute | None = None
    failed: frozenset[Target] = frozenset()


@attrs.define(eq=False)
class MessageProgress:
    """How far the calls of a message are counted, by provider, so a crash counts none twice.

    news: what the last checks could not know yet.
    """

    message: object = None
    begun: dict[str, int] = attrs.field(factory=dict)
    news: dict[str, dict[Target, list[Call]]] = attrs.field(factory=dict)


@attrs.define(eq=False)
class TrafficLedger:
    """The calls of all providers, by name. Only the aggregator changes it."""

    trust: ReporterTrust = attrs.field(factory=ReporterTrust)
    _providers: dict[str, ProviderTraffic] = attrs.field(factory=dict)
    _unstored: UnstoredTraffic = attrs.field(factory=UnstoredTraffic)
    _progress: MessageProgress = attrs.field(factory=MessageProgress)

    @property
    def dropped(self) -> int:
        """Return the calls whose counts were lost while the database was away for long."""
        return self._unstored.dropped

    def take(
        self,
        provider: str,
        calls: Sequence[Call],
        now: ClockReading,
        *,
        offers: frozenset[str] = frozenset(),
        down: frozenset[Target] = frozenset(),
        message: object = None,
    ) -> TrafficConclusion:
        """Count new calls of one provider and draw the conclusions.

        offers: its models that are watched. down: who is down, so that a success is news as well.
        message: what the calls came in, if with others. After a crash it comes a second time:
        what was begun of it is not counted again.
        """
        message = calls if message is None else message
        if message is not self._progress.message:
            self._progress = MessageProgress(message)
        traffic = self._of(provider)
        news = self._count(provider, calls, now, offers)
        distrusted = frozenset(one.reporter for one in self.trust.untrusted(now.steady))
        trusted = {
            target: [call for call in told if call.reporter not in distrusted]
            for target, told in news.items()
        }
        checks = {
            target: _accusers(told, offers if target is None else frozenset())
            for target, told in trusted.items()
            if calls_for_check(told, down=target in down)
        }
        judged = traffic.judge(trusted.get(None, ()), now, distrusted, offers)
        if judged is None:
            return TrafficConclusion(checks=checks)
        minute, failed = judged
        return TrafficConclusion(checks=checks, failed_minute=minute, failed=failed)

    def skip_check(self, provider: str, target: Target, now: ClockReading) -> bool:
        """Return whether the check that is due now can be left out, and count it if so."""
        traffic = self._providers.get(provider)
        if traffic is None or not traffic.may_skip(target):
            return False
        self._unstored.skipped.append(traffic.skip_check(provider, target, now))
        return True

    def restore(self, stored: StoredTraffic, now: ClockReading) -> None:
        """Carry on from the last day that is stored."""
        for skipped in stored.skipped:
            self._of(skipped.provider).saved.restore(skipped, now)
        for count in stored.hours:
            self._of(count.provider).restore_hour(count)

    def accuse(self, provider: str, target: Target, reporters: Iterable[str]) -> None:
        """Remember the reporters of failures: the next check will confirm them or not."""
        for reporter in reporters:
            self.trust.accuse(reporter, provider, target)

    def note_check(self, result: CheckResult, now: ClockReading) -> None:
        """Take note of a check: it settles who was right."""
        if not result.kind.is_ours:
            confirmed = not result.kind.is_success
            self.trust.settle(result.provider, now.steady, confirmed=confirmed, model=result.model)
        self._of(result.provider).note_check(result)

    @property
    def told_of(self) -> Iterator[str]:
        """Yield the providers with reported calls: for others there is nothing to show."""
        return (name for name, traffic in self._providers.items() if traffic.was_told)

    def traffic(self, provider: str) -> ProviderTraffic | None:
        """Return a provider's reported calls, None where none came."""
        return self._providers.get(provider)

    def view(self, provider: str, now: ClockReading) -> ProviderTrafficView | None:
        """Return what a snapshot shows; None if no call was ever reported."""
        traffic = self._providers.get(provider)
        return traffic.view(now) if traffic is not None and traffic.was_told else None

    def untrusted(self, now: ClockReading) -> tuple[UntrustedReporter, ...]:
        """Return the reporters that are not believed now, and until when."""
        return self.trust.untrusted(now.steady)

    def forget(self, provider: str) -> None:
        """Drop a provider's calls and what reporters said of it."""
        self._providers.pop(provider, None)
        self.trust.forget_provider(provider)

    @property
    def has_unstored(self) -> bool:
        """Return whether there are calls that the store was not given yet."""
        return bool(self._unstored)

    def take_batch(self, now: ClockReading) -> TrafficBatch | None:
        """Return what is not stored yet, None where that is nothing; it is the caller's then."""
        return self._unstored.take(now.at)

    def _count(
        self, provider: str, calls: Sequence[Call], now: ClockReading, offers: frozenset[str]
    ) -> Mapping[Target, Sequence[Call]]:
        """Count each call once; return what is new to the last check of each target."""
        traffic, begun = self._of(provider), self._progress.begun
        news = self._progress.news.setdefault(provider, {})
        for call in calls[begun.get(provider, 0) :]:
            begun[provider] = begun.get(provider, 0) + 1
            self._unstored.add(traffic.windows.add(call), call)
            traffic.add(call, now)
            traffic.add_news(call, offers, news)
        traffic.forget_old(now)
        return news

    def _of(self, provider: str) -> ProviderTraffic:
        return self._providers.setdefault(provider, ProviderTraffic())


def _accusers(calls: Iterable[Call], offers: frozenset[str]) -> frozenset[str]:
    """Return who reports failures. Of a watched offer, only its own check can confirm them."""
    failures = (call for call in calls if call.is_failure and call.model not in offers)
    return frozenset(call.reporter for call in failures)
