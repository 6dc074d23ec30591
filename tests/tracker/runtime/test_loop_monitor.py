import trio

from tracker.core.shared_wakes import MANY_PROVIDERS, SharedWakes
from tracker.runtime.loop_monitor import LATE_SECONDS, STALL_SECONDS, LoopMonitor


async def test_a_running_loop_shows_no_stall(autojump_clock: trio.testing.MockClock) -> None:
    canary = LoopMonitor()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        began = trio.current_time()
        await trio.sleep(10.0)
        assert (canary.stall_since(began), canary.stalls, canary.silent_for()) == (0.0, 0, 0.0)
        nursery.cancel_scope.cancel()


async def test_a_blocked_loop_is_noticed_even_before_the_canary_runs_again(
    mock_clock: trio.testing.MockClock,
) -> None:
    canary = LoopMonitor(beat=0.01)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        mock_clock.jump(STALL_SECONDS + 0.1)  # no task ran meanwhile
        assert canary.stall_since(began) >= STALL_SECONDS
        nursery.cancel_scope.cancel()


async def test_a_stall_before_a_check_does_not_affect_it(
    mock_clock: trio.testing.MockClock,
) -> None:
    canary = LoopMonitor()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(5.0)  # the canary wakes 4.9 s late
        while not canary.stalls:
            await trio.lowlevel.checkpoint()
        assert (canary.stalls, round(canary.lag, 3)) == (1, 4.9)
        assert canary.stall_since(trio.current_time() - 1.0) > 4.0
        assert canary.stall_since(trio.current_time()) == 0.0  # it began after the stall
        nursery.cancel_scope.cancel()


async def test_a_caller_may_ask_for_delays_shorter_than_a_stall(
    mock_clock: trio.testing.MockClock,
) -> None:
    canary = LoopMonitor()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        mock_clock.jump(0.15)  # the canary wakes 50 ms late
        while not canary.lag:
            await trio.lowlevel.checkpoint()
        assert (canary.stalls, canary.stall_since(began)) == (0, 0.0)
        assert round(canary.stall_since(began, LATE_SECONDS), 3) == 0.05
        nursery.cancel_scope.cancel()


async def test_beats_that_wake_together_with_other_timers_are_not_taken_for_delays(
    autojump_clock: trio.testing.MockClock,
) -> None:
    canary = LoopMonitor(wakes=SharedWakes(providers=MANY_PROVIDERS))
    await trio.sleep(0.05)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(canary.run)
        began = trio.current_time()
        await trio.sleep(10.0)
        assert (canary.worst_lag, canary.silent_for()) == (0.0, 0.0)
        assert canary.stall_since(began, LATE_SECONDS) == 0.0
        nursery.cancel_scope.cancel()
