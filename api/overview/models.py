"""Searching models by parts of their common name, for the dashboard's list of models."""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import attrs

from tracker.core.provider_status import ProviderStatus
from tracker.models.resolver import ModelMatch, NamedOffer

SHOWN = 60  # models sent at once; for others there is the search
_PARTS = re.compile(r"[^0-9a-z]+")

Offers = Sequence[NamedOffer]


@attrs.frozen
class FoundModels:
    """The best SHOWN of the models found. known: number of all models; found: number of matches."""

    known: int
    found: int
    best: tuple[ModelMatch, ...]


def find_named(models: Iterable[ModelMatch], search: str) -> FoundModels:
    """Find the models whose name, or an id of theirs, has every part of what is searched.

    Exact names first, then those that begin with it, then those most offered.
    """
    wanted = [part for part in _PARTS.split(search.lower()) if part]
    start = search.strip().lower()
    known, found = count(), count()

    def fitting() -> Iterator[ModelMatch]:
        for model in models:
            next(known)
            if _fits(model.name, model.offers, wanted):
                next(found)
                yield model

    best = heapq.nsmallest(SHOWN, fitting(), key=lambda model: _order(model, start))
    return FoundModels(next(known), next(found), tuple(best))


def view_models(
    found: Iterable[ModelMatch], providers: Mapping[str, ProviderStatus]
) -> list[dict[str, Any]]:
    """Return each model with the providers that list it, and how many of them are usable."""
    return [_view(model.name, model.offers, providers) for model in found]


def _order(model: ModelMatch, start: str) -> tuple[bool, bool, int, str]:
    providers = {offer.provider for offer in model.offers}
    return model.name != start, not model.name.startswith(start), -len(providers), model.name


def _fits(name: str, offers: Offers, wanted: Sequence[str]) -> bool:
    if all(part in name for part in wanted):
        return True
    return any(all(part in offer.model.lower() for part in wanted) for offer in offers)


def _view(name: str, offers: Offers, providers: Mapping[str, ProviderStatus]) -> dict[str, Any]:
    known = dict.fromkeys(offer.provider for offer in offers if offer.provider in providers)
    return {
        "model": name,
        "providers": len(known),
        "usable": sum(_is_usable(offers, providers[provider]) for provider in known),
    }


def _is_usable(offers: Offers, provider: ProviderStatus) -> bool:
    """Return whether the provider is usable and no offer of the model is known to fail."""
    if not provider.usable:
        return False
    watched = {offer.model: offer.usable for offer in provider.offers}
    mine = (offer.model for offer in offers if offer.provider == provider.name)
    return any(watched.get(model, True) for model in mine)
