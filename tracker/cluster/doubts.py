"""Which statuses of all vantages may still turn out to be the fault of one vantage. Pure.

A vantage whose own network fails sees one provider after the other fail, each first degraded and
then down, before it is suspect and has no vote. Until then its word alone is no event. When the
network is back it sees one after the other well again, and has its vote before the last of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain

import attrs

from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus, VantageView
from tracker.health.quorum import FEWEST_TO_SUSPECT

WORSE = frozenset({Status.DEGRADED, Status.DOWN})
ALL_CHECKED_INTERVALS = 1.0  # a vantage has then checked all of its providers
ALL_JUDGED_INTERVALS = 4.0  # and those that fail are down: three failed checks each, and a margin


@attrs.define
class Doubts:
    """Providers that one vantage alone sees worse, and since when, in steady seconds.

    recovering: those of them that it saw so when it got its vote back.
    """

    _since: dict[str, float] = attrs.field(factory=dict)
    _recovering: frozenset[str] = frozenset()
    _suspects: frozenset[str] = frozenset()

    def look(self, providers: Mapping[str, ProviderStatus], now: float) -> frozenset[str]:
        """Return the providers of which nothing should be said yet."""
        alone = {name: who for name, view in providers.items() if (who := _alone(view.vantages))}
        self._recovering = frozenset(
            name
            for name, who in alone.items()
            if name in self._recovering or (name not in self._since and who in self._suspects)
        )
        self._suspects = frozenset(_suspects(providers))
        self._since = {name: self._since.get(name, now) for name in alone}
        if not alone:
            return frozenset()
        most = _see_most_worse(chain.from_iterable(view.vantages for view in providers.values()))
        return frozenset(
            name
            for name, who in alone.items()
            if now - self._since[name]
            < providers[name].interval_seconds * _patience(who in most or name in self._recovering)
        )


def _suspects(providers: Mapping[str, ProviderStatus]) -> Iterable[str]:
    views = chain.from_iterable(view.vantages for view in providers.values())
    return (view.name for view in views if view.suspect)


def _patience(likely: bool) -> float:
    return ALL_JUDGED_INTERVALS if likely else ALL_CHECKED_INTERVALS


def _alone(views: Iterable[VantageView]) -> str:
    """Return the vantage that alone sees it worse, where another one sees it healthy."""
    trusted = [view for view in views if not view.suspect]
    worse = [view.name for view in trusted if view.status in WORSE]
    healthy = any(view.status is Status.HEALTHY for view in trusted)
    return worse[0] if len(worse) == 1 and healthy else ""


def _see_most_worse(views: Iterable[VantageView]) -> frozenset[str]:
    """Return the vantages that see more than half of their providers worse."""
    held, worse = Counter[str](), Counter[str]()
    for view in views:
        held[view.name] += view.status is not Status.UNKNOWN
        worse[view.name] += view.status in WORSE
    return frozenset(
        name for name, most in held.items() if most >= FEWEST_TO_SUSPECT and worse[name] * 2 > most
    )
