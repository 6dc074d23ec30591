"""The states a running tracker would have had: the same dossiers, judged by the same rules."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import attrs

from tracker.dossier import Dossier, Instant
from tracker.ranking import Candidate, Excluded
from tracker.replay.history import History, Observed
from tracker.settings import Provider, Timing


@attrs.frozen(kw_only=True)
class State:
    """Everything a policy may look at when a round has ended."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]


@attrs.define
class Rerun:
    """``timings``: each provider's own settings, where they are known."""

    timings: Mapping[str, Timing] = attrs.field(factory=dict)
    timing: Timing = Timing()
    dossiers: dict[str, Dossier] = attrs.field(factory=dict, init=False)

    def states(self, history: History) -> Iterator[State]:
        """One a round."""
        for round_ in history.rounds:
            for seen in round_:
                self._take(seen)
            yield self._state(_instant(round_[-1]))

    def _take(self, seen: Observed) -> None:
        now = _instant(seen)
        # The plan is not recorded: the interval in force then is the best guess of it.
        due = None if seen.interval is None else now.steady + seen.interval
        self._dossier(seen).take(seen.outcome, due, now)

    def _dossier(self, seen: Observed) -> Dossier:
        name = seen.outcome.provider
        dossier = self.dossiers.get(name)
        if dossier is None:
            provider = Provider(name=name, timing=self.timings.get(name, self.timing))
            dossier = self.dossiers[name] = Dossier(provider)
        timing = dossier.provider.timing
        if seen.interval is not None and seen.interval != timing.interval_seconds:
            within = min(timing.timeout_seconds, seen.interval)
            timing = attrs.evolve(timing, interval_seconds=seen.interval, timeout_seconds=within)
            dossier.adopt(attrs.evolve(dossier.provider, timing=timing), overridden=False)
        return dossier

    def _state(self, now: Instant) -> State:
        candidates, excluded = [], []
        for name in sorted(self.dossiers):
            dossier = self.dossiers[name]
            if dossier.touched or now.steady > dossier.changes_at:
                dossier.refresh(now)
            view, candidate = dossier.view, dossier.candidate
            if view is not None and view.usable and candidate is not None:
                candidates.append(candidate)
            elif view is not None:
                until = view.usable_at or view.next_check
                excluded.append(Excluded(provider=name, reason=view.reason, until=until))
        return State(candidates=tuple(candidates), excluded=tuple(excluded))


def _instant(seen: Observed) -> Instant:
    at = datetime.fromtimestamp(seen.at, UTC)
    return Instant(at, seen.at)
