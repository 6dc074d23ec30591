"""What a new process carries on from, also where the wall clock was set back meanwhile."""

from functools import partial

import pytest
from trio.testing import MockClock

from tracker import Config, run_tracker
from tracker.canary import Canary
from tracker.settings import Provider
from tracker.testing import MoodyWorld, TrioHost, advance, virtual_clock


@pytest.fixture
def run(tmp_path):
    """Starts a tracker on the same file and time each time it is called."""
    time = MockClock()
    clock = virtual_clock(clock=time)

    def start(database="kept.db"):
        config = Config(database=str(tmp_path / database), providers=(Provider(name="a"),))
        program = partial(
            run_tracker,
            config,
            clock=clock,
            open_check=MoodyWorld().open_check,
            canary=Canary(beat=60.0),
        )
        return TrioHost(program, clock=time)

    start.clock = clock
    return start


def passes(host, seconds):
    store = host.started._store
    host.call(partial(advance, host.clock, seconds, store.worker, store.readers))


def checks(host):
    return host.started.snapshot.providers["a"].checks_24h


def test_a_restart_after_the_clock_was_set_back_forgets_nothing(run):
    with run() as host:
        passes(host, 1000.0)
        before = checks(host)
    run.clock.jump_wall(-3600.0)
    with run() as host:
        passes(host, 1.0)
        assert checks(host) == before + 1


def test_history_that_comes_late_counts_no_check_twice(run, tmp_path):
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
        assert checks(host) == before + own
