"""Everything that is known of one provider. Pure; the aggregator is the only one who changes it."""

from collections import Counter

import attrs
import msgspec

from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.records import CheckRecord
from tracker.core.settings import Provider
from tracker.core.snapshot import Excluded, ProviderStatus
from tracker.health.provider_view import build_entry, build_view
from tracker.health.rolling_statistics import Statistics
from tracker.health.target_state import (
    PersistedState,
    TargetSettings,
    TargetState,
    stale_after,
)
from tracker.ranking.policy import Candidate


@attrs.frozen(kw_only=True)
class StoredProvider:
    """A provider as the store remembers it. ``state``: a PersistedState as JSON, or None."""

    statistics: Statistics
    state: str | None


@attrs.define(eq=False)
class Published:
    """What the latest snapshot shows of a provider, kept so that unchanged parts stay the same.

    changes_at: steady seconds at which time alone changes the view.
    """

    view: ProviderStatus | None = None
    entry: Candidate | Excluded | None = None
    changes_at: float = float("inf")


@attrs.define(eq=False)
class ProviderState:
    """One provider: its settings, what its checks said, and what was published of it.

    checked: since this start. touched: changed since the last publication.
    """

    provider: Provider
    target: TargetState = attrs.field(factory=TargetState)
    models: tuple[str, ...] | None = None
    given_up: str | None = None
    overridden: bool = False
    outcomes: Counter[OutcomeKind] = attrs.field(factory=Counter)
    checked: bool = False
    touched: bool = True
    published: Published = attrs.field(factory=Published)

    def record_check(
        self,
        result: CheckResult,
        next_due: float | None,
        now: ClockReading,
        *,
        given_up: str | None = None,
    ) -> CheckRecord:
        """Judge one check and return its row for the store.

        given_up: why its actor is only tried at the longest delay, None while it runs.
        """
        target = self.target.after(result, next_due, self._settings(given_up), now)
        record = self._record(result, target, now)

        self.target, self.given_up = target, given_up
        target.count(result)
        target.next_due = self._plan(next_due)
        self.outcomes[result.kind] += 1
        self.checked = self.touched = True
        if result.models is not None and result.models != self.models:
            self.models = result.models  # an equal list stays the same object: indexes rely on it
        return record

    def update_settings(self, provider: Provider, *, overridden: bool) -> None:
        """Take new settings; switched on again, a given-up actor has a fresh budget."""
        self.provider, self.overridden = provider, overridden
        self.given_up = None
        if not provider.enabled:
            self.target.next_due = None  # what is known of it still grows old
        self._touch()

    def reschedule(self, next_due: float | None, now: ClockReading) -> None:
        """Take a new plan. What is stale stays stale until a check has ended."""
        if not self.target.is_stale(now):
            self.target.stale_at = stale_after(next_due, self.provider.timing)
        self.target.next_due = self._plan(next_due)
        self._touch()

    def reset_after_absence(self) -> None:
        """Forget what was published of it: it was not watched for a while."""
        self.published = Published()
        self.target.next_due = None
        self.checked = False
        self._touch()

    def restore(self, stored: StoredProvider, now: ClockReading) -> None:
        """Carry on from what was stored; checks made since this start stay on top of it.

        Raises msgspec.DecodeError, having taken the statistics, for a state that is not ours.
        """
        for sample in self.target.statistics.results():
            if not stored.statistics.has(sample.at):  # it may be stored by now
                stored.statistics.add(sample)
        self.target.statistics = stored.statistics
        self._touch()
        if stored.state is not None and not self.checked:
            self.target.restore(msgspec.json.decode(stored.state, type=PersistedState), now)

    def is_outdated(self, now: ClockReading) -> bool:
        """Return whether what was published of it no longer holds."""
        published = self.published
        return self.touched or published.view is None or now.steady >= published.changes_at

    def refresh(self, now: ClockReading) -> ProviderStatus:
        """Publish its view now; the same object while nothing in it changed."""
        target, published = self.target, self.published
        target.statistics.advance(now.at.timestamp())
        judgement = target.judgement if self.touched else None
        if judgement is None:
            judgement = target.judge(self._settings(self.given_up), now)
        target.note_status(judgement.decision.status, now.at)
        view = build_view(self, judgement, now)
        if view != published.view:
            published.view = view
        else:
            view = published.view
        published.changes_at = target.next_change(now)
        published.entry = build_entry(view, target.statistics.recent, published.entry)
        self.touched = False
        return view

    def _settings(self, given_up: str | None) -> TargetSettings:
        return TargetSettings(
            timing=self.provider.timing,
            enabled=self.provider.enabled,
            given_up=given_up,
            documented_limits=self.provider.documented_limits,
        )

    def _touch(self) -> None:
        self.touched, self.target.judgement = True, None

    def _plan(self, next_due: float | None) -> float | None:
        """No plan holds for a provider that is no longer checked: a last message may come late."""
        return next_due if self.provider.enabled and self.given_up is None else None

    def _record(self, result: CheckResult, target: TargetState, now: ClockReading) -> CheckRecord:
        judgement = target.judgement or target.judge(self._settings(self.given_up), now)
        return CheckRecord(
            result=attrs.evolve(result, provider=self.provider.name),
            status=judgement.decision.status,
            interval_seconds=self.provider.timing.interval_seconds,
            consecutive_failures=target.health.consecutive_failures,
            rate_limit_percent=judgement.rate_limit.percent,
            state=msgspec.json.encode(target.persist(now)).decode(),
        )
