"""The alerts of a whole cluster: one tracker opens, stores and sends them; nothing is sent
twice."""

from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import attrs
import pytest

from tracker.alerts.sharing import Role
from tracker.cluster.alerts import SharedAlerts
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Profile
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import Membership
from tracker.cluster.own_origin import OwnOrigin
from tracker.core.clock import Clock
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus, VantageView
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.store import Store, open_store
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeServer

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
INCIDENT = Incident(
    id="i1",
    cause=Cause.PROVIDER,
    subject="groq",
    provider="groq",
    opened_at=AT,
    noticed_at=AT,
    summary="groq is down",
    changes=(AT,),
)
DELIVERY = Delivery(
    key="i1:opened",
    target="webhook 1",
    kind=MessageKind.OPENED,
    incidents=("i1",),
    created_at=AT,
    title="groq is down",
    body="",
)


def snapshot(
    verdict: Status,
    own: Status = Status.HEALTHY,
    *,
    suspect: bool = False,
    alone: bool = False,
    age: float = 1.0,
) -> Snapshot:
    """alone: only us-1 sees it down. age: of the last check, wherever it was made, in seconds."""
    here = Status.HEALTHY if alone else verdict
    view = ProviderStatus(
        name="groq",
        status=own,
        reason="seen here",
        usable=own is not Status.DOWN,
        interval_seconds=300.0,
        timeout_seconds=10.0,
        vantages=(
            VantageView(name="eu-1", status=here, reason="", age_seconds=age),
            VantageView(
                name="us-1",
                status=Status.DOWN if suspect or alone else verdict,
                reason="",
                age_seconds=age,
                suspect=suspect,
            ),
        ),
        cluster_status=verdict,
        cluster_reason="what all say",
    )
    providers = MappingProxyType({"groq": view})
    return Snapshot(timestamp=AT, revision=1, providers=providers, ranking=Ranking(reason=""))


@attrs.define(eq=False)
class World:
    """``now``: steady seconds of all clocks."""

    now: float = 0.0
    server: FakeServer = attrs.field(init=False)
    clock: Clock = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock = Clock(now=lambda: AT, steady=lambda: self.now)
        self.server = FakeServer(clock=self.clock)

    def member(self, store: Store, name: str) -> LeaseKeeper:
        caller = HubCaller(FakeHub(self.server), 5.0)
        return LeaseKeeper(
            caller=caller,
            membership=Membership(10.0, 2.0),
            origin=OwnOrigin(
                caller=caller,
                profile=Profile(vantage="eu-1", origin=""),
                store=store,
                file=lambda: name,
                clock=self.clock,
            ),
            names=lambda: ["groq"],
            gained=lambda _: None,
            handed_over=lambda _: True,
            went_alone=lambda: None,
            notified=lambda: None,
            clock=self.clock,
        )


@pytest.fixture
def world() -> World:
    return World()


async def joined(world: World, *stores: Store) -> list[SharedAlerts]:
    """Members that have taken turns until there is a herald: the first one."""
    keepers = [world.member(store, str(n)) for n, store in enumerate(stores)]
    for _ in range(7):
        for keeper in keepers:
            await keeper.turn()
        world.now += 2.0
    for keeper in keepers:
        await keeper.turn()
    return [SharedAlerts(caller=k.caller, keeper=k, clock=world.clock) for k in keepers]


async def test_there_is_one_herald_and_the_others_know_what_it_wrote(
    world: World, tmp_path: Path
) -> None:
    async with open_store(str(tmp_path / "a")) as a, open_store(str(tmp_path / "b")) as b:
        one, two = await joined(world, a, b)
        assert (one.role(), two.role()) == (Role.HERALD, Role.FOLLOWER)
        assert await one.keep([INCIDENT, DELIVERY], snapshot(Status.DOWN))
        known = await two.load()
        assert known is not None
        assert (known.incidents, known.deliveries) == ((INCIDENT,), (DELIVERY,))
        assert not await two.keep([INCIDENT], snapshot(Status.DOWN)), "it has no lease"


async def test_each_change_is_one_event_whichever_tracker_is_herald(
    world: World, tmp_path: Path
) -> None:
    async with open_store(str(tmp_path / "a")) as a, open_store(str(tmp_path / "b")) as b:
        one, two = await joined(world, a, b)
        await one.keep([], snapshot(Status.HEALTHY))
        await one.keep([], snapshot(Status.HEALTHY))
        await one.keep([INCIDENT], snapshot(Status.DOWN))
        await one.keeper.leave()
        for _ in range(2):
            await two.keeper.turn()
        assert two.role() is Role.HERALD
        assert await two.keep([INCIDENT], snapshot(Status.DOWN))
        assert await two.keep([], snapshot(Status.HEALTHY))
    assert list(world.server.tables.events) == [
        "groq:1",
        "incident:i1:opened",
        "groq:2",
        "groq:3",
    ]


async def test_a_new_herald_does_not_revise_a_status_by_older_evidence(
    world: World, tmp_path: Path
) -> None:
    """Its predecessor judged by a check of its own, and was killed before it had shipped it."""
    async with open_store(str(tmp_path / "a")) as a, open_store(str(tmp_path / "b")) as b:
        one, two = await joined(world, a, b)
        await one.keep([], snapshot(Status.HEALTHY, age=300.0))
        await one.keep([], snapshot(Status.DOWN, age=1.0))
        await one.keeper.leave()
        for _ in range(2):
            await two.keeper.turn()
        world.now += 5.0
        assert await two.keep([], snapshot(Status.HEALTHY, age=305.0))
        assert list(world.server.tables.events) == ["groq:1", "groq:2"]
        assert await two.keep([], snapshot(Status.DOWN, age=1.0))
        assert await two.keep([], snapshot(Status.HEALTHY, age=0.0))
    assert list(world.server.tables.events) == ["groq:1", "groq:2", "groq:3"]


async def test_a_suspect_vantage_is_one_event(world: World, tmp_path: Path) -> None:
    async with open_store(str(tmp_path / "a")) as a:
        (one,) = await joined(world, a)
        await one.keep([], snapshot(Status.HEALTHY))
        await one.keep([], snapshot(Status.HEALTHY, suspect=True))
        await one.keep([], snapshot(Status.HEALTHY, suspect=True))
        await one.keep([], snapshot(Status.HEALTHY))
    assert list(world.server.tables.events) == ["groq:1", "@us-1:1", "@us-1:2"]


async def test_what_one_vantage_alone_sees_is_an_event_once_all_of_it_was_checked(
    world: World, tmp_path: Path
) -> None:
    async with open_store(str(tmp_path / "a")) as a:
        (one,) = await joined(world, a)
        await one.keep([], snapshot(Status.HEALTHY))
        await one.keep([], snapshot(Status.DEGRADED, alone=True))
        assert list(world.server.tables.events) == ["groq:1"]
        world.now += 300.0
        await one.keeper.turn()
        await one.keep([], snapshot(Status.DEGRADED, alone=True))
    assert list(world.server.tables.events) == ["groq:1", "groq:2"]


async def test_a_tracker_that_is_cut_off_sends_its_own_alerts(world: World, tmp_path: Path) -> None:
    async with open_store(str(tmp_path / "a")) as a:
        (one,) = await joined(world, a)
        world.server.away = "PostgreSQL is starting"
        await one.keeper.turn()
        assert one.role() is Role.HERALD, "its lease still holds"
        world.now += 20.0
        assert one.role() is Role.FOLLOWER, "it has not asked: it may have slept"
        await one.keeper.turn()
        assert one.role() is Role.ALONE
        assert await one.load() is None


async def test_acknowledgements_and_mutes_at_other_trackers_are_known(
    world: World, tmp_path: Path
) -> None:
    async with open_store(str(tmp_path / "a")) as a, open_store(str(tmp_path / "b")) as b:
        one, two = await joined(world, a, b)
        await one.keep([INCIDENT], snapshot(Status.DOWN))
        await two.acknowledge("i1", "ann")
        await two.mute("groq", 10.0)
        known = await one.load()
        assert known is not None
        assert known.incidents[0].acknowledged_by == "ann"
        assert (known.mutes["groq"] - AT).total_seconds() == 600.0


def test_the_cluster_status_uses_the_views_of_all_vantages(world: World) -> None:
    shared = SharedAlerts(caller=None, keeper=None)
    seen = shared.view(snapshot(Status.DOWN)).providers["groq"]
    assert (seen.status, seen.reason, seen.usable) == (Status.DOWN, "what all say", True)
    seen = shared.view(snapshot(Status.HEALTHY, own=Status.DOWN)).providers["groq"]
    assert (seen.status, seen.usable) == (Status.HEALTHY, True)
    same = snapshot(Status.HEALTHY)
    assert shared.view(same).providers["groq"] is same.providers["groq"]
