"""The field a ranking is made of: whom it chooses among, and whom not."""

from collections.abc import Iterable

import attrs

from tracker.core.snapshot import Excluded
from tracker.health.provider_state import ProviderState
from tracker.ranking.policy import Candidate


@attrs.frozen(kw_only=True)
class CandidatePool:
    """Whom a ranking chooses among, and whom not."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]

    @property
    def size(self) -> int:
        return len(self.candidates) + len(self.excluded)

    @classmethod
    def of(cls, dossiers: Iterable[ProviderState]) -> "CandidatePool":
        standings = [dossier.standing for dossier in dossiers]
        return cls(
            candidates=tuple(s for s in standings if isinstance(s, Candidate)),
            excluded=tuple(s for s in standings if isinstance(s, Excluded)),
        )
