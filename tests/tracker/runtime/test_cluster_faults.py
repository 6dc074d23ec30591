"""Faults of the hub under whole trackers on virtual time: no check is made twice by two trackers

that both reach the hub, and none is left out for long.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable
from random import Random

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.cluster_rig import Cluster, Member
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Half, Hub, HubAway
from tracker.core.settings import Timing

NAMES = tuple("abcdef")
LEASE = 5.0
# Checks far more often than a lease lasts: whatever waits for a lease would be seen.
OFTEN = Timing(interval_seconds=2.0, timeout_seconds=2.0, recheck_seconds=(2.0,))
FAULT_SECONDS = 2.0 * LEASE


async def start(cluster: Cluster, number: int) -> list[Member]:
    """Start so many trackers and wait until they share the checks."""
    members = [
        await cluster.start(names=NAMES, timing=OFTEN, lease_seconds=LEASE) for _ in range(number)
    ]
    await until_shared(cluster)
    cluster.made.clear()
    return members


async def until_shared(cluster: Cluster) -> None:
    least = len(NAMES) // len(cluster.members)

    def shared() -> bool:
        reports = [member.report for member in cluster.members]
        fair = all(each.leases in {least, least + 1} and each.hub_up for each in reports)
        # Until the last holder's checks are known, a fault may have both check what changed hands.
        known = not any(member.task.sharing._gained for member in cluster.members)
        return fair and known and sum(each.leases for each in reports) == len(NAMES)

    await cluster.until(shared)


async def check_what_came_of_it(cluster: Cluster, longest: float) -> None:
    """longest: the seconds for which a provider may have been without a check."""
    await until_shared(cluster)
    await cluster.passes(FAULT_SECONDS)
    assert cluster.doubles(OFTEN.interval_seconds / 2.0) == []
    gaps = {}
    for name in NAMES:
        moments = [made.at for made in cluster.made if made.name == name]
        gaps[name] = max(b - a for a, b in itertools.pairwise(moments))
    assert max(gaps.values()) <= longest, gaps


@pytest.fixture(params=[2, 3])
def number(request: pytest.FixtureRequest) -> int:
    return int(request.param)


async def test_restarts(cluster: Cluster, mock_clock: MockClock, number: int) -> None:
    members = await start(cluster, number)
    for _ in range(3):
        cluster.server.away = "PostgreSQL is starting"
        for member in members:
            member.hub.broken = set(Half)
        await cluster.passes(0.6)
        cluster.server.away = ""
        cluster.server.restart()
        await cluster.passes(1.0)
    await check_what_came_of_it(cluster, 5.0)


@pytest.mark.parametrize("lost", [0.0, 0.1])
async def test_storm(cluster: Cluster, mock_clock: MockClock, number: int, lost: float) -> None:
    members = await start(cluster, number)
    for _ in range(int(2 * FAULT_SECONDS)):
        for member in members:
            member.hub.broken, member.hub.lost = set(Half), lost
        await cluster.passes(0.5)
    for member in members:
        member.hub.lost = 0.0
    await check_what_came_of_it(cluster, 5.0)


async def test_failover(cluster: Cluster, mock_clock: MockClock, number: int) -> None:
    members = await start(cluster, number)
    kept = cluster.server.remember()
    await cluster.passes(LEASE)
    for member in members:
        member.hub.broken = set(Half)
    cluster.server.away = "nothing listens there"
    await cluster.passes(1.5)
    cluster.server.away = ""
    cluster.server.forget(kept)
    await check_what_came_of_it(cluster, 5.0)


async def test_long_restart(cluster: Cluster, mock_clock: MockClock, number: int) -> None:
    members = await start(cluster, number)
    for member in members:
        member.hub.broken = set(Half)
    cluster.server.away = "nothing listens there"
    await cluster.passes(FAULT_SECONDS)
    cluster.server.away = ""
    cluster.server.restart()
    await check_what_came_of_it(cluster, 12.0)


@pytest.mark.parametrize("later", [0.0, 0.7, 2.5])
async def test_limit(cluster: Cluster, mock_clock: MockClock, number: int, later: float) -> None:
    members = await start(cluster, number)
    for member in members:
        member.hub.unreachable = True
    await cluster.passes(FAULT_SECONDS)
    for member in members:
        member.hub.unreachable = False
        await cluster.passes(later)
    await check_what_came_of_it(cluster, 5.0)


@attrs.define(eq=False)
class Silence:
    """A network that swallows all: a call ends when it is late, or cut when the network is back.

    What was on its way may reach the hub all the same, at once or when the network is back; the
    answer never arrives. silent: the hubs, by their tracker, to which nothing leads now.
    """

    random: Random
    silent: dict[object, trio.Event] = attrs.field(factory=dict)
    _turns: dict[tuple[object, Half], trio.Lock] = attrs.field(
        factory=lambda: defaultdict(trio.Lock)
    )

    def fall_on(self, member: Member) -> None:
        self.silent[member.hub] = trio.Event()

    def leave(self, member: Member) -> None:
        self.silent.pop(member.hub).set()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = HubCaller._call

        async def call(
            caller: HubCaller,
            half: Half,
            limiter: trio.CapacityLimiter,
            job: Callable[[Hub], object],
            seconds: float,
        ) -> object:
            back = self.silent.get(caller.hub)
            if back is None:
                return await usual(caller, half, limiter, job, seconds)
            # Not the limiter: until its tokens are free, virtual time waits for its thread.
            async with self._turns[caller.hub, half]:
                arrives = self.random.choice(("at once", "late", "never"))
                if arrives == "at once":
                    job(caller.hub)
                with trio.move_on_after(seconds):
                    await back.wait()
                    if arrives == "late":
                        job(caller.hub)
                    raise HubAway("the connection was closed")
                raise HubAway(f"no answer within {seconds:g} s")

        monkeypatch.setattr(HubCaller, "_call", call)


@pytest.mark.parametrize("seed", range(3))
async def test_silence(
    cluster: Cluster,
    mock_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    seed: int,
) -> None:
    """Each loses and finds the hub at a moment of its own, as on a busy machine."""
    random = Random(seed)
    silence = Silence(random)
    silence.install(monkeypatch)
    members = await start(cluster, number)
    for change in (silence.fall_on, silence.leave):
        for member in random.sample(members, number):
            change(member)
            await cluster.passes(random.choice((0.0, 0.1, 0.4, 1.3)))
        await cluster.passes(FAULT_SECONDS if change == silence.fall_on else 0.0)
    await check_what_came_of_it(cluster, 5.0)


async def test_full(cluster: Cluster, mock_clock: MockClock, number: int) -> None:
    members = await start(cluster, number)
    for member in members:
        member.hub.refused = frozenset({"ship"})
    await cluster.passes(FAULT_SECONDS)
    for member in members:
        member.hub.refused = frozenset()
    await check_what_came_of_it(cluster, 5.0)


async def test_what_arrives_long_after_it_was_sent(cluster: Cluster, mock_clock: MockClock) -> None:
    members = await start(cluster, 2)
    known = [member.task.keeper.membership.member for member in members]
    for member in members:
        for call in tuple(member.hub.made):
            call()
    await check_what_came_of_it(cluster, 5.0)
    assert [member.task.keeper.membership.member for member in members] == known


async def test_a_join_without_an_answer(cluster: Cluster, mock_clock: MockClock) -> None:
    one, _ = await start(cluster, 2)
    membership = one.task.keeper.membership
    before, one.hub.unanswered = membership.member, {"join"}
    cluster.server.restart()
    await cluster.until(lambda: membership.member not in {None, before})
    kept, ours = cluster.server.tables.members, one.task.keeper.origin.id
    assert [member for member, known in kept.items() if known.who.origin == ours] == [
        membership.member
    ]
    await check_what_came_of_it(cluster, 5.0)
