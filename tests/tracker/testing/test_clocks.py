"""tracker.testing.clocks: both times follow trio's; only the wall can jump."""

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from tracker.testing.clocks import START, virtual_clock


async def test_both_times_move_with_trio(autojump_clock: MockClock) -> None:
    clock = virtual_clock()
    began = clock.steady()
    await trio.sleep(90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.steady() - began == 90


async def test_a_jump_of_the_wall_leaves_steady_time_alone(autojump_clock: MockClock) -> None:
    clock = virtual_clock()
    clock.jump_wall(-3600)
    await trio.sleep(1)
    assert clock.now() == START + timedelta(seconds=1 - 3600)
    assert clock.steady() == trio.current_time()


async def test_threads_can_read_it(mock_clock: MockClock) -> None:
    clock = virtual_clock()
    mock_clock.jump(3)
    assert await trio.to_thread.run_sync(clock.now) == START + timedelta(seconds=3)
    assert await trio.to_thread.run_sync(clock.steady) == trio.current_time()


def test_follows_a_mock_clock_without_a_run() -> None:
    mock = MockClock()
    mock.jump(100)
    clock = virtual_clock(clock=mock)
    mock.jump(7)
    assert (clock.now(), clock.steady()) == (START + timedelta(seconds=7), 107)


def test_outside_trio_it_needs_a_clock_to_follow() -> None:
    with pytest.raises(RuntimeError):
        virtual_clock()
