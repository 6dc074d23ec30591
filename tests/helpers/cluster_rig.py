"""Whole trackers of one cluster on virtual time, at a hub in memory that can be made worse."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import attrs
import pytest
import trio
from trio.testing import MockClock

from tracker.cluster.hub import Half, HubAway
from tracker.core.clock import Clock, utc_now
from tracker.core.cluster import ClusterReport
from tracker.core.outcomes import CheckResult, Status
from tracker.core.redaction import Secret
from tracker.core.settings import ClusterSettings, Config, Provider, Timing
from tracker.probes.check import Check
from tracker.runtime import cluster_setup
from tracker.runtime.cluster_task import ClusterTask
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.service import run_tracker
from tracker.runtime.tracker import Tracker
from tracker.testing.clocks import VirtualClock, virtual_clock
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.hub import FakeHub
from tracker.testing.hub_server import FakeServer
from tracker.testing.trio_host import advance

T = TypeVar("T")
NAMES = ("a", "b", "c", "d")
CONTROL = frozenset(
    {"open_origin", "join", "beat", "bury", "claim", "release", "listen", "leave", "held"}
)
TIMING = Timing(interval_seconds=30.0, timeout_seconds=5.0, recheck_seconds=(2.0, 5.0))


@attrs.frozen
class Made:
    """A check that was begun. at: trio seconds; by: the number of the tracker; reached: whether it
    said then that it reaches the hub.
    """

    at: float
    name: str
    by: int
    reached: bool


@attrs.define(eq=False)
class NotedCheck(FakeCheck):
    """A check that tells when it begins."""

    note: Callable[[], None] = lambda: None

    async def __call__(self) -> CheckResult:
        self.note()
        return await super().__call__()


@attrs.define(eq=False)
class ShakyHub:
    """A way to the hub whose connections break, whose answers get lost, and that refuses calls.

    Not a Hub by its type, but by what it passes on. broken: halves whose next call fails, as on a
    connection that was terminated. refused: names of calls that fail. lost: how likely a call has
    its effect but no answer. unanswered: names of calls whose next answer is lost. made: all calls
    with which it became a member, to be made again as if they came late.
    """

    hub: FakeHub
    broken: set[Half] = attrs.field(factory=set)
    refused: frozenset[str] = frozenset()
    lost: float = 0.0
    unanswered: set[str] = attrs.field(factory=set)
    made: list[Callable[[], object]] = attrs.field(factory=list)
    random: Random = attrs.field(factory=lambda: Random(1))

    @property
    def unreachable(self) -> bool:
        """Whether this tracker is cut off."""
        return self.hub.unreachable

    @unreachable.setter
    def unreachable(self, value: bool) -> None:
        self.hub.unreachable = value

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.hub, name)
        if name in {"cut", "close"}:
            return call
        half = Half.CONTROL if name in CONTROL else Half.DATA

        def shake(*args: Any, **more: Any) -> Any:
            if half in self.broken:
                self.broken.remove(half)
                raise HubAway("the connection was ended by the server")
            if name in self.refused:
                raise HubAway("PostgreSQL's disk is full")
            if name in {"open_origin", "join"}:
                self.made.append(partial(call, *args, **more))
            answer = call(*args, **more)
            if name in self.unanswered:
                self.unanswered.remove(name)
                raise HubAway("the connection was closed")
            if self.random.random() < self.lost:
                raise HubAway("the connection was closed")
            return answer

        return shake


@attrs.define(eq=False)
class Member:
    """One tracker of the cluster, and how its providers answer it."""

    tracker: Tracker
    hub: ShakyHub
    checks: dict[str, NotedCheck]
    ended: trio.Event

    @property
    def task(self) -> ClusterTask:
        task = self.tracker._cluster
        assert task is not None
        return task

    @property
    def report(self) -> ClusterReport:
        report = self.tracker.cluster
        assert report is not None
        return report

    def status_of(self, name: str) -> Status:
        return self.tracker.snapshot.providers[name].status

    @property
    def begun(self) -> int:
        return sum(check.begun for check in self.checks.values())


@attrs.define(eq=False)
class Cluster:
    """Starts trackers at one hub and moves the time of all."""

    folder: Path
    time: MockClock
    nursery: trio.Nursery
    clock: VirtualClock
    server: FakeServer
    hubs: dict[str, ShakyHub] = attrs.field(factory=dict)
    members: list[Member] = attrs.field(factory=list)
    made: list[Made] = attrs.field(factory=list)

    async def start(
        self,
        *,
        vantage: str = "eu-1",
        file: str = "",
        names: Collection[str] = NAMES,
        timing: Timing = TIMING,
        ahead: float = 0.0,
        lease_seconds: float = 10.0,
    ) -> Member:
        """``ahead``: seconds by which its wall clock is wrong."""
        late, clock = timedelta(seconds=ahead), self.clock
        number = len(self.members)
        url = f"postgresql://hub/{number}"
        checks = {name: NotedCheck(note=partial(self._note, name, number)) for name in names}
        config = Config(
            database=str(self.folder / (file or f"{number}.db")),
            providers=tuple(Provider(name=name, timing=timing) for name in names),
            cluster=ClusterSettings(url=Secret(url), vantage=vantage, lease_seconds=lease_seconds),
        )

        @asynccontextmanager
        async def open_check(provider: Provider) -> AsyncIterator[Check]:
            await trio.lowlevel.checkpoint()
            yield checks[provider.name]

        ended = trio.Event()

        async def program(task_status: trio.TaskStatus[Tracker]) -> None:
            await run_tracker(
                config,
                clock=Clock(now=lambda: clock.now() + late, steady=clock.steady),
                open_check=open_check,
                canary=LoopMonitor(beat=60.0),
                task_status=task_status,
            )
            ended.set()

        tracker: Tracker = await self.nursery.start(program)
        member = Member(tracker, self.hubs[url], checks, ended)
        self.members.append(member)
        return member

    async def passes(self, seconds: float) -> None:
        await advance(self.time, seconds)

    async def until(self, holds: Callable[[], bool], *, seconds: float = 120.0) -> None:
        """Let time pass until it holds; AssertionError when it never does."""
        for _ in range(int(seconds)):
            if holds():
                return
            await self.passes(1.0)
        raise AssertionError(f"not within {seconds:g} s")

    def doubles(self, within: float) -> list[tuple[Made, Made]]:
        """Return checks that followed another tracker's within so many seconds, each with that one,

        where both said that they reach the hub.
        """
        found, last = [], dict[str, Made]()
        for made in self.made:
            before = last.get(made.name)
            if before is not None and before.by != made.by and made.at - before.at < within:
                found.append((before, made))
            last[made.name] = made
        return [pair for pair in found if pair[0].reached and pair[1].reached]

    def _note(self, name: str, number: int) -> None:
        started = number < len(self.members)
        reached = started and self.members[number].report.hub_up
        self.made.append(Made(trio.current_time(), name, number, reached))


async def run_on_the_loop(job: Callable[..., T], *arguments: Any, **_: Any) -> T:
    """Take the place of a thread: virtual time would have to stand still until it ends."""
    await trio.lowlevel.checkpoint()
    return job(*arguments)


@asynccontextmanager
async def running_cluster(
    folder: Path, time: MockClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    """Make a cluster without members; its trackers end with the context."""
    clock = virtual_clock(start=utc_now(), clock=time)
    server = FakeServer(clock=clock)
    monkeypatch.setattr(trio.to_thread, "run_sync", run_on_the_loop)
    async with trio.open_nursery() as nursery:
        cluster = Cluster(folder, time, nursery, clock, server)

        def make_hub(url: Secret) -> ShakyHub:
            return cluster.hubs.setdefault(url.reveal(), ShakyHub(FakeHub(server)))

        monkeypatch.setattr(cluster_setup, "PostgresHub", make_hub)
        yield cluster
        nursery.cancel_scope.cancel()


def leases(*members: Member) -> int:
    """Return how many leases these have in all."""
    return sum(member.report.leases for member in members)
