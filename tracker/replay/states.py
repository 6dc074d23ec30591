"""The states a running tracker would have had, by the same rules."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.settings import Provider, Timing
from tracker.health.provider_state import ProviderState
from tracker.ranking.candidate_pool import CandidatePool
from tracker.replay.history import History, RecordedCheck


@attrs.frozen
class ReplayState:
    """The candidates after a round. ``swept``: the first sweep was over before its last check."""

    pool: CandidatePool
    swept: bool


@attrs.define
class StateReplay:
    """``timings``: each provider's own settings, where they are known."""

    timings: Mapping[str, Timing] = attrs.field(factory=dict)
    timing: Timing = Timing()
    providers: dict[str, ProviderState] = attrs.field(factory=dict, init=False)

    def states(self, history: History) -> Iterator[ReplayState]:
        """Yield one a round."""
        swept = False
        for round_ in history.rounds:
            for seen in round_:
                # A second check of any provider shows that the first sweep is over.
                swept = swept or seen.outcome.provider in self.providers
                self._record(seen)
            yield ReplayState(self._pool(_clock_reading(round_[-1])), swept)

    def _record(self, seen: RecordedCheck) -> None:
        now = _clock_reading(seen)
        # The plan is not recorded: the interval, in force or usual, is the best guess of it.
        due = None if seen.interval is None else now.steady + seen.interval
        self._state_of(seen).record_check(seen.outcome, due, now)

    def _state_of(self, seen: RecordedCheck) -> ProviderState:
        name = seen.outcome.provider
        state = self.providers.get(name)
        if state is None:
            provider = Provider(name=name, timing=self.timings.get(name, self.timing))
            state = self.providers[name] = ProviderState(provider)
        timing = state.provider.timing
        if seen.interval is not None and seen.interval != timing.interval_seconds:
            # From its own setting each time: one short interval must not shorten it forever.
            own = self.timings.get(name, self.timing).timeout_seconds
            within = min(own, seen.interval)
            timing = attrs.evolve(timing, interval_seconds=seen.interval, timeout_seconds=within)
            state.update_settings(attrs.evolve(state.provider, timing=timing), overridden=False)
        return state

    def _pool(self, now: ClockReading) -> CandidatePool:
        for state in self.providers.values():
            if state.is_outdated(now):
                state.refresh(now)
        return CandidatePool.of(
            self.providers[name].published.entry for name in sorted(self.providers)
        )


def _clock_reading(seen: RecordedCheck) -> ClockReading:
    at = datetime.fromtimestamp(seen.at, UTC)
    return ClockReading(at, seen.at)
