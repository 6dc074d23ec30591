"""The views of a snapshot that are to be looked at again. Pure.

Of ten thousand providers few have another view than in the snapshot before, and of the others
only those at which something was wrong can be wrong now.
"""

from collections.abc import Callable, Sequence
from itertools import compress, count
from operator import is_not

import attrs

from tracker.core.provider_status import ProviderStatus
from tracker.core.snapshot import Snapshot


@attrs.define(eq=False)
class WatchedViews:
    """The views that were looked at last, and at which of them something was wrong or unclear."""

    _seen: Sequence[ProviderStatus] = ()
    _restless: Sequence[int] = ()  # places in them
    _names: frozenset[str] = frozenset()
    _snapshot: Snapshot | None = None  # whose views these are, looked at now
    _enabled: Sequence[ProviderStatus] = ()

    def enabled_in(self, snapshot: Snapshot) -> Sequence[ProviderStatus]:
        """Return the views of the providers that are switched on."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._enabled = [view for view in snapshot.providers.values() if view.enabled]
        return self._enabled

    def take_restless(
        self, views: Sequence[ProviderStatus], is_calm: Callable[[ProviderStatus], bool]
    ) -> list[ProviderStatus]:
        """Return the views at which something is wrong or unclear, in their order.

        is_calm: whether nothing is, whenever that view is looked at.
        """
        places = self._to_look_at(views)
        if len(views) != len(self._seen) or any(
            views[place].name != self._seen[place].name for place in places
        ):
            self._names = frozenset(view.name for view in views)
        self._restless = [place for place in places if not is_calm(views[place])]
        self._seen = views
        return [views[place] for place in self._restless]

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the views that were looked at last."""
        return self._names

    def effort(self, snapshot: Snapshot) -> int:
        """Return how many views and offers are to be looked at in a snapshot."""
        views = self.enabled_in(snapshot)
        return sum(1 + len(views[place].offers) for place in self._to_look_at(views))

    def _to_look_at(self, views: Sequence[ProviderStatus]) -> list[int]:
        """Return the places of the views that were not found calm before."""
        seen, restless = self._seen, self._restless
        if len(views) == len(seen):
            return sorted({*compress(count(), map(is_not, views, seen)), *restless})
        left_out = set(restless)
        calm = {id(view) for place, view in enumerate(seen) if place not in left_out}
        return [place for place, view in enumerate(views) if id(view) not in calm]
