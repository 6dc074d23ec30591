"""The hub on PostgreSQL 14 or newer: two connections, each used by one thread at a time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import attrs

from tracker.cluster import postgres_alerts, postgres_checks, postgres_leases, postgres_news
from tracker.cluster.alert_rows import AlertWrite, StoredAlerts, VerdictRow
from tracker.cluster.hub import Half, MemberInfo, Origin, Profile, PublishedRanking, RollUp
from tracker.cluster.link import Connection, Link
from tracker.cluster.membership import Beat
from tracker.cluster.parcels import News, Parcel, Shipment
from tracker.cluster.roll_ups import load_roll_ups
from tracker.core.redaction import Secret

T = TypeVar("T")


@attrs.define(eq=False)
class PostgresHub:
    """``control``: beats, claims, listening. ``data``: everything else. See hub.Hub."""

    url: Secret = attrs.field(repr=False)
    control: Link = attrs.field(init=False)
    data: Link = attrs.field(init=False)
    _ids: dict[str, int] = attrs.field(factory=dict)
    _ids_of: Connection | None = None

    def __attrs_post_init__(self) -> None:
        self.control = Link(self.url, listening=True)
        self.data = Link(self.url)

    def open_origin(self, who: Profile, file: str, start: int) -> Origin:
        return self.control.run(lambda c: postgres_leases.open_origin(c, who, file, start))

    def join(self, who: Profile, names: Collection[str], replaces: Collection[str] = ()) -> Beat:
        return self.control.run(lambda c: postgres_leases.join(c, who, names, replaces))

    def beat(self, member: str, round_trip_ms: float | None = None) -> Beat | None:
        return self.control.run(lambda c: postgres_leases.beat(c, member, round_trip_ms))

    def bury(self, member: str, beat: int) -> bool:
        return self.control.run(lambda c: postgres_leases.remove(c, member, beat))

    def claim(
        self, member: str, names: Collection[str], most: int, epoch: str, *, herald: bool
    ) -> Mapping[str, int]:
        return self.control.run(
            lambda c: postgres_leases.claim(c, member, names, most, epoch, herald=herald)
        )

    def release(self, member: str, leases: Mapping[str, int]) -> None:
        self.control.run(lambda c: postgres_leases.release(c, member, leases))

    def held(self, member: str) -> Mapping[str, int]:
        return self.control.run(lambda c: postgres_leases.held(c, member))

    def listen(self, seconds: float) -> bool:
        """Wait on the control connection for a NOTIFY, ``seconds`` at most."""

        def wait(connection: Connection) -> bool:
            return any(True for _ in connection.notifies(timeout=seconds, stop_after=1))

        return self.control.run(wait)

    def leave(self, member: str) -> None:
        self.control.run(lambda c: postgres_leases.remove(c, member, None))

    def ship(self, parcel: Parcel) -> Shipment:
        return self.data.run(lambda c: postgres_checks.ship(c, parcel, self._numbers(c)))

    def news(self, vantage: str, origin: str, cursors: Mapping[str, int], most: int) -> News:
        return self.data.run(lambda c: postgres_news.news(c, vantage, origin, cursors, most))

    def publish_ranking(self, vantage: str, ranking: str) -> None:
        self.data.run(lambda c: postgres_alerts.publish_ranking(c, vantage, ranking))

    def rankings(self) -> Sequence[PublishedRanking]:
        return self.data.run(postgres_alerts.load_rankings)

    def members(self) -> Sequence[MemberInfo]:
        return self.data.run(postgres_leases.members)

    def keep_house(self, retention_days: int) -> None:
        """Make and drop partitions with ``keep_partitions`` of the schema."""
        self.data.run(lambda c: c.execute("SELECT keep_partitions(%s)", (retention_days,)))

    def roll_up(self, hours: float) -> None:
        """Count the last hours by the hub's clock, with ``roll_up`` of the schema."""
        since = "SELECT roll_up(clock_timestamp() - make_interval(secs => %s))"
        self.data.run(lambda c: c.execute(since, (hours * 3600.0,)))

    def roll_ups(
        self, vantage: str, names: Collection[str], since: datetime, *, daily: bool
    ) -> Sequence[RollUp]:
        return self.data.run(lambda c: load_roll_ups(c, vantage, names, since, daily=daily))

    def alerts(self) -> StoredAlerts:
        return self.data.run(postgres_alerts.load_alerts)

    def verdicts(self) -> Sequence[VerdictRow]:
        return self.data.run(postgres_alerts.load_verdicts)

    def write_alerts(self, member: str, token: int, write: AlertWrite) -> Sequence[str]:
        return self.data.run(
            lambda c: postgres_alerts.write_alerts(c, member, token, write, self._numbers(c))
        )

    def acknowledge(self, incident: str, by: str) -> None:
        self.data.run(lambda c: postgres_alerts.acknowledge(c, incident, by))

    def mute(self, provider: str, seconds: float) -> None:
        self.data.run(lambda c: postgres_alerts.mute(c, provider, seconds))

    def cut(self, half: Half) -> None:
        """Close a half's socket under a call that waits on it; it raises HubAway."""
        (self.control if half is Half.CONTROL else self.data).cut()

    def close(self) -> None:
        """Close both connections; call it once no thread uses them."""
        self.control.close()
        self.data.close()

    def _numbers(self, connection: Connection) -> dict[str, int]:
        """Return the providers' numbers, asked for with each connection: servers differ."""
        if self._ids_of is not connection:
            self._ids, self._ids_of = {}, connection
        return self._ids
