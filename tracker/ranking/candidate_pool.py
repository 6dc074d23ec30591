"""The providers that a ranking may choose from, and those it may not."""

from collections.abc import Iterable

import attrs

from tracker.core.ranking import Excluded
from tracker.ranking.policy import Candidate


@attrs.frozen(kw_only=True)
class CandidatePool:
    """The candidates of a ranking, and the excluded with their reasons."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]

    @classmethod
    def of(cls, entries: Iterable[Candidate | Excluded | None]) -> "CandidatePool":
        """Sort entries into candidates and excluded; None is a provider not judged yet."""
        known = tuple(entries)
        return cls(
            candidates=tuple(e for e in known if isinstance(e, Candidate)),
            excluded=tuple(e for e in known if isinstance(e, Excluded)),
        )
