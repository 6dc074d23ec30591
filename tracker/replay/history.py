"""What a replay runs over: recorded checks, oldest first, in rounds."""

from collections.abc import Iterator, Sequence

import attrs

from tracker.core.outcomes import CheckResult

ROUND_SECONDS = 600.0
WARM_UP = 3  # rounds that every policy may look at before its choices count


class ReplayError(ValueError):
    """A trace, a database or a policy that cannot be replayed; its text is for the user."""


@attrs.frozen
class RecordedCheck:
    """One recorded check. ``interval``: seconds, then in force; None where nobody knows."""

    outcome: CheckResult
    interval: float | None = None

    @property
    def at(self) -> float:
        return self.outcome.at.timestamp()


Round = tuple[RecordedCheck, ...]


@attrs.frozen(kw_only=True)
class History:
    """``rounds``: oldest first, none empty. ``notes``: what a user should know about the data."""

    rounds: tuple[Round, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        observed: Sequence[RecordedCheck],
        *,
        round_seconds: float = ROUND_SECONDS,
        notes: Sequence[str] = (),
    ) -> "History":
        """In any order. Raises ReplayError without a check."""
        if not observed:
            raise ReplayError("it holds no check to replay")
        ordered = sorted(observed, key=lambda seen: (seen.at, seen.outcome.provider))
        rounds = tuple(_rounds(ordered, round_seconds))
        few = len(rounds) < WARM_UP + 2
        hint = f"{len(rounds)} rounds are too few: {WARM_UP + 2} are the least to judge by"
        return cls(rounds=rounds, notes=(*notes, hint) if few else tuple(notes))


def _rounds(ordered: Sequence[RecordedCheck], seconds: float) -> Iterator[Round]:
    """A round ends ``seconds`` after its first check."""
    held: list[RecordedCheck] = []
    for seen in ordered:
        apart = round(seen.at - held[0].at, 3) if held else 0.0
        name = seen.outcome.provider
        # On an exact grid the next check of a provider is one round away: it begins the next one.
        if apart > seconds or (apart == seconds and name in {h.outcome.provider for h in held}):
            yield tuple(held)
            held = []
        held.append(seen)
    yield tuple(held)
