"""The JSON of ``/api/cluster``: the members of the cluster and this tracker's place in it."""

from typing import Annotated

from msgspec import Struct

from api.schemas.units import Count, Decimals


class ClusterMember(Struct, frozen=True):
    """One running tracker. ``leases``: how many providers it checks for its vantage."""

    vantage: str
    url: str
    version: str
    leases: Count
    ourselves: bool


class Cluster(Struct, frozen=True):
    """The cluster as this tracker sees it.

    ``alone``: it works alone because the hub does not answer. ``lag``: stored checks that the hub
    does not have yet, null until it has said what it has; ``skipped``: those it refused.
    ``skew_seconds``: how far the hub's clock is ahead. ``takeovers``: dead members that this
    tracker removed. ``solo_checks``: made without a lease.
    """

    vantage: str
    hub_up: bool
    reason: str
    alone: bool
    members: list[ClusterMember]
    leases: Count
    herald: bool
    lag: Count | None
    skipped: Count
    skew_seconds: Annotated[float | None, Decimals(3)]
    takeovers: Count
    solo_checks: Count
    problems: list[str]
