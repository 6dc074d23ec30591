"""tracker.runtime.start_limiter: which actor may start, and when."""

import trio

from tracker.runtime.start_limiter import StartLimiter


async def begin(limiter: StartLimiter, began: list[float], together: int = 1) -> None:
    await limiter.turn(together)
    began.append(trio.current_time())


async def test_turns_come_a_gap_apart(autojump_clock: trio.testing.MockClock) -> None:
    limiter, began = StartLimiter(gap=0.5), list[float]()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(begin, limiter, began)
    assert began == [0.0, 0.5, 1.0, 1.5]


async def test_no_actor_starts_while_the_limiter_is_in_use(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limiter, began = StartLimiter(held=True), list[float]()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(begin, limiter, began)
        await trio.sleep(7.0)
        assert began == []
        limiter.release()
    assert began == [7.0, 7.0 + limiter.gap]


async def test_a_few_begin_together_after_a_pause_and_on_average_they_are_a_gap_apart(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limiter, began = StartLimiter(gap=0.5), list[float]()
    await trio.sleep(10.0)
    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(begin, limiter, began, 3)
    assert began == [10.0, 10.0, 10.0, 11.5, 12.0, 12.5]
