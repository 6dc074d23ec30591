"""Failures of threads: raised unchanged, and freed once they are handled."""

import threading
import traceback
import weakref
from contextlib import suppress
from functools import partial

import pytest
import trio

from tests.helpers.garbage import gone, no_collector
from tracker.core.threads import in_thread, on_the_loop, run_apart


class Batch:
    """What a job works on."""


def fails(batch: Batch) -> None:
    held = [batch]
    raise OSError(f"no room for {len(held)}")


async def test_the_return_value_of_a_job_is_passed_on() -> None:
    assert await in_thread(lambda: 5, expected=()) == 5


async def test_an_unexpected_error_is_raised_with_the_traceback_of_its_job() -> None:
    with pytest.raises(OSError, match="no room for 1") as caught:
        await in_thread(lambda: fails(Batch()), expected=(KeyError,))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fails"


async def test_objects_of_a_failed_job_are_freed_without_the_collector() -> None:
    batch = Batch()
    left = weakref.ref(batch)
    with no_collector():
        with suppress(OSError):
            await in_thread(partial(fails, batch), expected=(OSError,))
        del batch
        await gone(left)
    assert left() is None


async def test_an_abandoned_job_delays_no_other() -> None:
    stop = trio.Event()
    began = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hangs() -> None:
        token.run_sync_soon(began.set)
        trio.from_thread.run(stop.wait, trio_token=token)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: in_thread(hangs, expected=(), abandon_on_cancel=True))
        await began.wait()
        nursery.cancel_scope.cancel()
    assert nursery.cancel_scope.cancelled_caught
    assert not stop.is_set()  # the job itself still hangs
    stop.set()


async def test_the_limiter_is_free_again_after_a_failure() -> None:
    limiter = trio.CapacityLimiter(1)
    with pytest.raises(OSError, match="no room"):
        await in_thread(partial(fails, Batch()), expected=(OSError,), limiter=limiter)
    assert limiter.borrowed_tokens == 0


@pytest.mark.parametrize("is_long", [False, True])
async def test_a_long_job_is_in_a_thread_and_may_ask_the_loop(is_long: bool) -> None:
    loop = threading.get_ident()
    ask = on_the_loop(threading.get_ident)
    there, asked = await run_apart(lambda: (threading.get_ident(), ask()), is_long=is_long)
    assert (there != loop, asked) == (is_long, loop)


async def test_a_cancellation_waits_for_the_end_of_a_long_job() -> None:
    done: list[int] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await run_apart(partial(done.append, 1), is_long=True)
        await trio.lowlevel.checkpoint()
    assert done == [1]
    assert scope.cancelled_caught
