"""Which models of a provider are watched, and what is known of those that were. Pure."""

from collections.abc import Iterable

import attrs

from tracker.health.offer_state import OfferState


@attrs.define(eq=False)
class WatchedOffers:
    """What is known of each offer, by model. watched: in the order of the settings.

    _others: removed offers, kept in case they are watched again.
    """

    watched: dict[str, OfferState] = attrs.field(factory=dict)
    _others: dict[str, OfferState] = attrs.field(factory=dict)

    def watch(self, models: Iterable[str]) -> None:
        """Watch exactly these, in this order; what is known of all others is kept."""
        known = {**self._others, **self.watched}
        watched = {model: known.pop(model, None) for model in dict.fromkeys(models)}
        for offer in known.values():
            offer.reset_after_absence()
        self.watched = {model: offer or OfferState(model) for model, offer in watched.items()}
        self._others = known

    def find(self, model: str) -> OfferState:
        """Return what is known of a model, watched or not."""
        return self.watched.get(model) or self._others.setdefault(model, OfferState(model))
