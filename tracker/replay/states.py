"""The states a running tracker would have had: the same dossiers, judged by the same rules."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import attrs

from tracker.core.clock import ClockReading
from tracker.core.settings import Provider, Timing
from tracker.health.provider_state import ProviderState
from tracker.ranking.candidate_pool import CandidatePool
from tracker.replay.history import History, RecordedCheck


@attrs.define
class StateReplay:
    """``timings``: each provider's own settings, where they are known."""

    timings: Mapping[str, Timing] = attrs.field(factory=dict)
    timing: Timing = Timing()
    dossiers: dict[str, ProviderState] = attrs.field(factory=dict, init=False)

    def states(self, history: History) -> Iterator[CandidatePool]:
        """One a round."""
        for round_ in history.rounds:
            for seen in round_:
                self._take(seen)
            yield self._field(_instant(round_[-1]))

    def _take(self, seen: RecordedCheck) -> None:
        now = _instant(seen)
        # The plan is not recorded: the interval in force then is the best guess of it.
        due = None if seen.interval is None else now.steady + seen.interval
        self._dossier(seen).take(seen.outcome, due, now)

    def _dossier(self, seen: RecordedCheck) -> ProviderState:
        name = seen.outcome.provider
        dossier = self.dossiers.get(name)
        if dossier is None:
            provider = Provider(name=name, timing=self.timings.get(name, self.timing))
            dossier = self.dossiers[name] = ProviderState(provider)
        timing = dossier.provider.timing
        if seen.interval is not None and seen.interval != timing.interval_seconds:
            # From its own setting each time: one short interval must not shorten it for ever.
            own = self.timings.get(name, self.timing).timeout_seconds
            within = min(own, seen.interval)
            timing = attrs.evolve(timing, interval_seconds=seen.interval, timeout_seconds=within)
            dossier.adopt(attrs.evolve(dossier.provider, timing=timing), overridden=False)
        return dossier

    def _field(self, now: ClockReading) -> CandidatePool:
        for dossier in self.dossiers.values():
            if dossier.touched or now.steady >= dossier.changes_at:
                dossier.refresh(now)
        return CandidatePool.of(self.dossiers[name].standing for name in sorted(self.dossiers))


def _instant(seen: RecordedCheck) -> ClockReading:
    at = datetime.fromtimestamp(seen.at, UTC)
    return ClockReading(at, seen.at)
