"""Which provider offers which model now, from the model lists and the watched offers."""

from collections.abc import Mapping

import attrs
import trio

from tracker.core.provider_status import ProviderStatus
from tracker.core.snapshot import Snapshot
from tracker.models.resolver import ModelResolver

# Indexing an id takes up to 15 µs: with more than this the event loop would block for 30 ms.
INDEXED_INLINE = 2_000

_Lists = tuple[tuple[str, ...] | None, tuple[str, ...]]


@attrs.define(eq=False)
class ModelDirectory:
    """Keeps a resolver up to date with the snapshots; an unchanged list costs nothing."""

    aliases: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    _lists: dict[str, _Lists] = attrs.field(factory=dict)
    _resolver: ModelResolver = attrs.field(init=False)
    _fits: Snapshot | None = None  # the last snapshot it is known to match
    _updating: trio.Lock = attrs.field(factory=trio.Lock)

    def __attrs_post_init__(self) -> None:
        self._resolver = ModelResolver.of({}, self.aliases)

    def set_aliases(self, aliases: Mapping[str, tuple[str, ...]]) -> None:
        """Take the ``[models]`` of a new configuration."""
        if aliases != self.aliases:
            self.aliases, self._lists, self._fits = aliases, {}, None
            self._resolver = ModelResolver.of({}, aliases)

    def current(self, snapshot: Snapshot) -> ModelResolver | None:
        """Return the resolver where it fits a snapshot as it is, else None."""
        if snapshot is not self._fits:
            if not self._is_up_to_date(snapshot):
                return None
            self._fits = snapshot
        return self._resolver

    def _is_up_to_date(self, snapshot: Snapshot) -> bool:
        return self._lists.keys() == snapshot.providers.keys() and all(
            _is_same(_lists_of(provider), self._lists[name])
            for name, provider in snapshot.providers.items()
        )

    async def resolver(self, snapshot: Snapshot) -> ModelResolver:
        """Return the resolver for a snapshot; large lists are indexed in a thread."""
        async with self._updating:
            changed = {
                name: lists
                for name, provider in snapshot.providers.items()
                if not _is_same(lists := _lists_of(provider), self._lists.get(name))
            }
            gone = self._lists.keys() - snapshot.providers.keys()
            if not changed and not gone:
                return self._resolver
            before = self._resolver
            if sum(len(listed or ()) for listed, _ in changed.values()) > INDEXED_INLINE:
                after = await trio.to_thread.run_sync(_update, before, changed, gone)
            else:
                after = _update(before, changed, gone)
            self._lists.update(changed)
            for name in gone:
                del self._lists[name]
            self._resolver, self._fits = after, None
            return after


def _lists_of(provider: ProviderStatus) -> _Lists:
    return provider.models, tuple(offer.model for offer in provider.offers)


def _is_same(lists: _Lists, before: _Lists | None) -> bool:
    """Compare by identity first: an unchanged list is the same object, and comparing takes long."""
    return before is not None and lists[0] is before[0] and lists[1] == before[1]


def _update(
    resolver: ModelResolver, changed: Mapping[str, _Lists], gone: set[str]
) -> ModelResolver:
    for name in gone:
        resolver = resolver.without_provider(name)
    for name, (listed, watched) in changed.items():
        resolver = resolver.with_models(name, (*watched, *(listed or ())))
    return resolver
