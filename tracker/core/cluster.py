"""What a tracker reports about the cluster it belongs to. All frozen."""

from datetime import datetime

import attrs

from tracker.core.outcomes import Status
from tracker.core.ranking import Ranking
from tracker.core.records import CheckRecord


@attrs.frozen(kw_only=True)
class SharedState:
    """What another tracker of our vantage knows about a provider or offer after its last check.

    age: seconds since that check. due_in: seconds until its next check. fresh_for: seconds until
    this is too old to use. state: JSON, as the store keeps it.
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
    """What another vantage says about a provider. observed_at, fresh_until: our steady seconds."""

    vantage: str
    provider: str
    status: Status
    reason: str
    observed_at: float
    fresh_until: float | None


@attrs.frozen(kw_only=True)
class SharedNews:
    """What other trackers sent: checks and states of our vantage, and views of other vantages.

    kept: what this tracker checks itself, so its own schedule applies.
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
    """Another vantage cannot be queried now; the text says why."""


@attrs.frozen(kw_only=True)
class VantageRanking:
    """Another vantage's own ranking, and when it was made, by our clock."""

    ranking: Ranking
    ranked_at: datetime


@attrs.frozen(kw_only=True)
class ClusterReport:
    """The cluster as this tracker sees it.

    reason: why the hub cannot be used, empty while it can. alone: whether this tracker works alone
    until then. lag: stored checks that the hub does not have yet, None until it has said what it
    has. skipped: checks the hub refused.
    skew_seconds: how far the hub's clock is ahead of ours. takeovers: dead members we replaced.
    """

    vantage: str
    hub_up: bool
    reason: str = ""
    alone: bool = False
    members: tuple[ClusterMember, ...] = ()
    leases: int = 0
    herald: bool = False
    lag: int | None = None
    skipped: int = 0
    skew_seconds: float | None = None
    takeovers: int = 0
    solo_checks: int = 0
    problems: tuple[str, ...] = ()
