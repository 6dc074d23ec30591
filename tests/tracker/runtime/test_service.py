"""The whole tracker on virtual time, with a real database file."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import attrs
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.helpers.factories import finding, provider
from tracker import Config, Tracker, get_healthiest_provider, run_tracker
from tracker.core.backoff import Backoff
from tracker.core.outcomes import CheckResult, OutcomeKind, Status
from tracker.core.provider_status import Uptime
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.core.shared_wakes import MANY_PROVIDERS
from tracker.health import check_recording
from tracker.probes.check import Check, FunctionCheck
from tracker.runtime import history_loader as handle
from tracker.runtime import restore
from tracker.runtime.check_recorder import CheckRecorder
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.mailbox import StoppedError
from tracker.runtime.messages import ActorCrashed
from tracker.runtime.restarting_task import RestartBudgetExceededError
from tracker.testing import VirtualClock, advance, virtual_clock


@attrs.define
class World:
    """Providers by name with the kind they answer; ``clock`` and ``time`` are the tracker's."""

    time: MockClock
    folder: Path
    kinds: dict[str, OutcomeKind] = attrs.field(factory=dict)
    retry_after: dict[str, float] = attrs.field(factory=dict)
    clock: VirtualClock = attrs.field(factory=virtual_clock)
    tracker: Tracker = attrs.field(init=False)

    @asynccontextmanager
    async def open(self, settings: Provider) -> AsyncIterator[Check]:
        async def check() -> CheckResult:
            await trio.lowlevel.checkpoint()
            kind = self.kinds.get(settings.name, OutcomeKind.OK)
            if kind is OutcomeKind.INTERNAL:
                raise ZeroDivisionError("a bug of ours")
            retry_after = self.retry_after.get(settings.name)
            return finding(kind, latency_ms=100.0 + len(settings.name), retry_after=retry_after)

        yield FunctionCheck(check)

    def config(self, *names: str, **more: Any) -> Config:
        providers = tuple(provider(name, interval_seconds=60.0) for name in names)
        return Config(database=str(self.folder / "p.db"), providers=providers, **more)

    @asynccontextmanager
    async def running(self, config: Config) -> AsyncIterator[Tracker]:
        async with trio.open_nursery() as nursery:
            self.tracker = await nursery.start(self.start, config)
            await self.passes(1.0)
            yield self.tracker
            self.tracker.stop()
            await self.passes(5.0)

    async def start(self, config: Config, task_status: Any) -> None:
        await run_tracker(
            config,
            clock=self.clock,
            open_check=self.open,
            backoff=Backoff(budget=3),
            canary=LoopMonitor(beat=10.0),
            task_status=task_status,
        )

    async def time_goes_on(self, seconds: float) -> None:
        """While there is no tracker yet, whose store could be waited for."""
        for _ in range(math.ceil(seconds)):
            await wait_all_tasks_blocked(0.02)
            self.time.jump(1.0)

    async def passes(self, seconds: float) -> None:
        store = self.tracker._store
        await advance(self.time, seconds, store.worker, store.readers)

    def rows(self, sql: str = "SELECT count(*) FROM checks") -> Any:
        connection = self.connect()
        found = connection.execute(sql).fetchall()
        connection.close()
        return found

    def connect(self) -> apsw.Connection:
        """By the same library: two copies of SQLite in a process do not see each other's locks."""
        return apsw.Connection(str(self.folder / "p.db"))


@pytest.fixture
async def world(mock_clock: MockClock, tmp_path: Path) -> World:
    return World(time=mock_clock, folder=tmp_path)


async def while_advancing(world: World, job: Callable[[], Awaitable[Any]]) -> Any:
    answers = []

    async def run() -> None:
        answers.append(await job())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await world.passes(1.0)
    return answers[0]


async def test_all_are_checked_at_once_and_the_best_is_named(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["bb"] = OutcomeKind.SERVER
    async with world.running(world.config("a", "bb", "ccc")) as tracker:
        snapshot = tracker.snapshot
        assert {n: p.status for n, p in snapshot.providers.items()} == {
            "a": Status.HEALTHY,
            "bb": Status.DEGRADED,
            "ccc": Status.HEALTHY,
        }
        assert snapshot.swept
        assert tracker.get_healthiest_provider() == get_healthiest_provider(tracker) == "a"
        assert [line.provider for line in snapshot.ranking.ranked] == ["a", "ccc", "bb"]


async def test_the_end_of_the_first_sweep_is_posted_without_waiting_for_others_to_share_it(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config(*(f"p{n:02}" for n in range(40)))) as tracker:
        snapshot = tracker.snapshot
        assert snapshot.swept
        assert snapshot.timestamp == max(p.last_check for p in snapshot.providers.values())


async def test_a_failing_best_is_replaced_and_returns_after_recovery(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        world.kinds["a"] = OutcomeKind.CONNECT
        await world.passes(120.0)
        assert tracker.snapshot.providers["a"].status is Status.DOWN
        assert tracker.get_healthiest_provider() == "bb"
        world.kinds["a"] = OutcomeKind.OK
        await world.passes(240.0)
        assert tracker.snapshot.providers["a"].status is Status.HEALTHY


async def test_every_result_is_stored_before_it_ends(world: World, mock_clock: MockClock) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(300.0)
        checks = sum(p.checks_24h for p in tracker.snapshot.providers.values())
    assert world.rows() == [(checks,)]


async def test_after_a_restart_statistics_and_status_go_on(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.SERVER
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(130.0)
        before = tracker.snapshot.providers["a"]
    assert before.status is Status.DOWN
    async with trio.open_nursery() as nursery:
        config = attrs.evolve(world.config("a", "bb"), schedule=False)
        tracker = world.tracker = await nursery.start(world.start, config)
        after = tracker.snapshot.providers["a"]
        tracker.stop()
        await world.passes(5.0)
    kept = ("status", "consecutive_failures", "uptime", "checks_24h", "last_check", "outcome")
    assert [getattr(after, k) for k in kept] == [getattr(before, k) for k in kept]


async def test_a_row_of_long_ago_is_stale_not_recommended(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")):
        pass
    await advance(world.time, 6 * 86_400.0)
    async with trio.open_nursery() as nursery:
        config = world.config("a", schedule=False)
        tracker = world.tracker = await nursery.start(world.start, config)
        seen = tracker.snapshot.providers["a"]
        assert (seen.status, seen.stale, tracker.get_healthiest_provider()) == (
            Status.UNKNOWN,
            True,
            None,
        )
        tracker.stop()
        await world.passes(5.0)


async def test_a_checked_on_request_is_in_the_snapshot_when_it_is_answered(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a", schedule=False)) as tracker:
        assert tracker.snapshot.providers["a"].status is Status.UNKNOWN
        outcomes = await while_advancing(world, lambda: tracker.check("a"))
        assert outcomes["a"].kind is OutcomeKind.OK
        assert tracker.snapshot.providers["a"].status is Status.HEALTHY
        with pytest.raises(KeyError):
            await tracker.check("nobody")


async def test_a_provider_whose_actor_is_past_its_budget_is_unknown_and_others_continue(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.INTERNAL
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(60.0)
        seen = tracker.snapshot.providers["a"]
        assert (seen.status, seen.usable) == (Status.UNKNOWN, False)
        assert seen.reason == (
            "the task that checks it crashed too often and is now retried only at long intervals: "
            "ZeroDivisionError: a bug of ours"
        )
        assert tracker.snapshot.providers["bb"].status is Status.HEALTHY
        health = tracker.health()
        assert (health.status, health.actors["a"].state) == ("degraded", "given up")
        await tracker.tune("a", interval_seconds=30.0)
        world.kinds["a"] = OutcomeKind.OK
        await world.passes(60.0)
        assert tracker.snapshot.providers["a"].status is Status.HEALTHY


async def test_a_tuned_interval_holds_at_once_and_after_a_restart(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await tracker.tune("a", interval_seconds=20.0)
        assert tracker.snapshot.providers["a"].interval_seconds == 20.0
        assert tracker.snapshot.providers["a"].interval_overridden
        await world.passes(1.0)
    async with world.running(world.config("a")) as tracker:
        assert tracker.config.provider("a").timing.interval_seconds == 20.0
        await tracker.tune("a", interval_seconds=None)
        assert tracker.config.provider("a").timing.interval_seconds == 60.0
        assert not tracker.snapshot.providers["a"].interval_overridden


async def test_an_impossible_interval_is_refused_and_changes_nothing(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        for wrong in (0.0, -1.0, 9.99, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="interval"):
                await tracker.tune("a", interval_seconds=wrong)
        with pytest.raises(KeyError):
            await tracker.tune("nobody", interval_seconds=60.0)
        assert tracker.snapshot.providers["a"].interval_seconds == 60.0


async def test_a_provider_switched_off_is_shown_but_not_used(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        await tracker.tune("a", enabled=False)
        seen = tracker.snapshot.providers["a"]
        assert (seen.status, seen.enabled, seen.next_check) == (Status.UNKNOWN, False, None)
        assert tracker.get_healthiest_provider() == "bb"
        count = seen.checks_24h
        await world.passes(300.0)
        assert tracker.snapshot.providers["a"].checks_24h == count
        await tracker.tune("a", enabled=True)
        await world.passes(1.0)
        assert tracker.snapshot.providers["a"].status is Status.HEALTHY


async def test_a_reload_touches_only_what_changed(world: World, mock_clock: MockClock) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(10.0)
        await tracker.reload(world.config("bb", "ccc"))
        await world.passes(1.0)
        assert set(tracker.snapshot.providers) == {"bb", "ccc"}
        assert tracker.snapshot.providers["bb"].checks_24h == 1
        assert tracker.snapshot.providers["ccc"].status is Status.HEALTHY


async def test_results_wait_while_the_database_is_locked_and_are_then_written(
    world: World,
    mock_clock: MockClock,
) -> None:
    async with world.running(world.config("a")) as tracker:
        await world.passes(5.0)
        other = world.connect()
        other.execute("BEGIN EXCLUSIVE")
        await world.passes(75.0)
        health = tracker.health()
        assert (health.database.state, health.status) == ("unavailable", "degraded")
        assert health.database.buffered > 0
        assert tracker.get_healthiest_provider() == "a"
        other.execute("ROLLBACK")
        other.close()
        await world.passes(5.0)
        assert tracker.health().database.state == "ok"
        assert tracker.health().database.buffered == 0
        checks = tracker.snapshot.providers["a"].checks_24h
    assert world.rows() == [(checks,)]


async def test_the_wall_clock_may_jump_and_moves_no_check(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await world.passes(200.0)
        count = tracker.snapshot.providers["a"].checks_24h
        for jump in (-3600.0, 3600.0, 3600.0, -3600.0):
            world.clock.jump_wall(jump)
            await world.passes(60.0)
        seen = tracker.snapshot.providers["a"]
        assert seen.checks_24h - count in {3, 4, 5}
        assert (seen.status, seen.uptime.hour) == (Status.HEALTHY, 100.0)


async def test_a_provider_that_is_not_checked_becomes_stale(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await world.passes(10.0)
        tracker._supervisor._actors["a"].scope.cancel()  # its actor is gone without a word
        await world.passes(4 * 60.0 + 120.0)
        seen = tracker.snapshot.providers["a"]
        assert (seen.status, seen.stale, seen.usable) == (Status.UNKNOWN, True, False)


async def test_a_bug_in_the_aggregator_is_restarted_on_its_state(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a")) as tracker:
        aggregator = tracker._aggregator
        publish, failures = aggregator._publish_in_steps, iter([True])

        def broken(_: Any) -> Any:
            if next(failures, False):
                raise ZeroDivisionError("a bug of ours")
            return publish()

        monkeypatch.setattr(type(aggregator), "_publish_in_steps", broken)
        await world.passes(200.0)
        health = tracker.health()
        assert (health.aggregator_restarts, health.reports_dropped) == (1, 0)
        checks = tracker.snapshot.providers["a"].checks_24h
        assert checks >= 3
    assert world.rows() == [(checks,)]


async def test_a_report_that_crashes_the_aggregator_twice_is_dropped_and_counted(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        state = tracker._aggregator.providers["a"]
        record_check = type(state).record_check

        def broken(self: Any, *rest: Any, **more: Any) -> Any:
            if self is state:
                raise ZeroDivisionError("a bug of ours")
            return record_check(self, *rest, **more)

        monkeypatch.setattr(type(state), "record_check", broken)
        await world.passes(70.0)
        assert tracker.health().reports_dropped == 1
        monkeypatch.undo()
        await world.passes(70.0)
        assert tracker.snapshot.providers["bb"].checks_24h >= 2


async def test_a_check_whose_log_line_fails_is_counted_and_stored_once(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a")) as tracker:
        real, failures = CheckRecorder._log_result, iter([OSError("the log is gone")])

        def log_result(recorder: CheckRecorder, result: CheckResult) -> None:
            if failure := next(failures, None):
                raise failure
            real(recorder, result)

        monkeypatch.setattr(CheckRecorder, "_log_result", log_result)
        await world.passes(60.0)
        assert next(failures, None) is None
        checks = tracker.snapshot.providers["a"].checks_24h
    assert world.rows() == [(checks,)]


async def test_no_check_is_planned_for_a_given_up_or_disabled_provider(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.INTERNAL
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(300.0)
        views, ranking = tracker.snapshot.providers, tracker.snapshot.ranking
        assert "crashed too often" in views["a"].reason
        assert views["a"].next_check is None
        assert ranking.valid_until is not None
        assert ranking.valid_until >= views["bb"].next_check
        assert tracker.health().problems
        await while_advancing(world, lambda: tracker.tune("a", enabled=False))
        assert not any("could not be made" in problem for problem in tracker.health().problems)


async def test_an_actor_that_runs_again_is_not_called_given_up(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.INTERNAL
    async with world.running(world.config("a")) as tracker:
        await world.passes(300.0)
        state = tracker._aggregator.providers["a"]
        del world.kinds["a"]
        await while_advancing(world, lambda: tracker.tune("a", interval_seconds=60.0))
        state.given_up = "the last word of the actor before"  # told behind the change
        await world.passes(120.0)
        assert tracker.snapshot.providers["a"].status is Status.HEALTHY


async def test_a_provider_removed_and_added_back_continues_with_its_old_state(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.SERVER
    both, one = world.config("a", "bb"), world.config("bb")
    async with world.running(both) as tracker:
        await world.passes(70.0)
        del world.kinds["a"]
        before = tracker.snapshot.providers["a"].checks_24h
        await while_advancing(world, lambda: tracker.reload(one))
        assert set(tracker.snapshot.providers) == {"bb"}
        await while_advancing(world, lambda: tracker.reload(both))
        found = tracker.snapshot.providers["a"]
        assert found.checks_24h == before + 1
        assert found.uptime.day == pytest.approx(100.0 / (before + 1))
        await while_advancing(world, lambda: tracker.reload(one))
    async with world.running(one) as tracker:  # it was not in the file at this start
        await while_advancing(world, lambda: tracker.reload(both))
        assert tracker.snapshot.providers["a"].checks_24h == before + 2


async def test_a_limit_that_a_failure_hides_is_the_reason_why_it_is_left_out(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds["a"] = OutcomeKind.RATE_LIMITED
    async with world.running(world.config("a", "bb")) as tracker:
        world.kinds["a"] = OutcomeKind.SERVER
        await while_advancing(world, lambda: tracker.check("a"))
        (left_out,) = tracker.snapshot.ranking.excluded
        assert left_out.reason == "its rate limit is used up; last check: server error"


async def test_the_reason_says_until_when_a_limit_blocks(
    world: World, mock_clock: MockClock
) -> None:
    world.kinds |= {"a": OutcomeKind.RATE_LIMITED, "bb": OutcomeKind.RATE_LIMITED}
    world.retry_after = {"a": 600.0, "bb": 3 * 86_400.0}
    async with world.running(world.config("a", "bb")) as tracker:
        for provider in tracker.snapshot.providers.values():
            day = "" if provider.name == "a" else f"{provider.usable_at:%Y-%m-%d} "
            until = (
                f"limited until {day}{provider.usable_at:%H:%M:%S} UTC; last check: rate limited"
            )
            assert provider.reason == until


async def test_an_aggregator_past_its_budget_ends_the_tracker_with_an_error(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug of ours")

    with pytest.raises(BaseExceptionGroup) as crash:
        async with world.running(world.config("a")) as tracker:
            monkeypatch.setattr(type(tracker._aggregator), "_publish_in_steps", broken)
            await world.passes(300.0)
    assert crash.group_contains(RestartBudgetExceededError, match="the aggregator crashed 3 times")


async def test_with_nothing_to_watch_it_is_ready(world: World, mock_clock: MockClock) -> None:
    async with world.running(world.config()) as tracker:
        assert tracker.snapshot.swept
        assert tracker.health().ready
        assert tracker.get_healthiest_provider() is None


async def test_a_database_path_that_is_a_folder_is_reported_and_tolerated(
    world: World, mock_clock: MockClock
) -> None:
    (world.folder / "p.db").mkdir()
    async with world.running(world.config("a")) as tracker:
        assert tracker.get_healthiest_provider() == "a"
        assert tracker.health().database.state == "unavailable"


async def test_an_unreadable_history_is_reported_once_with_the_reason(
    world: World, mock_clock: MockClock
) -> None:
    config = attrs.evolve(world.config("a"), database=str(world.folder / "absent" / "p.db"))
    with capture_logs() as lines:
        async with world.running(config):
            await world.passes(30.0)
    (told,) = [line["reason"] for line in lines if "history cannot be read" in line["event"]]
    assert told == f"its folder {world.folder / 'absent'} does not exist; create it"


async def test_the_ranking_is_valid_until_a_check_under_way_must_be_over(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        snapshot = tracker.snapshot
        due = min(p.next_check for p in snapshot.providers.values())
        assert snapshot.ranking.valid_until == due
        late = next(p for p in snapshot.providers.values() if p.next_check == due)
        assert late.next_result_at(due) == due + timedelta(seconds=late.timeout_seconds)
        assert late.next_result_at(due + timedelta(hours=1)) == due + timedelta(hours=1)


async def test_an_interval_beyond_a_week_is_refused(world: World, mock_clock: MockClock) -> None:
    async with world.running(world.config("a")) as tracker:
        with pytest.raises(ValueError, match="interval_seconds"):
            await tracker.tune("a", interval_seconds=1e12)
        await tracker.tune("a", interval_seconds=604_800.0)
        await while_advancing(world, lambda: tracker.check("a"))
        assert tracker.snapshot.providers["a"].next_check is not None


async def test_once_ready_a_provider_that_is_added_does_not_make_it_unready(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        world.kinds["bb"] = OutcomeKind.INTERNAL
        await tracker.reload(world.config("a", "bb"))
        assert tracker.snapshot.providers["bb"].last_check is None
        assert tracker.health().ready


async def test_a_reset_override_shows_nowhere_after_a_restart(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await tracker.tune("a", interval_seconds=20.0, enabled=True)
        await tracker.tune("a", interval_seconds=None, enabled=None)
    async with world.running(world.config("a")) as tracker:
        assert tracker.overrides == {}
        assert not tracker.snapshot.providers["a"].interval_overridden


async def test_tuning_while_nothing_could_be_read_keeps_the_stored_half(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await tracker.tune("a", interval_seconds=20.0)
        await world.passes(1.0)
    path = world.folder / "p.db"
    path.rename(world.folder / "away")
    path.mkdir()
    async with world.running(world.config("a")) as tracker:
        await tracker.tune("a", enabled=False)
        path.rmdir()
        (world.folder / "away").rename(path)
        await world.passes(10.0)
        seen = tracker.snapshot.providers["a"]
        assert (seen.interval_seconds, seen.enabled) == (20.0, False)
    assert world.rows("SELECT interval_seconds, enabled FROM overrides") == [(20.0, 0)]


async def test_switched_off_it_stays_so_when_its_tuned_interval_no_longer_fits(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        await while_advancing(
            world, lambda: tracker.tune("a", interval_seconds=15.0, enabled=False)
        )
        config = world.config("a")
        slower = attrs.evolve(config.providers[0].timing, timeout_seconds=20.0)
        slow = attrs.evolve(config.providers[0], timing=slower)
        changed = attrs.evolve(config, providers=(slow,))
        await while_advancing(world, lambda: tracker.reload(changed))
        seen = tracker.snapshot.providers["a"]
        assert (seen.enabled, seen.interval_seconds) == (False, 60.0)
        await while_advancing(world, lambda: tracker.tune("a", enabled=True))
        assert tracker.snapshot.providers["a"].enabled


async def test_a_history_that_takes_long_to_read_is_still_taken_over(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a")) as tracker:
        await world.passes(300.0)
        checks = tracker.snapshot.providers["a"].checks_24h
    restore_state = handle.restore_state

    async def slowly(*asked: Any, **more: Any) -> Any:
        await trio.sleep(handle.LOAD_SECONDS + 5.0)
        return await restore_state(*asked, **more)

    monkeypatch.setattr(handle, "restore_state", slowly)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.time_goes_on, handle.LOAD_SECONDS)
        world.tracker = await nursery.start(world.start, world.config("a"))
        await world.passes(30.0)
        assert world.tracker.snapshot.providers["a"].checks_24h > checks
        world.tracker.stop()
        await world.passes(5.0)


async def test_a_long_history_begins_with_the_last_checks_and_tells_no_share_of_it(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a", "bb")) as tracker:
        await world.passes(7_200.0)
        whole = tracker.snapshot.providers["a"]
    may_read, restore_state = trio.Event(), handle.restore_state

    async def slowly(*asked: Any, **more: Any) -> Any:
        await may_read.wait()
        return await restore_state(*asked, **more)

    monkeypatch.setattr(handle, "restore_state", slowly)
    monkeypatch.setattr(restore, "RECENT_SECONDS", 1_000.0)
    monkeypatch.setattr(handle, "LONG_BYTES", 0)
    async with trio.open_nursery() as nursery:
        world.tracker = await nursery.start(world.start, world.config("a", "bb", "new"))
        for name in ("a", "bb", "new"):
            begun = world.tracker.snapshot.providers[name]
            assert (begun.uptime, begun.latency, begun.checked_since) == (Uptime(), None, None)
        begun = world.tracker.snapshot.providers["a"]
        assert (begun.status, begun.status_since) == (whole.status, whole.status_since)
        assert begun.checks_24h < whole.checks_24h
        assert any("still being loaded" in why for why in world.tracker.health().problems)
        may_read.set()
        await world.passes(30.0)
        known = world.tracker.snapshot.providers["a"]
        assert known.uptime == Uptime(hour=100.0, day=100.0, week=100.0)
        assert known.latency is not None
        assert known.checks_24h > whole.checks_24h
        assert known.checked_since == whole.checked_since
        assert world.tracker.snapshot.providers["new"].uptime.week == 100.0
        assert not any("being read" in why for why in world.tracker.health().problems)
        world.tracker.stop()
        await world.passes(5.0)


async def test_a_change_at_the_very_end_is_refused_because_the_tracker_ends(
    world: World, mock_clock: MockClock
) -> None:
    async with world.running(world.config("a")) as tracker:
        config = world.config("a", "bb")
        tracker.stop()
        await world.passes(1.0)
        for change in (
            partial(tracker.reload, config),
            partial(tracker.tune, "a", interval_seconds=30.0),
            partial(tracker.check, "a"),
            partial(tracker.incidents.mute, "a", 1.0),
        ):
            with pytest.raises(StoppedError, match="the tracker is shutting down"):
                await change()


async def test_a_bug_while_a_check_is_judged_counts_it_once(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.running(world.config("a")) as tracker:
        record, bugs = check_recording._record, iter([True])

        def broken(*arguments: Any) -> Any:
            if next(bugs, False):
                raise ZeroDivisionError("a bug of ours")
            return record(*arguments)

        monkeypatch.setattr(check_recording, "_record", broken)
        world.kinds["a"] = OutcomeKind.SERVER
        before = tracker.snapshot.providers["a"].checks_24h
        await world.passes(62.0)
        world.kinds["a"] = OutcomeKind.OK
        seen = tracker.snapshot.providers["a"]
        checks = seen.checks_24h
        assert seen.consecutive_failures == checks - before
    assert world.rows() == [(checks,)]


async def test_results_are_stored_even_if_the_aggregator_is_past_its_budget(
    world: World, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError("a bug of ours")

    with pytest.raises(BaseExceptionGroup):
        async with world.running(world.config("a")) as tracker:
            taken = tracker.snapshot.providers["a"].checks_24h
            tracker._writer.gap_seconds = 3600.0  # the running writer would come too late
            await while_advancing(world, lambda: tracker.check("a"))
            monkeypatch.setattr(type(tracker._aggregator), "_publish_in_steps", broken)
            await world.passes(300.0)
    assert world.rows()[0][0] >= taken + 1


async def test_a_crash_text_is_masked_before_it_is_cut(world: World, mock_clock: MockClock) -> None:
    key = Secret("gsk_canary_of_forty_characters_0123456789")
    config = world.config("a")
    keyed = attrs.evolve(config.providers[0], keys=(key,))
    async with world.running(attrs.evolve(config, providers=(keyed,))) as tracker:
        error = ValueError("x" * 170 + key.reveal())
        tracker._aggregator.handle(ActorCrashed.of("a", error, count=5, spent=True))
        tracker._aggregator.publish()
        seen = tracker.snapshot.providers["a"]
    assert "gsk" not in repr(seen)
    assert seen.reason.endswith("x***")
    assert "gsk" not in repr(world.rows("SELECT * FROM checks"))


async def test_among_many_providers_every_check_is_counted_and_stored_once(
    world: World, mock_clock: MockClock
) -> None:
    names = [f"p{number:03}" for number in range(MANY_PROVIDERS)]
    world.kinds["p007"] = OutcomeKind.SERVER  # checked again after 2 s
    async with world.running(world.config(*names)) as tracker:
        await world.passes(2.0)
        assert tracker.snapshot.swept
        before = tracker.snapshot.providers["p001"].last_check
        assert before is not None
        await while_advancing(world, lambda: tracker.check("p001"))
        after = tracker.snapshot.providers["p001"].last_check
        assert after is not None
        assert after > before
        await world.passes(1.0)
        counts = {
            name: sum(number for _, number in each.outcome_counts)
            for name, each in tracker.snapshot.providers.items()
        }
        assert counts["p001"] == 2
        assert counts["p007"] >= 2
        assert min(counts.values()) == 1
        assert world.rows() == [(sum(counts.values()),)]
    assert world.rows() == [(sum(counts.values()),)]
