"""Messages to the aggregator, from the actors and from the tracker itself. All frozen."""

import traceback
from collections.abc import Mapping

import attrs
import trio

from tracker.core.cluster import SharedNews
from tracker.core.incidents import IncidentLog
from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Mask
from tracker.core.settings import Provider
from tracker.core.traffic import StoredTraffic
from tracker.health.other_vantages import ClusterRules
from tracker.health.restoring import StoredProvider
from tracker.ranking.offer_ranking import Rank
from tracker.reports.call import Call


@attrs.frozen(kw_only=True)
class CheckCompleted:
    """A check ended; the next is due at ``next_due`` (steady seconds; None: only on request)."""

    result: CheckResult
    next_due: float | None


@attrs.frozen(kw_only=True)
class CheckRescheduled:
    """The next check moved, because the provider was tuned or its reset became known.

    model: the offer, None for the provider itself. waits_for_budget: it waits until midnight UTC,
    because today's completions are used up.
    """

    provider: str
    next_due: float | None
    model: str | None = None
    waits_for_budget: bool = False


@attrs.frozen(kw_only=True)
class ActorCrashed:
    """A bug in an actor. ``spent``: it crashed too often and is retried only at the longest delay.

    error and trace are complete: mask them before cutting them, or half a key remains.
    """

    provider: str
    error: str  # the exception in a line
    trace: str
    count: int
    spent: bool

    @classmethod
    def of(cls, provider: str, error: BaseException, *, count: int, spent: bool) -> "ActorCrashed":
        """Describe a crash in one line and with its trace. spent: it is not restarted again."""
        line = " ".join(f"{type(error).__name__}: {error}".split())
        trace = "".join(traceback.format_exception(error))
        return cls(provider=provider, error=line, trace=trace, count=count, spent=spent)


ActorMessage = CheckCompleted | CheckRescheduled | ActorCrashed


@attrs.frozen(kw_only=True)
class ProviderAdded:
    """Watch this provider, or continue with these settings. ``overridden``: set at run time."""

    provider: Provider
    overridden: bool = False


@attrs.frozen(kw_only=True)
class ProviderRemoved:
    name: str


@attrs.frozen(kw_only=True)
class SettingsChanged:
    """Rank with this policy and hide these secrets from now on, then set ``done``."""

    rank: Rank
    mask: Mask
    done: trio.Event


@attrs.frozen(kw_only=True)
class Publish:
    """Publish everything received so far, then set ``done``."""

    done: trio.Event


@attrs.frozen(kw_only=True)
class CallsReported:
    """Real calls reported by proxies, in the order they arrived."""

    calls: tuple[Call, ...]


@attrs.frozen(kw_only=True)
class HistoryLoaded:
    """History from the store. ``best``: the last recommended provider. traffic: of the last day.

    complete: False while it has only the last checks and the others follow.
    """

    past: Mapping[str, StoredProvider]
    best: str | None = None
    traffic: StoredTraffic = StoredTraffic()
    complete: bool = True


@attrs.frozen(kw_only=True)
class IncidentsChanged:
    """Show these in the next snapshot."""

    log: IncidentLog


@attrs.frozen(kw_only=True)
class NewsShared:
    """Merge what other trackers of the cluster have sent, then set ``done``."""

    news: SharedNews
    done: trio.Event = attrs.field(factory=trio.Event)


@attrs.frozen(kw_only=True)
class ClusterJoined:
    """Include other vantages from now on."""

    rules: ClusterRules


Message = (
    ActorMessage
    | ProviderAdded
    | ProviderRemoved
    | SettingsChanged
    | Publish
    | CallsReported
    | HistoryLoaded
    | IncidentsChanged
    | NewsShared
    | ClusterJoined
)
