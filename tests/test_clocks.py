"""tracker.testing.clocks: both times follow trio's; only the wall can jump."""

from datetime import timedelta

import trio
from trio.testing import MockClock

from tracker.testing.clocks import START, virtual_clock


async def test_both_times_move_with_trio(autojump_clock):
    clock = virtual_clock()
    began = clock.steady()
    await trio.sleep(90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.steady() - began == 90


async def test_a_jump_of_the_wall_leaves_steady_time_alone(autojump_clock):
    clock = virtual_clock()
    clock.jump_wall(-3600)
    await trio.sleep(1)
    assert clock.now() == START + timedelta(seconds=1 - 3600)
    assert clock.steady() == trio.current_time()


def test_made_outside_trio_it_starts_at_its_first_reading():
    clock = virtual_clock()

    async def reads():
        await trio.sleep(5)
        return clock.now()

    assert trio.run(reads, clock=MockClock(autojump_threshold=0)) == START


def test_follows_a_mock_clock_without_a_run():
    mock = MockClock()
    clock = virtual_clock(time=mock.current_time)
    mock.jump(7)
    assert (clock.now(), clock.steady()) == (START + timedelta(seconds=7), 7)
