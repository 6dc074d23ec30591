"""One tracker's access to a hub in memory: the answers of PostgreSQL, and faults on demand."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from tracker.cluster.alert_rows import AlertWrite, StoredAlerts, VerdictRow
from tracker.cluster.hub import (
    Fenced,
    Half,
    HubAway,
    MemberInfo,
    Origin,
    Profile,
    PublishedRanking,
    RollUp,
)
from tracker.cluster.membership import HERALD, Beat
from tracker.cluster.parcels import News, Parcel, Shipment, SiblingChecks, StateRow
from tracker.core.records import CheckRow
from tracker.testing.hub_roll_ups import HOUR, add_up_days, begin_of, count_hour
from tracker.testing.hub_server import FakeLease, FakeMember, FakeOrigin, FakeServer, FakeTables

_numbers = itertools.count(1)


@attrs.define(eq=False)
class FakeHub:
    """One tracker's access to the server. See hub.Hub."""

    server: FakeServer
    unreachable: bool = False  # this tracker is cut off

    @property
    def _tables(self) -> FakeTables:
        if self.unreachable or self.server.away:
            raise HubAway(self.server.away or "nothing listens at this address: connection refused")
        return self.server.tables

    def open_origin(self, who: Profile, file: str, start: int) -> Origin:
        tables = self._tables
        origin = tables.origins.setdefault(who.origin, FakeOrigin(who.vantage, file, start))
        ours = (origin.vantage, origin.file) == (who.vantage, file)
        members = [m for m, known in tables.members.items() if known.who.origin == who.origin]
        return Origin(
            head=origin.head,
            other_vantage=origin.vantage if origin.vantage != who.vantage else "",
            other_file=origin.file != file,
            predecessors=members if ours else (),
        )

    def join(self, who: Profile, names: Collection[str], replaces: Collection[str] = ()) -> Beat:
        tables, member = self._tables, f"member-{next(_numbers)}"
        assert who.origin in tables.origins, "the origin is opened before"
        for each in replaces:
            self.leave(each)
        tables.members[member] = FakeMember(who)
        self._add_names(who.vantage, names)
        tables.leases.setdefault(("", HERALD), FakeLease())
        return self._seen(member)

    def beat(self, member: str, round_trip_ms: float | None = None) -> Beat | None:
        if member not in self._tables.members:
            return None
        self._tables.members[member].beat += 1
        self._tables.members[member].round_trip_ms = round_trip_ms
        return self._seen(member)

    def bury(self, member: str, beat: int) -> bool:
        known = self._tables.members.get(member)
        return known is not None and known.beat == beat and self._remove(member)

    def claim(
        self, member: str, names: Collection[str], most: int, epoch: str, *, herald: bool
    ) -> Mapping[str, int]:
        tables = self._tables
        if member not in tables.members or epoch != str(self.server.epoch):
            return {}
        vantage = tables.members[member].who.vantage
        if most > 0:
            self._add_names(vantage, names)
        wanted = [(vantage, name) for name in sorted(names)]
        free = [key for key in wanted if tables.leases[key].holder is None][: max(most, 0)]
        if herald and tables.leases["", HERALD].holder is None:
            free.append(("", HERALD))
        for key in free:
            tables.leases[key].holder = member
            tables.leases[key].token += 1
        return {name: tables.leases[place, name].token for place, name in free}

    def release(self, member: str, leases: Mapping[str, int]) -> None:
        for (_, name), lease in self._tables.leases.items():
            if lease.holder == member and lease.token == leases.get(name):
                lease.holder = None

    def held(self, member: str) -> Mapping[str, int]:
        leases = self._tables.leases.items()
        return {name: lease.token for (_, name), lease in leases if lease.holder == member}

    def listen(self, seconds: float) -> bool:
        """Return at once without a notification: members query at their own heartbeat."""
        _ = self._tables, seconds
        return False

    def leave(self, member: str) -> None:
        if member in self._tables.members:
            self._remove(member)

    def ship(self, parcel: Parcel) -> Shipment:
        origin = self._tables.origins.get(parcel.origin)
        if origin is None:
            raise HubAway("the hub no longer knows this tracker; it joins again")
        if origin.head != parcel.head:
            return Shipment(head=origin.head, accepted=False)
        kept = [row for row in parcel.rows if row.at < datetime.now(UTC) + timedelta(days=3)]
        for row in kept:
            message = row.error_message.replace("\0", "\ufffd")
            origin.rows.setdefault(row.seq, attrs.evolve(row, error_message=message))
        for state in parcel.states:
            self._store_state(parcel.origin, origin.vantage, state)
        origin.head = parcel.last
        return Shipment(head=parcel.last, accepted=True, skipped=len(parcel.rows) - len(kept))

    def news(self, vantage: str, origin: str, cursors: Mapping[str, int], most: int) -> News:
        checks, after, left, more = [], dict(cursors), most, False
        states: list[StateRow] = []
        for uuid, other in self._tables.origins.items():
            before, last = cursors.get(uuid, 0), other.head
            if uuid == origin or last <= before:
                continue
            if other.vantage == vantage:
                rows = [other.rows[seq] for seq in sorted(other.rows) if before < seq <= last]
                if len(rows) >= left:
                    rows = rows[: max(left, 0)]
                    last, more = (rows[-1].seq if rows else before), True
                left -= len(rows)
                checks.append(SiblingChecks(origin=uuid, last=last, rows=rows))
            states += self._states_of(uuid, before, last)
            after[uuid] = last
        return News(checks=checks, states=states, cursors=after, more=more)

    def publish_ranking(self, vantage: str, ranking: str) -> None:
        self._tables.rankings[vantage] = (ranking, self._now())

    def rankings(self) -> Sequence[PublishedRanking]:
        return [
            PublishedRanking(vantage=vantage, ranking=ranking, age=self._now() - at)
            for vantage, (ranking, at) in self._tables.rankings.items()
        ]

    def members(self) -> Sequence[MemberInfo]:
        tables = self._tables
        return [
            MemberInfo(
                member=member,
                vantage=known.who.vantage,
                url=known.who.url,
                version=known.who.version,
                leases=sum(
                    lease.holder == member and name != HERALD
                    for (_, name), lease in tables.leases.items()
                ),
                round_trip_ms=known.round_trip_ms,
            )
            for member, known in tables.members.items()
        ]

    def keep_house(self, retention_days: int) -> None:
        """Do nothing: there are no partitions, and checks are kept for the test's length."""
        _ = self._tables, retention_days

    def roll_up(self, hours: float) -> None:
        """Count whole hours from the kept checks, by the real clock."""
        tables = self._tables
        since = begin_of(datetime.now(UTC) - timedelta(hours=hours), HOUR)
        counted: dict[tuple[str, str, datetime], list[CheckRow]] = {}
        for origin in tables.origins.values():
            for row in origin.rows.values():
                if row.at >= since and row.model is None:
                    key = (origin.vantage, row.provider, begin_of(row.at, HOUR))
                    counted.setdefault(key, []).append(row)
        for (vantage, name, hour), rows in counted.items():
            tables.hours[vantage, name, hour] = count_hour(name, hour, rows)

    def roll_ups(
        self, vantage: str, names: Collection[str], since: datetime, *, daily: bool
    ) -> Sequence[RollUp]:
        hours = [
            each
            for (place, name, _), each in sorted(self._tables.hours.items())
            if place == vantage and name in names
        ]
        if not daily:
            return [each for each in hours if each.at >= since]
        return [each for each in add_up_days(hours) if each.at >= since]

    def alerts(self) -> StoredAlerts:
        tables, now = self._tables, self._now()
        return StoredAlerts(
            incidents=list(tables.incidents.values()),
            deliveries=list(tables.deliveries.values()),
            mutes={name: until - now for name, until in tables.mutes.items() if until > now},
        )

    def verdicts(self) -> Sequence[VerdictRow]:
        now = self._now()
        return [
            attrs.evolve(row, age=None if seen is None else now - seen)
            for row, seen in self._tables.verdicts.values()
        ]

    def write_alerts(self, member: str, token: int, write: AlertWrite) -> Sequence[str]:
        tables = self._tables
        lease = tables.leases.get(("", HERALD))
        if lease is None or (lease.holder, lease.token) != (member, token):
            raise Fenced
        for row in write.incidents:
            _, by = tables.incidents.get(row.id, ("", None))
            tables.incidents[row.id] = (row.incident, row.acknowledged_by or by)
        for each in write.deliveries:
            tables.deliveries[each.key, each.target] = each.delivery
        for verdict in write.verdicts:
            known, _ = tables.verdicts.get(verdict.provider, (None, None))
            if known is None or known.version == verdict.version - 1:
                seen = None if verdict.age is None else self._now() - verdict.age
                tables.verdicts[verdict.provider] = (verdict, seen)
        new = [event.key for event in write.events if event.key not in tables.events]
        tables.events.update((event.key, event.reason) for event in write.events)
        return new

    def acknowledge(self, incident: str, by: str) -> None:
        if (known := self._tables.incidents.get(incident)) is not None:
            self._tables.incidents[incident] = (known[0], by)

    def mute(self, provider: str, seconds: float) -> None:
        self._tables.mutes[provider] = self._now() + seconds

    def cut(self, half: Half) -> None:
        """Do nothing: nothing waits here."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _now(self) -> float:
        return self.server.clock.steady()

    def _seen(self, member: str) -> Beat:
        tables = self._tables
        held = [lease.token for lease in tables.leases.values() if lease.holder == member]
        ours = tables.members[member].who.vantage
        return Beat(
            member=member,
            epoch=str(self.server.epoch),
            beat=tables.members[member].beat,
            held=len(held),
            tokens=sum(held),
            beats={each: known.beat for each, known in tables.members.items()},
            peers=frozenset(e for e, known in tables.members.items() if known.who.vantage == ours),
            origins={each: known.who.origin for each, known in tables.members.items()},
            hub_time=self.server.clock.now(),
        )

    def _remove(self, member: str) -> bool:
        del self._tables.members[member]
        for lease in self._tables.leases.values():
            if lease.holder == member:
                lease.holder = None
        return True

    def _add_names(self, vantage: str, names: Collection[str]) -> None:
        for name in names:
            self._tables.leases.setdefault((vantage, name), FakeLease())

    def _store_state(self, origin: str, vantage: str, state: StateRow) -> None:
        key, observed = (vantage, state.provider, state.model), self._now() - state.age
        known = self._tables.states.get(key)
        if known is not None and known[0] != origin and known[1] >= observed:
            return
        models = state.models if state.models is not None else known and known[2].models
        row = attrs.evolve(state, vantage=vantage, models=models)
        self._tables.states[key] = (origin, observed, row)

    def _states_of(self, origin: str, after: int, until: int) -> list[StateRow]:
        now = self._now()
        found = []
        for holder, observed, state in self._tables.states.values():
            if holder == origin and after < state.seq <= until:
                passed = now - observed - state.age
                due = None if state.due_in is None else state.due_in - passed
                fresh = None if state.fresh_for is None else state.fresh_for - passed
                found.append(attrs.evolve(state, age=now - observed, due_in=due, fresh_for=fresh))
        return found
