"""Finding the offers a caller means by a model name: exact id, ``[models]``, built-in rules.

Pure and frozen. Each provider's list has its own index, so a changed list costs time in proportion
to its own length, not to that of all lists.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from itertools import groupby, repeat
from operator import attrgetter, itemgetter

import attrs

from tracker.models.aliases import Aliases, fold_name, split_target
from tracker.models.names import parse_model_id
from tracker.models.nearest import NameFeatures, find_nearest
from tracker.models.provider_models import ProviderModels

# Callers ask for a few names repeatedly. At 10 kB a name this is 10 MB.
ANSWERS_REMEMBERED = 1_000


class FoundBy(StrEnum):
    """The rule by which the offers were found."""

    ID = "id"
    ALIAS = "models"
    RULES = "rules"


@attrs.frozen
class NamedOffer:
    """A model at a provider. ``model``: the provider's own id, to be sent in a request."""

    provider: str
    model: str
    variant: str | None = None


@attrs.frozen
class ModelMatch:
    """The offers a name stands for. ``name``: the common name, or the one from ``[models]``."""

    name: str
    found_by: FoundBy
    offers: tuple[NamedOffer, ...]


@attrs.frozen
class ModelResolver:
    """Finds the offers of a model. Build with ``of``, then replace what changed.

    Trusts ``aliases``: ``find_alias_problems`` checks them. A target whose provider is not known
    here is left out.
    """

    providers: Mapping[str, ProviderModels] = attrs.field(repr=False)
    aliases: Mapping[str, tuple[str, tuple[NamedOffer, ...]]] = attrs.field(repr=False)
    _alias_features: NameFeatures = attrs.field(repr=False)
    _asked: dict[str, ModelMatch | None] = attrs.field(
        init=False, repr=False, eq=False, factory=dict
    )

    @classmethod
    def of(
        cls, models: Mapping[str, Iterable[str]], aliases: Aliases | None = None
    ) -> "ModelResolver":
        """Index the ids that each provider is known to offer, listed or watched."""
        named = {
            fold_name(name): (name, _offers_of(targets))
            for name, targets in (aliases or {}).items()
        }
        providers = {provider: ProviderModels.of(ids) for provider, ids in models.items()}
        return cls(providers, named, NameFeatures.of(named))

    def with_models(self, provider: str, ids: Iterable[str]) -> "ModelResolver":
        """Replace what one provider offers; the same resolver when that is what it offered."""
        listed = tuple(dict.fromkeys(ids))
        before = self.providers.get(provider)
        if before is not None and before.ids == listed:
            return self
        providers = {**self.providers, provider: ProviderModels.of(listed, before)}
        return attrs.evolve(self, providers=providers)

    def without_provider(self, provider: str) -> "ModelResolver":
        """Return a resolver that does not know this provider's models."""
        kept = {name: models for name, models in self.providers.items() if name != provider}
        return attrs.evolve(self, providers=kept)

    def resolve(self, asked: str) -> ModelMatch | None:
        """Find the offers meant by a name; None when nobody offers it.

        "groq/llama-3.3-70b" asks groq alone while groq offers such a model; else the part before
        the slash is taken for a vendor's name.
        """
        asked = asked.strip()
        if asked not in self._asked:
            if len(self._asked) >= ANSWERS_REMEMBERED:
                self._asked.clear()
            self._asked[asked] = self._find(asked)
        return self._asked[asked]

    def _find(self, asked: str) -> ModelMatch | None:
        name = parse_model_id(asked).name
        if exact := self._offers_by_id(asked):
            alike = self._offers_of_common_name(asked, name)
            return ModelMatch(name, FoundBy.ID, tuple(dict.fromkeys((*exact, *alike))))
        if match := self._find_alias(fold_name(asked)):
            return match
        if at_provider := self._offers_at_provider(asked):
            return ModelMatch(name, FoundBy.RULES, at_provider)
        if match := self._find_alias(name):
            return match
        offers = self._offers_by_name(name)
        return ModelMatch(name, FoundBy.RULES, offers) if offers else None

    def offer_at(self, provider: str, model: str) -> NamedOffer:
        """Return an offer named outright: the provider's own id for it, where it lists one.

        What it does not list is taken at its word: not every provider lists all that it serves.
        """
        listed = self.providers.get(provider)
        if listed is None or model in listed:
            return _offer(provider, model)
        alike = listed.named(parse_model_id(model).name)
        return _offer(provider, alike[0] if alike else model)

    def nearest_names(self, asked: str, count: int = 5) -> tuple[str, ...]:
        """Find the known names most like one that nobody offers, for the answer 404."""
        indexes = (self._alias_features, *(models.features for models in self.providers.values()))
        found = find_nearest(parse_model_id(asked.strip()).name, indexes, count)
        return tuple(self.aliases[name][0] if name in self.aliases else name for name in found)

    def walk(self) -> Iterator[ModelMatch]:
        """Yield every model by common name, in their order; those of ``[models]`` by their own.

        One after the other, each with its offers: all at once they would fill the memory.
        """
        own = (self._find_alias(folded) for folded in self.aliases)
        matches = sorted((each for each in own if each is not None), key=attrgetter("name"))
        hidden = {fold_name(each.name) for each in matches}
        return heapq.merge(self._walk_listed(hidden), matches, key=attrgetter("name"))

    def _walk_listed(self, hidden: AbstractSet[str]) -> Iterator[ModelMatch]:
        places = {provider: place for place, provider in enumerate(self.providers)}
        merged = heapq.merge(
            *(
                zip(models.ordered, repeat(places[provider]), repeat(provider))
                for provider, models in self.providers.items()
            )
        )
        for name, same in groupby(merged, key=itemgetter(0)):
            if name not in hidden:
                offers = tuple(
                    NamedOffer(provider, model, self.providers[provider].variant_of(model))
                    for _, _, provider in same
                    for model in self.providers[provider].named(name)
                )
                yield ModelMatch(name, FoundBy.RULES, offers)

    def _offers_by_id(self, asked: str) -> tuple[NamedOffer, ...]:
        found = {name: asked for name, models in self.providers.items() if asked in models}
        provider, model = split_target(asked) or ("", "")
        if provider in self.providers and model in self.providers[provider]:
            found[provider] = model
        return tuple(_offer(provider, model) for provider, model in found.items())

    def _offers_of_common_name(self, asked: str, name: str) -> tuple[NamedOffer, ...]:
        """Find those that only package it otherwise, where the id asked for is the common name.

        A request for "gpt-oss-120b" means the model, even if one provider's id is exactly that.
        """
        is_common = fold_name(asked) == name and name not in self.aliases
        return self._offers_by_name(name) if is_common else ()

    def _offers_at_provider(self, asked: str) -> tuple[NamedOffer, ...]:
        provider, model = split_target(asked) or ("", "")
        if provider not in self.providers:
            return ()
        found = self.providers[provider].named(parse_model_id(model).name)
        return tuple(_offer(provider, model) for model in found)

    def _offers_by_name(self, name: str) -> tuple[NamedOffer, ...]:
        return tuple(
            _offer(provider, model)
            for provider, models in self.providers.items()
            for model in models.named(name)
        )

    def _find_alias(self, folded: str) -> ModelMatch | None:
        name, targets = self.aliases.get(folded, ("", ()))
        offers = tuple(offer for offer in targets if offer.provider in self.providers)
        return ModelMatch(name, FoundBy.ALIAS, offers) if offers else None


def _offers_of(targets: Iterable[str]) -> tuple[NamedOffer, ...]:
    parts = filter(None, map(split_target, dict.fromkeys(targets)))
    return tuple(_offer(provider, model) for provider, model in parts)


def _offer(provider: str, model: str) -> NamedOffer:
    return NamedOffer(provider, model, parse_model_id(model).variant)
