"""Who offers a model, and which of its offers is the best now."""

from collections.abc import Generator, Iterable

import attrs

from tracker.core.ranking import Ranking
from tracker.core.slices import at_once, in_turns
from tracker.models.resolver import ModelResolver, NamedOffer
from tracker.ranking.guard import FallbackRanker
from tracker.ranking.offer_ranking import rank_offers_in_steps
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.model_directory import ModelDirectory


@attrs.frozen(eq=False)
class OfferQueries:
    """Answers from the latest snapshot."""

    _aggregator: Aggregator
    _models: ModelDirectory

    async def resolver(self) -> ModelResolver:
        """Return who offers which model, by the lists seen and the offers watched."""
        return await self._models.resolver(self._aggregator.board.latest)

    def current_resolver(self) -> ModelResolver | None:
        """Return the resolver where no model list has changed since ``resolver``, else None."""
        return self._models.current(self._aggregator.board.latest)

    def rank(self, offers: Iterable[NamedOffer | str]) -> Ranking:
        """Rank offers as they are now; a name alone is a provider as a whole."""
        return at_once(self._steps(offers))

    async def rank_in_turns(self, offers: Iterable[NamedOffer | str]) -> Ranking:
        """Return what ``rank`` does; others have their turn between steps of milliseconds."""
        return await in_turns(self._steps(offers))

    def _steps(self, offers: Iterable[NamedOffer | str]) -> Generator[None, None, Ranking]:
        named, snapshot = tuple(offers), self._aggregator.board.latest
        names = {one if isinstance(one, str) else one.provider for one in named}
        providers = [snapshot.providers.get(name) for name in names]
        at = snapshot.timestamp
        dues = [due for p in providers if p is not None and (due := p.next_result_at(at))]
        entries, rank = self._aggregator.entries, self._aggregator.rank
        due = min(dues, default=None)
        if isinstance(rank, FallbackRanker):
            return rank_offers_in_steps(named, entries, rank, due, rank.prepare)
        return rank_offers_in_steps(named, entries, rank, due)
