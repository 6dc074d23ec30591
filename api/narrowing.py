"""The ranking among the providers a caller would use. Pure."""

import attrs

from tracker.ranking import narrowed
from tracker.snapshot import ProviderStatus, Ranking, Snapshot


@attrs.frozen(kw_only=True)
class Wish:
    """What a caller would use. None: no such wish. Unknown names are simply no candidates."""

    candidates: frozenset[str] | None = None
    exclude: frozenset[str] | None = None
    model: str | None = None

    def allows(self, provider: ProviderStatus) -> bool:
        if self.candidates is not None and provider.name not in self.candidates:
            return False
        if self.exclude is not None and provider.name in self.exclude:
            return False
        return self.model is None or self.model in (provider.models or ())


def narrow(snapshot: Snapshot, wish: Wish) -> Ranking:
    """The snapshot's ranking, in its order, with what ``wish`` allows alone."""
    allowed = {name: p for name, p in snapshot.providers.items() if wish.allows(p)}
    if len(allowed) == len(snapshot.providers):
        return snapshot.ranking
    due = min((p.next_check for p in allowed.values() if p.next_check), default=None)
    ranking = narrowed(attrs.evolve(snapshot.ranking, valid_until=due), allowed)
    if allowed:
        return ranking
    return attrs.evolve(ranking, reason="No provider watched here is one of those asked for.")
