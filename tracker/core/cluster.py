"""What a tracker tells of the cluster it is one of. All frozen."""

from datetime import datetime

import attrs

from tracker.core.outcomes import Status
from tracker.core.ranking import Ranking
from tracker.core.records import CheckRecord


@attrs.frozen(kw_only=True)
class SharedState:
    """What another tracker of our vantage knows of a provider or an offer after its last check.

    age: seconds since that check. due_in, fresh_for: until its next, and until this is too old.
    state: JSON, as the store keeps it.
    """

    provider: str
    model: str | None
    age: float
    due_in: float | None
    fresh_for: float | None
    state: str
    models: tuple[str, ...] | None = None


@attrs.frozen(kw_only=True)
class SeenElsewhere:
    """What another vantage says of a provider. observed_at, fresh_until: our steady seconds."""

    vantage: str
    provider: str
    status: Status
    reason: str
    observed_at: float
    fresh_until: float | None


@attrs.frozen(kw_only=True)
class SharedNews:
    """What others shipped: checks and states of our vantage, and views of other vantages.

    kept: what we check ourselves, so that its plan is ours.
    """

    checks: tuple[CheckRecord, ...] = ()
    states: tuple[SharedState, ...] = ()
    elsewhere: tuple[SeenElsewhere, ...] = ()
    kept: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class ClusterMember:
    vantage: str
    url: str
    version: str
    leases: int
    ourselves: bool


class ClusterAwayError(Exception):
    """Another vantage cannot be asked now; the text says why."""


@attrs.frozen(kw_only=True)
class VantageRanking:
    """Another vantage's own ranking, and when it was made, by our clock."""

    ranking: Ranking
    ranked_at: datetime


@attrs.frozen(kw_only=True)
class ClusterReport:
    """The cluster as this tracker sees it.

    reason: why the hub cannot be used, empty while it can. alone: whether it checks for itself
    alone meanwhile. lag: checks that wait for the hub. skipped: checks it refused. skew_seconds:
    how far the hub's clock is ahead of ours. takeovers: members that we buried.
    """

    vantage: str
    hub_up: bool
    reason: str = ""
    alone: bool = False
    members: tuple[ClusterMember, ...] = ()
    leases: int = 0
    herald: bool = False
    lag: int = 0
    skipped: int = 0
    skew_seconds: float | None = None
    takeovers: int = 0
    solo_checks: int = 0
    problems: tuple[str, ...] = ()
