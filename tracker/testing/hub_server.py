"""A hub's server in memory, for tests without PostgreSQL: what it stores, restarts and backups."""

import copy
from datetime import datetime

import attrs

from tracker.cluster.alert_rows import VerdictRow
from tracker.cluster.hub import Profile, RollUp
from tracker.cluster.parcels import StateRow
from tracker.core.clock import Clock
from tracker.core.records import CheckRow

Key = tuple[str, str]


@attrs.define
class FakeMember:
    who: Profile
    beat: int = 0
    round_trip_ms: float | None = None


@attrs.define
class FakeLease:
    holder: str | None = None
    token: int = 0


@attrs.define
class FakeOrigin:
    vantage: str
    file: str
    head: int = 0
    rows: dict[int, CheckRow] = attrs.field(factory=dict)


@attrs.define
class FakeTables:
    """Everything that a server stores. Times are steady seconds of its own clock."""

    members: dict[str, FakeMember] = attrs.field(factory=dict)
    leases: dict[Key, FakeLease] = attrs.field(factory=dict)
    origins: dict[str, FakeOrigin] = attrs.field(factory=dict)
    states: dict[tuple[str, str, str | None], tuple[str, float, StateRow]] = attrs.field(
        factory=dict
    )
    rankings: dict[str, tuple[str, float]] = attrs.field(factory=dict)
    incidents: dict[str, tuple[str, str | None]] = attrs.field(factory=dict)
    deliveries: dict[Key, str] = attrs.field(factory=dict)
    mutes: dict[str, float] = attrs.field(factory=dict)
    events: dict[str, str] = attrs.field(factory=dict)
    verdicts: dict[str, tuple[VerdictRow, float | None]] = attrs.field(factory=dict)
    hours: dict[tuple[str, str, datetime], RollUp] = attrs.field(factory=dict)


@attrs.define(eq=False)
class FakeServer:
    """The server that several trackers share. away: why it cannot be used now."""

    clock: Clock = Clock()
    away: str = ""
    epoch: int = 1
    tables: FakeTables = attrs.field(factory=FakeTables)

    def restart(self) -> None:
        """Begin another epoch: leases of the last one are void."""
        self.epoch += 1

    def remember(self) -> FakeTables:
        """Return a copy of all tables, to be put back as a restored backup."""
        return copy.deepcopy(self.tables)

    def forget(self, tables: FakeTables) -> None:
        """Become a promoted standby that has only these tables."""
        self.tables = copy.deepcopy(tables)
        self.restart()
