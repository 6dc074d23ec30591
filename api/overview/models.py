"""Models by common name, found by parts of it: what the dashboard's list of models shows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tracker.core.model_resolver import NamedOffer
from tracker.core.snapshot import ProviderStatus

SHOWN = 60  # models told at once; who looks for another one searches
_PARTS = re.compile(r"[^0-9a-z]+")

Offers = Sequence[NamedOffer]


def find_named(names: Mapping[str, Offers], search: str) -> list[tuple[str, Offers]]:
    """Return the models whose name, or an id of theirs, has every part of what is searched.

    Exact names first, then those that begin with it, then those most offered.
    """
    parts = _PARTS.split(search.lower())
    wanted = [part for part in parts if part]
    found = [(name, offers) for name, offers in names.items() if _fits(name, offers, wanted)]
    start = search.strip().lower()
    return sorted(
        found,
        key=lambda each: (
            each[0] != start,
            not each[0].startswith(start),
            -len({offer.provider for offer in each[1]}),
            each[0],
        ),
    )


def view_models(
    found: Iterable[tuple[str, Offers]], providers: Mapping[str, ProviderStatus]
) -> list[dict[str, Any]]:
    """Return each model with the providers that list it, and how many of them are usable."""
    return [_view(name, offers, providers) for name, offers in found]


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
    """Whether the provider is, and an offer of the model there is not known to fail."""
    if not provider.usable:
        return False
    watched = {offer.model: offer.usable for offer in provider.offers}
    mine = (offer.model for offer in offers if offer.provider == provider.name)
    return any(watched.get(model, True) for model in mine)
