"""Restricting the ranking to the providers, or offers of a model, that a caller accepts. Pure."""

from collections.abc import Collection, Iterable

import attrs

from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.models.aliases import split_target
from tracker.models.resolver import ModelResolver, NamedOffer
from tracker.ranking import filter_ranking


@attrs.frozen(kw_only=True)
class RankingFilter:
    """What a caller accepts. None: no restriction. Unknown names are ignored.

    candidates: names of providers, or "provider/model" for single offers.
    """

    candidates: frozenset[str] | None = None
    exclude: frozenset[str] | None = None
    model: str | None = None

    def among(self, known: Collection[str]) -> "RankingFilter":
        """Return the same wish without names of nobody: what means the same is answered once."""
        return attrs.evolve(
            self,
            candidates=None if self.candidates is None else self.candidates & set(known),
            exclude=None if self.exclude is None else self.exclude & set(known),
        )

    def allows(self, name: str) -> bool:
        """Return whether a provider may be used."""
        if self.candidates is not None and name not in self.candidates:
            return False
        return self.exclude is None or name not in self.exclude

    def allows_offer(self, offer: NamedOffer) -> bool:
        """Return whether an offer may be used: by its own name, or as one of its provider's."""
        names = {offer.provider, f"{offer.provider}/{offer.model}"}
        if self.candidates is not None and not names & self.candidates:
            return False
        return self.exclude is None or not names & self.exclude


def apply_filter(snapshot: Snapshot, wish: RankingFilter) -> Ranking:
    """Narrow the snapshot's ranking, in its order, down to what ``wish`` allows."""
    allowed = {n: p for n, p in snapshot.providers.items() if wish.allows(n)}
    if len(allowed) == len(snapshot.providers):
        return snapshot.ranking
    dues = (provider.next_result_at(snapshot.timestamp) for provider in allowed.values())
    due = min((moment for moment in dues if moment is not None), default=None)
    ranking = filter_ranking(attrs.evolve(snapshot.ranking, valid_until=due), allowed)
    if allowed:
        return ranking
    return attrs.evolve(ranking, reason="No candidate is watched.")


def named_offers(wish: RankingFilter, snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Return the candidates that are single offers, as provider and model."""
    offers = (split_target(name) for name in wish.candidates or () if _is_offer(name, snapshot))
    return tuple(offer for offer in offers if offer is not None)


def _is_offer(name: str, snapshot: Snapshot) -> bool:
    parts = split_target(name)
    return name not in snapshot.providers and parts is not None and parts[0] in snapshot.providers


def choose_named(
    resolver: ModelResolver, wish: RankingFilter, snapshot: Snapshot
) -> tuple[NamedOffer | str, ...]:
    """Find what candidates name outright: offers by their ids, and providers as a whole."""
    offers = (resolver.offer_at(*offer) for offer in sorted(named_offers(wish, snapshot)))
    excluded = wish.exclude or frozenset()
    providers = (wish.candidates or frozenset()) & snapshot.providers.keys()
    return (
        *(one for one in offers if not {one.provider, f"{one.provider}/{one.model}"} & excluded),
        *sorted(providers - excluded),
    )


def choose_offers(offers: Iterable[NamedOffer], wish: RankingFilter) -> tuple[NamedOffer, ...]:
    """Keep the offers of a model that ``wish`` allows."""
    return tuple(offer for offer in offers if wish.allows_offer(offer))
