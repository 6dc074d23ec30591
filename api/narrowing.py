"""The ranking among the providers a caller would use. Pure."""

from collections.abc import Iterable

import attrs

from tracker.snapshot import ProviderStatus, Ranked, Ranking, Snapshot

REASONS_SHOWN = 3


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
    whole = snapshot.ranking
    allowed = {name: p for name, p in snapshot.providers.items() if wish.allows(p)}
    ranked = tuple(r for r in whole.ranked if r.provider in allowed)
    excluded = tuple(e for e in whole.excluded if e.provider in allowed)
    if ranked == whole.ranked and excluded == whole.excluded:
        return whole
    return attrs.evolve(
        whole,
        reason=_why(ranked, [f"{e.provider}: {e.reason}" for e in excluded]),
        ranked=tuple(_shared_out(ranked)),
        excluded=excluded,
        valid_until=min((p.next_check for p in allowed.values() if p.next_check), default=None),
    )


def _shared_out(ranked: tuple[Ranked, ...]) -> Iterable[Ranked]:
    """Weights that sum to 1 again."""
    total = sum(r.weight for r in ranked)
    for each in ranked:
        yield attrs.evolve(each, weight=each.weight / total) if total > 0 else each


def _why(ranked: tuple[Ranked, ...], refusals: list[str]) -> str:
    if ranked:
        return f"{ranked[0].provider} is the best of those asked for: {ranked[0].reason}"
    if not refusals:
        return "no provider watched here is one of those asked for"
    shown, more = refusals[:REASONS_SHOWN], len(refusals) - REASONS_SHOWN
    tail = f"; and {more} more" if more > 0 else ""
    return f"none of those asked for is usable: {'; '.join(shown)}{tail}"
