"""Answers about the present, independent of a request object.

The ordinary route and the fast path both use these functions, so they cannot differ.
"""

from typing import TYPE_CHECKING

import attrs
import msgspec

from api.http.problems import Problem, bad_request, no_provider
from api.http.query import Given, names, single
from api.http.response_cache import CachedResponse, ResponseCache, best_answer, uncached_answer
from api.ranking_filter import (
    RankingFilter,
    apply_filter,
    choose_named,
    choose_offers,
    named_offers,
)
from api.schemas import operations as schemas
from tracker.core.ranking import Ranking
from tracker.models.resolver import ModelMatch, ModelResolver

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

BEST_PARAMETERS = ("candidates", "exclude", "model", "vantage")
LISTS_UNKNOWN = "The model lists are not known yet: not every provider has been checked."
SHOWN = 100  # characters of a name that is not known
UNKNOWN_OFFER = "None of the candidates offers the model."


@attrs.frozen
class PresentAnswers:
    """Each method raises Problem for an invalid query."""

    tracker: "Tracker"
    cache: ResponseCache

    def status(self) -> CachedResponse | None:
        """Return all providers as the latest snapshot has them; None where that takes time."""
        snapshot = self.tracker.snapshot
        return self.cache.status(snapshot) if self.cache.is_quick(snapshot) else None

    async def status_in_slices(self) -> CachedResponse:
        """Return the same however long it takes; others have their turn meanwhile."""
        snapshot = self.tracker.snapshot
        await self.cache.prepare(snapshot)
        return self.cache.status(snapshot)

    def provider(self, name: str) -> CachedResponse:
        """Return one provider of the latest snapshot. Raises Problem (404) for an unknown name."""
        snapshot = self.tracker.snapshot
        if name not in snapshot.providers:
            raise no_provider(name)
        return self.cache.provider(snapshot, name)

    def best(self, given: Given) -> CachedResponse | None:
        """Answer ``/best``; None where that takes time: model lists have to be indexed before
        (tracker.offers.resolver), or another vantage is asked for.
        """
        snapshot = self.tracker.snapshot
        if "vantage" in given:
            return None
        if not given:
            return self.cache.best(snapshot)
        wish = RankingFilter(
            candidates=names(given, "candidates", snapshot.providers),
            exclude=names(given, "exclude", snapshot.providers),
            model=single(given, "model"),
        )
        if wish.candidates == frozenset() or wish.model == "":
            raise bad_request("candidates and model must not be empty; leave them out instead")
        if wish.model is not None or named_offers(wish, snapshot):
            resolver = self.tracker.offers.current_resolver()
            return None if resolver is None else self._best_offer(wish, resolver)
        wish = wish.among(snapshot.providers.keys())
        return self.cache.get(
            snapshot, wish, lambda: best_answer(snapshot.timestamp, apply_filter(snapshot, wish))
        )

    def _best_offer(self, wish: RankingFilter, resolver: ModelResolver) -> CachedResponse:
        """Rank the offers of one model, or those that the candidates name; give the ids to send."""
        snapshot = self.tracker.snapshot

        def encode() -> CachedResponse:
            if wish.model is not None:
                return best_answer(snapshot.timestamp, self._rank_model(wish, wish.model, resolver))
            chosen = choose_named(resolver, wish, snapshot)
            return best_answer(snapshot.timestamp, self.tracker.offers.rank(chosen))

        return self.cache.get(snapshot, wish, encode)

    def _rank_model(self, wish: RankingFilter, model: str, resolver: ModelResolver) -> Ranking:
        if not self.tracker.snapshot.swept and resolver.resolve(model) is None:
            return attrs.evolve(self.tracker.offers.rank(()), reason=LISTS_UNKNOWN)
        offers = choose_offers(find_model(resolver, model).offers, wish)
        ranking = self.tracker.offers.rank(offers)
        return ranking if offers else attrs.evolve(ranking, reason=UNKNOWN_OFFER)

    def livez(self) -> CachedResponse:
        """Return whether the loop and the actors are alive.

        An unavailable database does not need a restart.
        """
        problems = list(self.tracker.failures())
        body = msgspec.json.encode(schemas.LivenessResponse(ok=not problems, problems=problems))
        return uncached_answer(body, status=503 if problems else 200)


def find_model(resolver: ModelResolver, name: str) -> ModelMatch:
    """Find a model by any of its names. Raises Problem 404 with the nearest names."""
    if (match := resolver.resolve(name)) is not None:
        return match
    nearest = resolver.nearest_names(name)
    hint = f"; the nearest names are {', '.join(nearest)}" if nearest else ""
    raise Problem(
        status=404,
        title="No such model",
        detail=f"no watched provider lists or offers {name[:SHOWN]!r}{hint}",
    )
