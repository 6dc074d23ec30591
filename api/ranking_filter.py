"""The ranking among the providers a caller would use. Pure."""

from collections import defaultdict
from collections.abc import Collection

import attrs

from tracker.core.models import ModelIndex
from tracker.core.snapshot import Ranking, Snapshot
from tracker.ranking import filter_ranking


@attrs.frozen(kw_only=True)
class RankingFilter:
    """What a caller would use. None: no such wish. Unknown names are simply no candidates."""

    candidates: frozenset[str] | None = None
    exclude: frozenset[str] | None = None
    model: str | None = None

    def allows(self, name: str, offering: Collection[str]) -> bool:
        """``offering``: who has the model, where one was asked for."""
        if self.candidates is not None and name not in self.candidates:
            return False
        if self.exclude is not None and name in self.exclude:
            return False
        return self.model is None or name in offering


def listed_models(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Who has each model, by its identifier as the providers' last lists have it."""
    listed: dict[str, set[str]] = defaultdict(set)
    for name, provider in snapshot.providers.items():
        for model in provider.models or ():
            listed[model].add(name)
    return {model: frozenset(names) for model, names in listed.items()}


@attrs.define(eq=False)
class ModelIndexCache:
    """Who offers a model. Worked out anew (20 ms for a thousand lists) only when a list changed."""

    _lists: list[tuple[str, tuple[str, ...] | None]] = attrs.field(factory=list)
    _models: ModelIndex = attrs.field(factory=lambda: ModelIndex({}))

    def offering(self, snapshot: Snapshot, model: str) -> frozenset[str]:
        lists = [(name, provider.models) for name, provider in snapshot.providers.items()]
        if len(lists) != len(self._lists) or not all(map(_is_same, lists, self._lists)):
            self._lists, self._models = lists, ModelIndex(listed_models(snapshot))
        return self._models.offering(model)


def _is_same(one: tuple[str, object], other: tuple[str, object]) -> bool:
    """A list that did not change is the same object, and comparing its content takes long."""
    return one[0] == other[0] and one[1] is other[1]


def apply_filter(snapshot: Snapshot, wish: RankingFilter, index: ModelIndexCache) -> Ranking:
    """The snapshot's ranking, in its order, with what ``wish`` allows alone."""
    offering = index.offering(snapshot, wish.model) if wish.model else ()
    allowed = {n: p for n, p in snapshot.providers.items() if wish.allows(n, offering)}
    if len(allowed) == len(snapshot.providers):
        return snapshot.ranking
    dues = (provider.next_result_at(snapshot.timestamp) for provider in allowed.values())
    due = min((moment for moment in dues if moment is not None), default=None)
    ranking = filter_ranking(attrs.evolve(snapshot.ranking, valid_until=due), allowed)
    if allowed:
        return ranking
    reason = "No provider watched here is one of those asked for."
    if wish.model and not offering:
        reason = "No provider's last model list has the model asked for."
    return attrs.evolve(ranking, reason=reason)
