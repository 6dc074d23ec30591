"""The interface of a hub: its members, and what they share through it.

Every method is synchronous, is called in a thread, and raises HubAway. None uses the clock of
another machine: ages and waits are seconds on the hub's clock.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

import attrs

from tracker.cluster.alert_rows import AlertWrite, StoredAlerts, VerdictRow
from tracker.cluster.membership import Beat
from tracker.cluster.parcels import News, Parcel, Shipment

SCHEMA = 6  # of the hub, as this version knows it


class Half(Enum):
    """The two connections of a hub."""

    CONTROL = auto()  # beats, claims, listening
    DATA = auto()


class HubAway(Exception):  # noqa: N818 (a state, and no error of ours)
    """The hub cannot be used now; ``reason``: a sentence without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fenced(Exception):  # noqa: N818
    """Another tracker now holds the lease needed for writing."""


@attrs.frozen(kw_only=True)
class Profile:
    """A tracker that joins: its vantage, database, address and version."""

    vantage: str
    origin: str
    url: str = ""
    version: str = ""


@attrs.frozen(kw_only=True)
class Origin:
    """A database file as the hub knows it, and the last of its checks that is there.

    other_vantage, other_file: the owner of its name, where that is another tracker. predecessors:
    members that have this file; a member that joins with it replaces them, and no other.
    """

    head: int
    other_vantage: str = ""
    other_file: bool = False
    predecessors: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class PublishedRanking:
    """A vantage's own ranking, JSON, and how old it is."""

    vantage: str
    ranking: str
    age: float


@attrs.frozen(kw_only=True)
class MemberInfo:
    """One running tracker, as ``cluster status`` shows it.

    round_trip_ms: how long the hub takes to answer it at best; None where that is not known.
    """

    member: str
    vantage: str
    url: str
    version: str
    leases: int
    round_trip_ms: float | None = None


@attrs.frozen(kw_only=True)
class RollUp:
    """The checks of one provider in an hour or a day of UTC that begins at ``at``.

    up, down: those that were counted. sum_ms: of the latencies of those that were up. latency: how
    many of them by bucket; bucket n ends at 1.05 ** n milliseconds.
    """

    provider: str
    at: datetime
    checks: int
    up: int
    down: int
    sum_ms: float
    latency: Mapping[int, int] = attrs.field(factory=dict)


class Hub(Protocol):
    """Up to ``listen`` the half CONTROL, then DATA. Each half: one thread at a time."""

    def open_origin(self, who: Profile, file: str, start: int) -> Origin:
        """Make a file known, one that is new from its check ``start`` on; nothing else has it.

        Removes nobody: the call may arrive long after its tracker gave up and joined again.
        """
        ...

    def join(self, who: Profile, names: Collection[str], replaces: Collection[str] = ()) -> Beat:
        """Make us a member that checks these providers, and return its first beat.

        replaces: the predecessors that our file had; their processes are over, since each held the
        file alone. A join that arrives late removes no member that came after it was sent.
        """
        ...

    def beat(self, member: str, round_trip_ms: float | None = None) -> Beat | None:
        """Move our beat; None: the member is not there any more.

        round_trip_ms: how long the hub takes to answer us at best, for the others to read.
        """
        ...

    def bury(self, member: str, beat: int) -> bool:
        """Remove a member whose beat is still this one, and free its leases."""
        ...

    def claim(
        self, member: str, names: Collection[str], most: int, epoch: str, *, herald: bool
    ) -> Mapping[str, int]:
        """Take up to ``most`` free leases, and the herald's where wanted; return their tokens."""
        ...

    def release(self, member: str, leases: Mapping[str, int]) -> None:
        """Free those that the member holds under these tokens: a late call frees nothing newer."""
        ...

    def held(self, member: str) -> Mapping[str, int]:
        """Return the leases of the member, the herald's among them, and their tokens."""
        ...

    def leave(self, member: str) -> None:
        """Remove the member and free all its leases; an unknown member is no error."""
        ...

    def listen(self, seconds: float) -> bool:
        """Wait for a notification, ``seconds`` at most; return whether one came."""
        ...

    def ship(self, parcel: Parcel) -> Shipment:
        """Take a parcel that begins where the hub stands; else nothing is taken."""
        ...

    def news(self, vantage: str, origin: str, cursors: Mapping[str, int], most: int) -> News:
        """Return what other origins shipped after ``cursors``.

        Checks of our vantage, states of all.
        """
        ...

    def publish_ranking(self, vantage: str, ranking: str) -> None:
        """Replace a vantage's ranking, JSON text, stamped with the hub's clock."""
        ...

    def rankings(self) -> Sequence[PublishedRanking]:
        """Return the last ranking of each vantage, with its age in seconds."""
        ...

    def members(self) -> Sequence[MemberInfo]:
        """Return all members of all vantages, with the number of leases each holds."""
        ...

    def keep_house(self, retention_days: int) -> None:
        """Make the partitions of the coming days and drop what is too old."""
        ...

    def roll_up(self, hours: float) -> None:
        """Count the last hours again for the roll-ups."""
        ...

    def roll_ups(
        self, vantage: str, names: Collection[str], since: datetime, *, daily: bool
    ) -> Sequence[RollUp]:
        """Return what a vantage counted from ``since`` on, by the hour or the day, oldest first.

        Hours are kept for 90 days, days for two years, however soon single checks are dropped.
        """
        ...

    def alerts(self) -> StoredAlerts:
        """Return the stored incidents, deliveries, and the seconds that each mute still lasts."""
        ...

    def verdicts(self) -> Sequence[VerdictRow]:
        """Return what the herald last said of each provider."""
        ...

    def write_alerts(self, member: str, token: int, write: AlertWrite) -> Sequence[str]:
        """Store under the herald's lease; return the keys of events that are new. Raises Fenced."""
        ...

    def acknowledge(self, incident: str, by: str) -> None:
        """Note who knows of an incident; an unknown incident is no error."""
        ...

    def mute(self, provider: str, seconds: float) -> None:
        """Mute a provider for so many seconds from now; 0 ends a mute."""
        ...

    def cut(self, half: Half) -> None:
        """Cut the connection, from any thread: a call that waits for the network raises HubAway."""
        ...

    def close(self) -> None:
        """Close both connections; the next call opens them again."""
        ...
