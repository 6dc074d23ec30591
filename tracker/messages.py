"""What the aggregator is told: reports of the actors, and words of the tracker itself. Frozen."""

from collections.abc import Mapping

import attrs
import trio

from tracker.reports import Checked, Crash, Planned
from tracker.settings import Provider
from tracker.statistics import Statistics


@attrs.frozen(kw_only=True)
class Watch:
    """Watch this provider, or go on with these settings. ``overridden``: tuned at run time."""

    provider: Provider
    overridden: bool = False


@attrs.frozen(kw_only=True)
class Unwatch:
    name: str


@attrs.frozen(kw_only=True)
class Publish:
    """Post everything reported so far, then set ``done``."""

    done: trio.Event


@attrs.frozen(kw_only=True)
class Past:
    """A provider as it was stored. ``state``: JSON of its dossier, None where there was none."""

    statistics: Statistics
    state: str | None


@attrs.frozen(kw_only=True)
class Restore:
    """History from the store. ``best``: who was recommended last."""

    past: Mapping[str, Past]
    best: str | None = None


Message = Checked | Planned | Crash | Watch | Unwatch | Publish | Restore
