"""What a new process restores, also if the wall clock was set back meanwhile."""

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from tests.helpers.store_records import CLOCK, NOW, check
from tracker import Config, run_tracker
from tracker.core.settings import Provider
from tracker.health.check_sample import UP, CheckSample
from tracker.health.target_state import TargetState
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.restore import restore_state
from tracker.store import open_store
from tracker.testing import FakeProviders, ProviderBehavior, TrioHost, advance, virtual_clock
from tracker.testing.clocks import VirtualClock

PATIENCE_SECONDS = 300.0  # real ones: a quarter of an hour is hundreds of attempts to write


@attrs.define
class Runs:
    """Starts a tracker on the same file and time each time it is called."""

    folder: Path
    time: MockClock = attrs.field(factory=MockClock)
    world: FakeProviders = attrs.field(factory=FakeProviders)
    clock: VirtualClock = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock = virtual_clock(clock=self.time)

    def __call__(self) -> TrioHost[Any]:
        path = str(self.folder / "kept.db")
        program = partial(
            run_tracker,
            Config(database=path, providers=(Provider(name="a"),)),
            clock=self.clock,
            open_check=self.world.open_check,
            canary=LoopMonitor(beat=60.0),
        )
        return TrioHost(program, clock=self.time, patience=PATIENCE_SECONDS)


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def passes(host: TrioHost[Any], seconds: float) -> None:
    store = host.started._store
    host.call(partial(advance, host.clock, seconds, store.worker, store.readers))


def checks(host: TrioHost[Any]) -> Any:
    return host.started.snapshot.providers["a"].checks_24h


def test_a_restart_after_the_clock_was_set_back_forgets_nothing(run: Runs) -> None:
    with run() as host:
        passes(host, 1000.0)
        before = checks(host)
    run.clock.jump_wall(-3600.0)
    with run() as host:
        passes(host, 1.0)
        assert checks(host) == 1  # the others are from the future now
        run.clock.jump_wall(3600.0)
        passes(host, 61.0)
        assert checks(host) >= before + 1


def test_statistics_are_after_a_restart_what_they_were_before(run: Runs) -> None:
    with run() as host:
        passes(host, 1000.0)
        run.world["a"].mood = ProviderBehavior.SERVER_ERROR  # answered, and in a time of its own
        run.world["a"].latency_ms = 900.0
        passes(host, 1000.0)
        before = host.started.snapshot.providers["a"]
    with run() as host:
        after = host.started.snapshot.providers["a"]
    assert (after.latency, after.uptime) == (before.latency, before.uptime)
    assert after.latency.max == 100.0


def test_history_loaded_late_counts_no_check_twice(run: Runs, tmp_path: Path) -> None:
    with run() as host:
        passes(host, 1000.0)
        before = checks(host)
    kept, moved = tmp_path / "kept.db", tmp_path / "moved.db"
    kept.rename(moved)
    kept.mkdir()
    with run() as host:
        run.clock.jump_wall(-3600.0)  # its own checks are now older than its start
        passes(host, 1000.0)
        own = checks(host)
        kept.rmdir()
        moved.rename(kept)
        passes(host, 5.0)
        assert checks(host) == own
        run.clock.jump_wall(3600.0)
        passes(host, 61.0)
        assert before + own <= checks(host) <= before + own + 1


def test_a_crash_does_not_make_old_results_newer(run: Runs) -> None:
    with run() as host:
        passes(host, 1.0)
    run.clock.jump_wall(7200.0)
    run.world["a"].crash = ZeroDivisionError("a bug of ours")
    with run() as host:
        passes(host, 0.2)
        seen = host.started.snapshot.providers["a"]
        assert (str(seen.outcome), str(seen.status), seen.usable) == ("internal", "unknown", False)


def test_a_provider_switched_on_after_hours_is_stale_until_its_check_has_ended(run: Runs) -> None:
    with run() as host:
        tracker = host.started
        passes(host, 1.0)
        host.call(partial(tracker.tune, "a", enabled=False))
        passes(host, 7200.0)
        host.call(partial(tracker.tune, "a", enabled=True))
        seen = tracker.snapshot.providers["a"]
        assert (str(seen.status), seen.stale, seen.usable) == ("unknown", True, False)
        passes(host, 1.0)
        assert str(tracker.snapshot.providers["a"].status) == "healthy"


def test_tuning_does_not_make_old_results_newer(run: Runs) -> None:
    with run() as host:
        passes(host, 1.0)
    run.clock.jump_wall(7200.0)
    run.world["a"].latency_ms = 5000.0
    with run() as host:
        tracker = host.started
        passes(host, 1.0)
        host.call(partial(tracker.tune, "a", interval_seconds=60.0))
        assert str(tracker.snapshot.providers["a"].status) == "unknown"
        passes(host, 5.0)
        assert str(tracker.snapshot.providers["a"].status) == "degraded"


async def test_first_token_times_are_known_again_after_a_restart(tmp_path: Path) -> None:
    """Those that came before the history was read are not lost either."""
    async with open_store(str(tmp_path / "kept.db"), clock=CLOCK) as store:
        await store.write([check(seconds=9.0, ttft_ms=70.0), check(seconds=5.0), check(model="m")])
        past = (await restore_state(store, now=NOW)).restore.past["a"]
    target = TargetState()
    early = CheckSample(
        at=NOW.timestamp() - 1.0, verdict=UP, latency_ms=99.0, completions=1, ttft_ms=60.0
    )
    target.statistics.add(early)
    target.take_statistics(past.own.statistics)
    assert [sample.ttft_ms for sample in target.statistics.recent] == [70.0, None, 60.0]
