"""Everything stored here reaches the hub once and in order, whatever happens to either."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from tests.helpers.store_records import check as record
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import HubAway, Profile
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import Membership
from tracker.cluster.news import NewsReader
from tracker.cluster.own_origin import OwnOrigin
from tracker.cluster.parcels import Parcel, Shipment
from tracker.cluster.shipper import Present, Shipper
from tracker.core.clock import Clock, utc_now
from tracker.core.cluster import SharedNews
from tracker.store import Store, open_store
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeOrigin, FakeServer


@attrs.define(eq=False)
class Member:
    """The parts of one tracker that speak to the hub."""

    store: Store
    hub: FakeHub
    keeper: LeaseKeeper
    shipper: Shipper
    reader: NewsReader
    heard: list[SharedNews] = attrs.field(factory=list)

    @property
    def kept(self) -> FakeOrigin:
        return self.hub.server.tables.origins[self.keeper.origin.id]

    async def ship(self) -> None:
        while await self.shipper.ship():
            pass


@asynccontextmanager
async def member(
    server: FakeServer, path: Path, *, vantage: str = "eu-1", file: str = ""
) -> AsyncIterator[Member]:
    async with open_store(str(path)) as store:
        hub, clock = FakeHub(server), Clock(steady=server.clock.steady)
        caller = HubCaller(hub, 5.0)
        keeper = LeaseKeeper(
            caller=caller,
            membership=Membership(10.0, 2.0),
            origin=OwnOrigin(
                caller=caller,
                profile=Profile(vantage=vantage, origin=""),
                store=store,
                file=lambda: file or str(path),
                clock=clock,
            ),
            names=lambda: ["groq"],
            gained=lambda _: None,
            handed_over=lambda _: True,
            went_alone=lambda: None,
            notified=lambda: None,
            clock=clock,
        )
        heard: list[SharedNews] = []

        async def take(news: SharedNews) -> None:
            await trio.lowlevel.checkpoint()
            heard.append(news)

        def present(_: str, __: str | None) -> Present:
            return Present(
                status="healthy", reason="", checked_at=utc_now(), due_in=300.0, fresh_for=900.0
            )

        yield Member(
            store,
            hub,
            keeper,
            Shipper(caller=caller, keeper=keeper, store=store, present=present, clock=clock),
            NewsReader(
                caller=caller,
                keeper=keeper,
                store=store,
                take=take,
                kept=lambda _: False,
                fetched=lambda _: None,
                clock=clock,
            ),
            heard,
        )


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(clock=Clock(steady=lambda: 0.0))


async def test_everything_is_there_once_and_in_order(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.store.write([record("groq", message=str(n)) for n in range(7)])
        await one.keeper.turn()
        await one.ship()
        await one.store.write([record("groq", message="7")])
        await one.ship()
        messages = [one.kept.rows[seq].error_message for seq in sorted(one.kept.rows)]
        assert messages == [str(n) for n in range(8)]
        assert (one.kept.head, one.shipper.lag, one.shipper.shipped) == (8, 0, 8)


async def test_the_lag_is_what_the_hub_does_not_have_of_our_own(
    server: FakeServer, tmp_path: Path
) -> None:
    theirs = attrs.evolve(record("groq"), origin="another", origin_id=1)
    async with member(server, tmp_path / "a") as one:
        await one.store.write([record("groq"), theirs])
        await one.shipper._count()
        assert one.shipper.lag is None, "what the hub has is not known before it was asked"
        await one.keeper.turn()
        await one.ship()
        await one.shipper._count()
        assert one.shipper.lag == 0
        server.away = "it was switched off"
        await one.store.write([record("groq"), theirs, record("groq"), record("groq")])
        await one.shipper._count()
        assert one.shipper.lag == 3, "another's check is not for us to send"
        server.away = ""
        await one.ship()
        assert one.shipper.lag == 0


async def test_the_hub_has_all_that_was_there_when_the_file_was_read_and_no_more(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that is given back before its last check is in the hub lets that be made twice."""
    async with member(server, tmp_path / "a") as one:
        now = 0.0
        one.shipper.clock = Clock(steady=lambda: now)
        await one.keeper.turn()
        assert not one.shipper.has_all_until(0.0), "nothing is known yet"
        ship = FakeHub.ship

        def ship_slowly(hub: FakeHub, parcel: Parcel) -> Shipment:
            assert not one.shipper.has_all_until(9.0), "it is on its way"
            one.shipper.note_stored()  # another check, stored after the file was read
            return ship(hub, parcel)

        await one.store.write([record("groq")])
        now = 10.0
        with monkeypatch.context() as slow:
            slow.setattr(FakeHub, "ship", ship_slowly)
            await one.shipper.ship()
        assert one.shipper.lag == 0
        assert one.shipper.has_all_until(10.0)
        assert not one.shipper.has_all_until(10.1), "that one is not in the hub"
        one.shipper._stored = trio.Event()  # as its run does
        now = 11.0
        await one.shipper.ship()
        assert one.shipper.has_all_until(99.0), "nothing was stored since"
        server.away = "it was switched off"
        one.shipper._stored = trio.Event()
        await one.store.write([record("groq")])
        with pytest.raises(HubAway):
            await one.shipper.ship()
        assert not one.shipper.has_all_until(99.0)


async def test_an_outage_loses_nothing(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        server.away = "PostgreSQL is starting"
        await one.store.write([record("groq"), record("groq")])
        with pytest.raises(HubAway):
            await one.shipper.ship()
        server.away = ""
        await one.ship()
        assert len(one.kept.rows) == 2


async def test_a_hub_that_forgets_is_filled_again(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        await one.store.write([record("groq")])
        await one.ship()
        before = server.remember()
        await one.store.write([record("groq"), record("groq")])
        await one.ship()
        server.forget(before)
        assert one.kept.head == 1
        await one.store.write([record("groq")])
        await one.ship()
        assert sorted(one.kept.rows) == [1, 2, 3, 4]


async def test_a_restarted_shipper_continues_after_the_hubs_last_row(
    server: FakeServer, tmp_path: Path
) -> None:
    for _ in range(3):
        async with member(server, tmp_path / "a") as one:
            await one.keeper.turn()
            await one.store.write([record("groq")])
            await one.ship()
    assert [sorted(origin.rows) for origin in server.tables.origins.values()] == [[1, 2, 3]]


async def test_a_copied_file_gets_a_name_of_its_own(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        await one.store.write([record("groq"), record("groq")])
        await one.ship()
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes())
    async with member(server, tmp_path / "a") as one, member(server, tmp_path / "b") as two:
        await one.keeper.turn()
        await two.keeper.turn()
        assert one.keeper.origin.id != two.keeper.origin.id
        assert (await two.store.identity()).origin == two.keeper.origin.id
        await two.store.write([record("groq")])
        await two.ship()
        await one.ship()
        assert (sorted(one.kept.rows), sorted(two.kept.rows)) == ([1, 2], [3])


async def test_an_old_copy_in_the_same_place_is_noticed(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.store.write([record("groq")])
    old = (tmp_path / "a").read_bytes()
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        await one.store.write([record("groq"), record("groq")])
        await one.ship()
        first = one.keeper.origin.id
    (tmp_path / "a").write_bytes(old)
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        assert one.keeper.origin.id != first


async def test_another_vantage_is_another_name(server: FakeServer, tmp_path: Path) -> None:
    async with member(server, tmp_path / "a") as one:
        await one.keeper.turn()
        await one.store.write([record("groq")])
        await one.ship()
    async with member(server, tmp_path / "a", vantage="us-1") as one:
        await one.keeper.turn()
        await one.store.write([record("groq")])
        await one.ship()
        assert (one.kept.vantage, sorted(one.kept.rows)) == ("us-1", [2])


async def test_a_sibling_gets_the_checks_and_never_ships_them(
    server: FakeServer, tmp_path: Path
) -> None:
    async with member(server, tmp_path / "a") as one, member(server, tmp_path / "b") as two:
        await one.keeper.turn()
        await two.keeper.turn()
        await one.store.write([record("groq", message="a\0b", state='{"x": 1}')])
        await one.ship()
        await two.reader.fetch()
        (news,) = two.heard
        assert [r.result.message for r in news.checks] == ["a\ufffdb"]
        assert [s.state for s in news.states] == ['{"x": 1}']
        await two.store.write(news.checks)
        await two.ship()
        assert two.kept.rows == {}
        assert (await two.store.identity()).cursors == {one.keeper.origin.id: 1}
        await two.reader.fetch()
        assert len(two.heard) == 1, "nothing is news twice"
