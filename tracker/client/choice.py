"""Choosing an offer for a call, and which to try next, from the cached ranking. Pure.

Nothing here raises because of a caller's arguments: it runs on a proxy's routing path.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from tracker.client.cached_ranking import CachedRanking, read_names
from tracker.client.offer import Offer
from tracker.client.questions import Question
from tracker.client.ranking_cache import RankingCache, State
from tracker.core.fallback_order import order_attempts, slowest


@attrs.frozen(kw_only=True)
class Choice(Offer):
    """What to use now. alternatives: what to try when it fails, least expected time first.

    state: the source; "live", "polling" and "stale" mean the tracker's ranking.
    """

    alternatives: tuple[Offer, ...] = ()
    state: State


@attrs.frozen
class Found:
    """A ranking and the keys in it that pass the filters, best first.

    ids: the model id to send, by provider, when the ranking is one of providers.
    """

    view: CachedRanking
    keys: tuple[str, ...]
    ids: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def providers(self) -> tuple[str, ...]:
        """Return the providers, each at the place of its best offer."""
        lines = self.view.lines
        named = (lines[key].provider if key in lines else key for key in self.keys)
        return tuple(dict.fromkeys(named))

    def offer(self, key: str) -> Offer:
        """Return what is known of ``provider`` or ``provider/model``, with the model's id there."""
        known = self.view.lines.get(key)
        offer = Offer(provider=key) if known is None else known
        if offer.model is None and (model := self.ids.get(offer.provider)) is not None:
            return attrs.evolve(offer, model=model)
        return offer


def find(memory: RankingCache, model: object, candidates: Collection[Any] | None) -> Found:
    """Find who may be used: offers as the tracker ranked them, else providers that list the model.

    candidates: providers, or offers as "provider/model". Offers that the tracker has not ranked yet
    have no ``evidence``.
    """
    names = None if candidates is None else read_names(candidates)
    named = frozenset(name for name in names or () if "/" in name)
    if (question := _question(model, names, named)) is not None:
        ranked = memory.offers(question)
        if ranked is not None:  # for named offers the answer has the provider's own ids
            asked = names if question.offers is None else None
            return Found(ranked, ranked.matching(asked))
    view, offering = memory.standing(model)
    ids = dict(split_offer(name) for name in sorted(named, reverse=True))
    if isinstance(offering, Mapping):
        ids = {**offering, **ids}
    providers = None if names is None else {*(names - named), *ids.keys() & _providers(named)}
    return Found(view, view.chosen(providers, offering), ids)


def choose(
    found: Found, state: State, *, weighted: bool, random: Callable[[], float]
) -> Choice | None:
    """Choose the best of what was found, or one by its weight; None where nobody is left."""
    first = found.view.draw(found.keys, random) if weighted else next(iter(found.keys), None)
    if first is None:
        return None
    others = [found.offer(key) for key in found.keys if key != first]
    best = found.offer(first)
    return Choice(
        **{field.name: getattr(best, field.name) for field in attrs.fields(Offer)},
        alternatives=tuple(order_attempts(others, slowest([best, *others]))),
        state=state,
    )


def split_offer(name: str) -> tuple[str, str]:
    """Split ``provider/model`` at the first slash; the model is empty without one."""
    provider, _, model = name.partition("/")
    return provider, model


def _providers(named: Collection[str]) -> set[str]:
    return {split_offer(name)[0] for name in named}


def _question(
    model: object, names: Collection[str] | None, named: frozenset[str]
) -> Question | None:
    """Ask about a model, or about all candidates where one of them is an offer."""
    if type(model) is str and model:
        return Question(model=model)
    if model is None and names is not None and named:
        return Question(offers=frozenset(names))
    return None
