"""What a replay runs over: recorded checks, oldest first, in rounds."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median, median_low

import attrs

from tracker.core.outcomes import CheckResult

ROUND_SECONDS = 600.0  # when no provider was checked twice, so the interval is not known
RECHECK_SECONDS = 120.0  # the longest usual delay of a re-check: sooner is the same round
WARM_UP = 3  # rounds that every policy sees before its choices count


class ReplayError(ValueError):
    """A trace, a database or a policy cannot be replayed; the text is for the user."""


@attrs.frozen
class RecordedCheck:
    """One recorded check. ``interval``: in force at the time, in seconds; None when not known."""

    outcome: CheckResult
    interval: float | None = None

    @property
    def at(self) -> float:
        """Return when it ended, in seconds since 1970."""
        return self.outcome.at.timestamp()


Round = tuple[RecordedCheck, ...]


@attrs.frozen(kw_only=True)
class History:
    """``rounds``: oldest first, none empty. ``notes``: remarks on the data for the user."""

    rounds: tuple[Round, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        observed: Sequence[RecordedCheck],
        *,
        round_seconds: float | None = None,
        notes: Sequence[str] = (),
    ) -> "History":
        """Sort checks into rounds; ``round_seconds`` None: as long as the checks are apart.

        They may come in any order. Raises ReplayError without a check.
        """
        if not observed:
            raise ReplayError("it has no checks to replay")
        ordered = sorted(observed, key=lambda seen: (seen.at, seen.outcome.provider))
        if round_seconds is None:
            round_seconds = median_low(infer_intervals(ordered).values() or [ROUND_SECONDS])
        rounds = tuple(_rounds(ordered, round_seconds))
        few = len(rounds) < WARM_UP + 2
        hint = f"{len(rounds)} rounds are too few: at least {WARM_UP + 2} are needed"
        return cls(rounds=rounds, notes=(*notes, hint) if few else tuple(notes))


def _rounds(ordered: Sequence[RecordedCheck], seconds: float) -> Iterator[Round]:
    """Yield rounds; one ends ``seconds`` after its first check, or where a provider repeats.

    Re-checks after a failure stay in the round; the next check on a grid with jitter, or of a
    monitor that is run irregularly, begins the next one.
    """
    held: list[RecordedCheck] = []
    names: set[str] = set()
    repeat = min(seconds / 2.0, RECHECK_SECONDS)
    for seen in ordered:
        apart = round(seen.at - held[0].at, 3) if held else 0.0
        if apart > seconds or (apart >= repeat and seen.outcome.provider in names):
            yield tuple(held)
            held, names = [], set()
        held.append(seen)
        names.add(seen.outcome.provider)
    yield tuple(held)


def infer_intervals(observed: Sequence[RecordedCheck]) -> Mapping[str, float]:
    """Return the usual seconds between two checks of each provider that was checked twice."""
    moments: dict[str, list[float]] = defaultdict(list)
    for at, name in sorted((seen.at, seen.outcome.provider) for seen in observed):
        moments[name].append(at)
    gaps = {
        name: [later - at for at, later in pairwise(known) if later > at]
        for name, known in moments.items()
    }
    return {name: round(median(known), 3) for name, known in gaps.items() if known}
