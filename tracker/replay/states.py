"""The states a running tracker would have had: the same dossiers, judged by the same rules."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import attrs

from tracker.dossier import Dossier
from tracker.field import Field
from tracker.instant import Instant
from tracker.replay.history import History, Observed
from tracker.settings import Provider, Timing


@attrs.define
class Rerun:
    """``timings``: each provider's own settings, where they are known."""

    timings: Mapping[str, Timing] = attrs.field(factory=dict)
    timing: Timing = Timing()
    dossiers: dict[str, Dossier] = attrs.field(factory=dict, init=False)

    def states(self, history: History) -> Iterator[Field]:
        """One a round."""
        for round_ in history.rounds:
            for seen in round_:
                self._take(seen)
            yield self._field(_instant(round_[-1]))

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
            # From its own setting each time: one short interval must not shorten it for ever.
            own = self.timings.get(name, self.timing).timeout_seconds
            within = min(own, seen.interval)
            timing = attrs.evolve(timing, interval_seconds=seen.interval, timeout_seconds=within)
            dossier.adopt(attrs.evolve(dossier.provider, timing=timing), overridden=False)
        return dossier

    def _field(self, now: Instant) -> Field:
        for dossier in self.dossiers.values():
            if dossier.touched or now.steady >= dossier.changes_at:
                dossier.refresh(now)
        return Field.of(self.dossiers[name] for name in sorted(self.dossiers))


def _instant(seen: Observed) -> Instant:
    at = datetime.fromtimestamp(seen.at, UTC)
    return Instant(at, seen.at)
