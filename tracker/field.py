"""The field a ranking is made of: whom it chooses among, and whom not."""

from collections.abc import Iterable

import attrs

from tracker.dossier import Dossier
from tracker.ranking.policy import Candidate
from tracker.snapshot import Excluded


@attrs.frozen(kw_only=True)
class Field:
    """Whom a ranking chooses among, and whom not."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]

    @property
    def size(self) -> int:
        return len(self.candidates) + len(self.excluded)

    @classmethod
    def of(cls, dossiers: Iterable[Dossier]) -> "Field":
        standings = [dossier.standing for dossier in dossiers]
        return cls(
            candidates=tuple(s for s in standings if isinstance(s, Candidate)),
            excluded=tuple(s for s in standings if isinstance(s, Excluded)),
        )
