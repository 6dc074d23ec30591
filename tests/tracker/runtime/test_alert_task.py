"""The alerts of a whole tracker on virtual time, with its database, killed and restarted."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.helpers.alert_rig import Rig, Sharing
from tests.helpers.alert_scenario import START, a_down_provider, config_of, snapshot_of
from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.idle_tracker import a_provider
from tests.helpers.turn_timer import timed_turns
from tests.helpers.waiting import wait_until
from tracker.alerts.state import AlertState
from tracker.alerts.targets import Sender
from tracker.core.clock import Clock
from tracker.core.incidents import Delivery, Incident, MessageKind
from tracker.core.records import Record
from tracker.core.redaction import Secret
from tracker.core.settings import AlertSettings, AlertTarget, Config, Provider, Timing
from tracker.core.snapshot import Snapshot
from tracker.testing.database_file import DatabaseFile
from tracker.testing.fake_checks import FakeCheck
from tracker.testing.provider_behavior import ProviderBehavior
from tracker.testing.tracker_harness import TrackerHarness

MOST_MS = 25.0


@attrs.define
class Target:
    """In the place of a receiver. hanging: it takes a message, but never says so."""

    received: list[Delivery] = attrs.field(factory=list)
    hanging: bool = False
    error: str = ""

    async def send(self, _sender: object, _target: object, delivery: Delivery, *_: object) -> str:
        await trio.lowlevel.checkpoint()
        if self.error:
            return self.error
        self.received.append(delivery)
        if self.hanging:
            await trio.sleep_forever()
        return ""

    @property
    def kinds(self) -> list[MessageKind]:
        return [delivery.kind for delivery in self.received]


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    target = Target()

    async def send(sender: Sender, *arguments: object) -> str:
        return await target.send(sender, *arguments)

    monkeypatch.setattr(Sender, "send", send)
    return target


@contextmanager
def running(folder: Path) -> Iterator[TrackerHarness]:
    """Yield a tracker with one healthy provider, six minutes after the start."""
    disk = DatabaseFile(folder / "alerts.db")
    timing = Timing(interval_seconds=30.0, timeout_seconds=5.0, recheck_seconds=(2.0, 5.0))
    config = Config(
        database=str(disk.path),
        providers=(Provider(name="a", timing=timing),),
        alerts=AlertSettings(targets=(AlertTarget(name="json 1", url=Secret("json://x.example")),)),
    )
    harness = TrackerHarness(config, {"a": FakeCheck()}, disk)
    harness.start()
    try:
        harness.passes(360.0)
        yield harness
    finally:
        harness.host.close()
        disk.close()


def test_an_outage_and_its_end_are_announced(tmp_path: Path, target: Target) -> None:
    with running(tmp_path) as harness:
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(120.0)
        assert target.kinds == [MessageKind.OPENED]
        shown = harness.tracker.snapshot.incidents.incidents
        assert {each.cause.value for each in shown} == {"provider", "nothing_usable"}
        assert all(each.notified for each in shown)
        harness.checks["a"].mood = ProviderBehavior.OK
        harness.passes(120.0)
        assert target.kinds == [MessageKind.OPENED, MessageKind.RESOLVED]
        counts = harness.tracker.health().alerts
        assert (counts.sent, counts.resolved, counts.waiting, counts.open) == (1, 1, 0, 0)
        assert counts.opened == 2


def test_a_kill_between_sending_and_noting_repeats_it_with_the_same_key(
    tmp_path: Path, target: Target
) -> None:
    with running(tmp_path) as harness:
        target.hanging = True
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(120.0)
        assert len(target.received) == 1
        harness.kill()
        target.hanging = False
        harness.start()
        harness.passes(600.0)
        assert target.kinds == [MessageKind.OPENED] * 2
        assert len({delivery.key for delivery in target.received}) == 1


def test_a_restart_during_an_outage_announces_nothing_twice(tmp_path: Path, target: Target) -> None:
    with running(tmp_path) as harness:
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(120.0)
        harness.stop()
        harness.start()
        harness.passes(600.0)
        assert target.kinds == [MessageKind.OPENED]
        harness.checks["a"].mood = ProviderBehavior.OK
        harness.passes(120.0)
        assert target.kinds == [MessageKind.OPENED, MessageKind.RESOLVED]


def test_a_failing_target_is_a_problem_of_the_tracker_and_is_tried_again(
    tmp_path: Path, target: Target
) -> None:
    with running(tmp_path) as harness:
        target.error = "it answered 500"
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(300.0)
        problems = harness.look().health.problems
        assert "the alert target json 1 cannot be reached: it answered 500" in problems
        target.error = ""
        harness.passes(600.0)
        assert target.kinds == [MessageKind.OPENED]
        assert not [p for p in harness.look().health.problems if "alert" in p]


def test_muting_and_acknowledging_last_over_a_restart(tmp_path: Path, target: Target) -> None:
    with running(tmp_path) as harness:
        until = harness.do(lambda: harness.tracker.incidents.mute("a", 60.0))
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(120.0)
        log = harness.tracker.snapshot.incidents
        incident = next(each for each in log.incidents if each.provider == "a")
        assert incident.muted_until == until
        harness.do(lambda: harness.tracker.incidents.acknowledge(incident.id, "anna"))
        harness.passes(1.0)
        harness.stop()
        harness.start()
        harness.passes(30.0)
        log = harness.tracker.snapshot.incidents
        again = next(each for each in log.incidents if each.id == incident.id)
        assert again.acknowledged_by == "anna"
        assert set(log.mutes) == {"a"}


def test_a_test_message_goes_to_every_target(tmp_path: Path, target: Target) -> None:
    with running(tmp_path) as harness:
        assert harness.do(harness.tracker.incidents.test_alerts) == [("json 1", "")]
        assert target.kinds == [MessageKind.TEST]


async def test_thousands_of_incidents_at_once_never_hold_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the event loop their steps took 42 to 60 ms each."""
    monkeypatch.setattr("tracker.runtime.alert_task.STEP_SECONDS", 0.01)
    names = [f"p{number}" for number in range(3_000)]
    rig = Rig(config_of(*names, targets=("webhook 1",), page=("provider", "nothing_usable")))
    task = rig.task("one", shared=False)
    moment = START
    task.clock = Clock(now=lambda: moment)
    well = [a_provider(name) for name in names]
    wrong = [a_down_provider(name, START + timedelta(minutes=6)) for name in names]
    script = [(well, 0.0), (wrong, 6.0), (wrong, 7.0), (well, 20.0), (well, 22.0)]
    moments = [START + timedelta(minutes=minutes) for _, minutes in script]
    snapshots = [
        attrs.evolve(snapshot_of(views, at), revision=number)
        for number, ((views, _), at) in enumerate(zip(script, moments, strict=True), 2)
    ]

    def shown() -> Sequence[Incident]:
        return rig.logs["one"].incidents

    def post() -> None:
        nonlocal moment
        snapshot = snapshots.pop(0)
        moment = snapshot.timestamp
        task.board.post(snapshot)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(task.run)
        post()
        await wait_until(lambda: task.state.watching_since is not None)
        with no_collector(), timed_turns() as timer:
            post()
            await wait_until(lambda: len(shown()) > len(names))
            post()
            await wait_until(lambda: rig.receiver.kinds() == ["opened"])
            await task.mute(names[0], 0.5)
            await task.acknowledge(shown()[-1].id, "anna")
            post()
            await wait_until(lambda: all(each.closed_at is not None for each in shown()))
            post()
            await wait_until(lambda: rig.receiver.kinds() == ["opened", "resolved"])
        nursery.cancel_scope.cancel()
    assert len(rig.receiver.heard[0][1].incidents) == len(names) + 1
    assert fair_ms(timer.worst) <= MOST_MS


async def test_what_people_say_during_a_long_step_is_kept_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker.runtime.alert_task.STEP_SECONDS", 0.01)
    monkeypatch.setattr("tracker.runtime.alert_task.MANY", -1)
    rig = Rig()
    task = rig.task("one", shared=False)
    step, begun, go_on = task.state.step, trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def slow_step(snapshot: Snapshot, now: datetime) -> Sequence[Record]:
        found = step(snapshot, now)
        token.run_sync_soon(begun.set)
        assert go_on.wait(10.0)
        return found

    monkeypatch.setattr(AlertState, "step", lambda _, *arguments: slow_step(*arguments))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task.run)
        await begun.wait()
        nursery.start_soon(task.mute, "a", 60.0)
        await trio.testing.wait_all_tasks_blocked()
        assert not task.state.mutes
        go_on.set()
        await wait_until(lambda: set(rig.logs["one"].mutes) == {"a"})
        nursery.cancel_scope.cancel()


async def test_a_message_is_not_sent_again_while_its_success_waits_to_be_noted(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine a step held the state, and the message was still due when it ended."""
    rig, keep = Rig(), Sharing.keep

    async def keep_slowly(self: Sharing, *arguments: Any) -> bool:
        await trio.sleep(5.0)
        return await keep(self, *arguments)

    monkeypatch.setattr(Sharing, "keep", keep_slowly)
    rig.receiver.seconds = 3.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.run, "one")
        await rig.passes(360.0)
        rig.fail()
        await rig.passes(600.0)
        nursery.cancel_scope.cancel()
    assert rig.receiver.kinds() == ["opened"]
