"""Requests of the ordinary route start one after the other, and none is left out."""

import trio

from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.turns import Turns


async def test_one_request_starts_in_each_pass_of_the_loop_in_order_of_arrival() -> None:
    turns, begun = Turns(), list[tuple[int, int]]()
    passes = 0

    async def ask(number: int) -> None:
        await turns.wait()
        begun.append((number, passes))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(ask, number)
        while len(begun) < 20:
            passes += 1
            await trio.lowlevel.checkpoint()
    moments = [moment for _, moment in begun]
    assert len(set(moments)) == 20
    assert sorted(number for number, _ in begun) == list(range(20))


async def test_a_request_that_leaves_the_queue_delays_no_other() -> None:
    turns = Turns()
    with trio.CancelScope() as left:
        left.cancel()
        await turns.wait()
    assert left.cancelled_caught
    with trio.move_on_after(GIVE_UP_SECONDS) as waiting:
        await turns.wait()
    assert not waiting.cancelled_caught
