"""Answers about the present, independent of a request object.

The ordinary route and the fast path both use these functions, so they cannot differ.
"""

from functools import partial
from typing import TYPE_CHECKING

import attrs
import msgspec
import trio

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
from tracker.models.resolver import ModelMatch, ModelResolver, NamedOffer

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

BEST_PARAMETERS = ("candidates", "exclude", "model", "vantage")
LISTS_UNKNOWN = "The model lists are not known yet: not every provider has been checked."
Offers = tuple[NamedOffer | str, ...]
RANKED_INLINE = 200  # offers, about six milliseconds
SHOWN = 100  # characters of a name that is not known
UNKNOWN_OFFER = "None of the candidates offers the model."


@attrs.frozen
class PresentAnswers:
    """Each method raises Problem for an invalid query."""

    tracker: "Tracker"
    cache: ResponseCache
    _ranking: trio.Lock = attrs.field(factory=trio.Lock)

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
        """Answer ``/best``; None where that takes time (``best_in_time``), or for a vantage.

        It does where model lists have to be indexed before, or many offers are to be ranked.
        """
        snapshot = self.tracker.snapshot
        if "vantage" in given:
            return None
        if not given:
            return self.cache.best(snapshot) if self.cache.is_best_quick(snapshot) else None
        wish = self._wish(given)
        if wish.model is not None or named_offers(wish, snapshot):
            if (known := self.cache.known(snapshot, wish)) is not None:
                return known
            resolver = self.tracker.offers.current_resolver()
            offers = None if resolver is None else self._choose(wish, resolver)
            if resolver is None or offers is None or len(offers) > RANKED_INLINE:
                return None
            return self.cache.get(
                snapshot,
                wish,
                lambda: best_answer(snapshot.timestamp, self._rank(wish, offers, resolver)),
            )
        wish = wish.among(snapshot.providers.keys())
        if (known := self.cache.known(snapshot, wish)) is not None:
            return known
        if wish.candidates is None and not self.cache.is_best_quick(snapshot):
            return None
        return self.cache.get(
            snapshot, wish, lambda: best_answer(snapshot.timestamp, apply_filter(snapshot, wish))
        )

    def _wish(self, given: Given) -> RankingFilter:
        known = self.tracker.snapshot.providers
        wish = RankingFilter(
            candidates=names(given, "candidates", known),
            exclude=names(given, "exclude", known),
            model=single(given, "model"),
        )
        if wish.candidates == frozenset() or wish.model == "":
            raise bad_request("candidates and model must not be empty; leave them out instead")
        return wish

    async def best_in_time(self, given: Given) -> CachedResponse:
        """Answer ``/best`` however long it takes; others have their turn meanwhile.

        A thousand offers take 30 ms to rank, and then as long in a thread to encode.
        """
        if (quick := self.best(given)) is not None:
            return quick
        async with self._ranking:  # who asks the same meanwhile finds it answered
            while (answer := self.best(given)) is None:
                snapshot = self.tracker.snapshot
                if (slow := await self._best_of_many(given)) is not None:
                    return slow
                resolver = await self.tracker.offers.resolver()
                if snapshot is not self.tracker.snapshot:
                    continue
                wish = self._wish(given)
                offers = self._choose(wish, resolver)
                if len(offers) > RANKED_INLINE:
                    ranking = await self.tracker.offers.rank_in_turns(offers)
                    encode = partial(best_answer, snapshot.timestamp, ranking)
                    return await self.cache.get_slowly(snapshot, wish, encode)
        return answer

    async def _best_of_many(self, given: Given) -> CachedResponse | None:
        """Answer in a thread where no offers are to be ranked, only many lines to be encoded."""
        snapshot = self.tracker.snapshot
        if not given:
            return await self.cache.best_slowly(snapshot)
        wish = self._wish(given)
        if wish.model is not None or named_offers(wish, snapshot):
            return None
        wish = wish.among(snapshot.providers.keys())

        def encode() -> CachedResponse:
            return best_answer(snapshot.timestamp, apply_filter(snapshot, wish))

        return await self.cache.get_slowly(snapshot, wish, encode)

    def _choose(self, wish: RankingFilter, resolver: ModelResolver) -> Offers:
        """Return the offers of one model, or those that the candidates name."""
        snapshot = self.tracker.snapshot
        if wish.model is None:
            return choose_named(resolver, wish, snapshot)
        if not snapshot.swept and resolver.resolve(wish.model) is None:
            return ()
        return choose_offers(find_model(resolver, wish.model).offers, wish)

    def _rank(self, wish: RankingFilter, offers: Offers, resolver: ModelResolver) -> Ranking:
        """Rank them; give the ids to send."""
        ranking = self.tracker.offers.rank(offers)
        if wish.model is None or offers:
            return ranking
        lists_known = self.tracker.snapshot.swept or resolver.resolve(wish.model) is not None
        return attrs.evolve(ranking, reason=UNKNOWN_OFFER if lists_known else LISTS_UNKNOWN)

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
