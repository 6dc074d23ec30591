"""The kit on the real tracker: hours of it in a second, one step at a time."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from tracker import Config, run_tracker
from tracker.core.settings import Provider
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.testing import FakeProviders, ProviderBehavior, TrioHost, advance, virtual_clock


@pytest.fixture
def world() -> FakeProviders:
    return FakeProviders()


@pytest.fixture
def host(world: FakeProviders, tmp_path: Path) -> Iterator[Any]:
    config = Config(
        database=str(tmp_path / "kit.db"), providers=(Provider(name="a"), Provider(name="b"))
    )
    clock = MockClock()
    program = partial(
        run_tracker,
        config,
        clock=virtual_clock(clock=clock),
        open_check=world.open_check,
        canary=LoopMonitor(
            beat=10.0
        ),  # each beat is a stop on the way: ten a second make hours long
    )
    with TrioHost(program, clock=clock) as host:
        yield host


def test_a_provider_fails_and_recovers_while_the_other_stays(
    world: FakeProviders, host: TrioHost[Any]
) -> None:
    tracker, seen = host.started, []
    for mood in (ProviderBehavior.OK, ProviderBehavior.SERVER_ERROR, ProviderBehavior.OK):
        world["a"].mood = mood
        for _ in range(2):
            host.call(advance, host.clock, 330)  # an interval with its jitter
            snapshot = tracker.snapshot.providers
            seen.append((str(snapshot["a"].status), str(snapshot["b"].status)))
        if mood is ProviderBehavior.SERVER_ERROR:
            assert tracker.get_healthiest_provider() == "b"
    assert seen == [
        *[("healthy", "healthy")] * 2,
        *[("down", "healthy")] * 2,
        *[("degraded", "healthy"), ("healthy", "healthy")],
    ]


def test_a_hang_ends_with_its_timeout_and_no_check_overlaps(
    world: FakeProviders, host: TrioHost[Any]
) -> None:
    world["a"].mood = ProviderBehavior.HANG
    host.call(advance, host.clock, 3600)
    assert str(host.started.snapshot.providers["a"].outcome) == "timeout"
    assert [world[name].overlapped for name in "ab"] == [0, 0]
    # Six checks with re-checks after 2, 10, 30, 60 and 120 s and 10 s of timeout each: 282 s.
    # Then, like b all the time, one an interval of 300 s and a tenth more or less.
    assert 6 + 10 <= world["a"].begun <= 6 + 12
    assert 12 <= world["b"].begun <= 14
