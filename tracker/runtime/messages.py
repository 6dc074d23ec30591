"""What the aggregator is told: reports of the actors, and words of the tracker itself. Frozen."""

from collections.abc import Mapping

import attrs
import trio

from tracker.core.settings import Provider
from tracker.health.rolling_statistics import Statistics
from tracker.runtime.messages import ActorCrashed, CheckCompleted, CheckRescheduled


@attrs.frozen(kw_only=True)
class ProviderAdded:
    """Watch this provider, or go on with these settings. ``overridden``: tuned at run time."""

    provider: Provider
    overridden: bool = False


@attrs.frozen(kw_only=True)
class ProviderRemoved:
    name: str


@attrs.frozen(kw_only=True)
class Publish:
    """Post everything reported so far, then set ``done``."""

    done: trio.Event


@attrs.frozen(kw_only=True)
class StoredProvider:
    """A provider as it was stored. ``state``: JSON of its dossier, None where there was none."""

    statistics: Statistics
    state: str | None


@attrs.frozen(kw_only=True)
class HistoryLoaded:
    """History from the store. ``best``: who was recommended last."""

    past: Mapping[str, StoredProvider]
    best: str | None = None


Message = (
    CheckCompleted
    | CheckRescheduled
    | ActorCrashed
    | ProviderAdded
    | ProviderRemoved
    | Publish
    | HistoryLoaded
)
