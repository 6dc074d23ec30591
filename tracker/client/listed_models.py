"""Which providers list a model, by any of its names, until the tracker has ranked its offers.

The tracker knows more: the user's own names, offers that no list has, and how each offer does.
"""

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from tracker.models.resolver import ModelResolver

MODELS_REMEMBERED = 1_000
NOBODY: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(eq=False)
class ListedModels:
    """The providers' model lists."""

    resolver: ModelResolver = attrs.field(repr=False)
    _asked: dict[str, Mapping[str, str]] = attrs.field(init=False, repr=False, factory=dict)

    @classmethod
    def of(cls, providers: Mapping[str, frozenset[str]]) -> "ListedModels":
        """Index the providers of each id, as ``/api/providers/models`` has them."""
        ids: dict[str, list[str]] = {}
        for model, names in providers.items():
            for name in names:
                ids.setdefault(name, []).append(model)
        return cls(ModelResolver.of(ids))

    def offering(self, model: object) -> Mapping[str, str]:
        """Return who lists the model, each with its id for it; nobody for what is no name."""
        if type(model) is not str:
            return NOBODY
        found = self._asked.get(model)
        if found is None:
            if len(self._asked) >= MODELS_REMEMBERED:
                self._asked.clear()
            found = self._asked[model] = self._find(model)
        return found

    def _find(self, model: str) -> Mapping[str, str]:
        match = self.resolver.resolve(model)
        offers = () if match is None else match.offers
        return {offer.provider: offer.model for offer in reversed(offers)}  # the first id stays
