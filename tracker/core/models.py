"""Which providers offer a model, however its identifier is written. Needs nothing but attrs."""

from collections.abc import Mapping

import attrs

MODELS_REMEMBERED = 1_000
PREFIXES = 4  # "fireworks_ai/accounts/fireworks/models/x" has as many


@attrs.frozen
class ModelIndex:
    """Which providers offer a model. ``of``: providers by identifier, as their lists have it.

    Identifiers match in any case, with or without a vendor's or provider's prefix on either side:
    "groq/llama-3.3-70b", "llama-3.3-70b" and "meta-llama/llama-3.3-70b" ask for what is listed
    as "llama-3.3-70b"; the last two also for what is listed as "meta-llama/llama-3.3-70b".
    """

    of: Mapping[str, frozenset[str]] = attrs.field(repr=False)
    _whole: dict[str, frozenset[str]] = attrs.field(init=False, repr=False)
    _tails: dict[str, frozenset[str]] = attrs.field(init=False, repr=False)
    _asked: dict[str, frozenset[str]] = attrs.field(init=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        whole: dict[str, frozenset[str]] = {}
        tails: dict[str, frozenset[str]] = {}
        for model, names in self.of.items():
            identifier = model.casefold()
            whole[identifier] = whole.get(identifier, frozenset()) | names
            for tail in _tails(identifier):
                tails[tail] = tails.get(tail, frozenset()) | names
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "_tails", tails)

    def offering(self, model: object) -> frozenset[str]:
        if type(model) is not str:
            return frozenset()
        found = self._asked.get(model)
        if found is None:
            if len(self._asked) >= MODELS_REMEMBERED:
                self._asked.clear()
            found = self._asked[model] = self._find(model.casefold())
        return found

    def _find(self, identifier: str) -> frozenset[str]:
        shorter = (self._whole.get(tail, frozenset()) for tail in _tails(identifier))
        return self._tails.get(identifier, frozenset()).union(*shorter)


def _tails(identifier: str) -> list[str]:
    """The identifier and what is left of it without its first prefix, its first two and so on."""
    parts = identifier.split("/", PREFIXES)
    return ["/".join(parts[start:]) for start in range(len(parts))]
