"""One provider's model ids, indexed by their common names. Pure and frozen."""

from collections.abc import Iterable, Mapping

import attrs

from tracker.models.groups import Groups, group, members_of
from tracker.models.names import ModelName, read_model_id
from tracker.models.nearest import NameFeatures

# Ids of one common name that count as offers of it. Ranking the 20,000 of a list that names one
# model only would hold the event loop for 0.9 s.
MOST_ALIKE = 32


@attrs.frozen
class ProviderModels:
    """ids: as listed. ordered: their common names, sorted.

    Of the ids of one common name the first MOST_ALIKE are found by it, and all by themselves.

    The index uses few Python objects, whatever its length: see tracker/models/groups.py.
    """

    ids: tuple[str, ...] = attrs.field(repr=False)
    ordered: tuple[str, ...] = attrs.field(repr=False, eq=False)
    features: NameFeatures = attrs.field(repr=False, eq=False)
    _names: Mapping[str, str] = attrs.field(repr=False, eq=False)
    _variants: Mapping[str, str] = attrs.field(repr=False, eq=False)
    _by_name: Groups = attrs.field(repr=False, eq=False)

    @classmethod
    def of(cls, ids: Iterable[str], before: "ProviderModels | None" = None) -> "ProviderModels":
        """Index these ids; those that ``before`` has are not read again."""
        listed = tuple(dict.fromkeys(ids))  # an id that is listed twice is one offer
        names: dict[str, str] = {}
        variants: dict[str, str] = {}
        for model in listed:
            known = None if before is None else before.parsed(model)
            read = known or read_model_id(model)
            names[model] = read.name
            if read.variant is not None:
                variants[model] = read.variant
        by_name = group(((names[model], model) for model in listed), MOST_ALIKE)
        return cls(
            listed, tuple(sorted(by_name)), NameFeatures.of(by_name), names, variants, by_name
        )

    def __contains__(self, model: str) -> bool:
        return model in self._names

    def parsed(self, model: str) -> ModelName | None:
        """Return what a listed id was read as, None for one that is not listed."""
        name = self._names.get(model)
        return None if name is None else ModelName(name, self._variants.get(model))

    def variant_of(self, model: str) -> str | None:
        """Return the packaging of a listed id."""
        return self._variants.get(model)

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of a common name, as listed."""
        return members_of(self._by_name, name)
