"""Waiting for a condition, never for a fixed time: a busy machine is slow, not wrong."""

import time
from collections.abc import Callable

import trio

GIVE_UP_SECONDS = 60.0  # only a failing test waits so long; a busy machine may need twenty
POLL_SECONDS = 0.01


async def wait_until(condition: Callable[[], object]) -> None:
    """Return once ``condition()`` holds; raise trio.TooSlowError when it never does.

    Needs the real clock: on a mock clock nothing would pass but what the test moves.
    """
    with trio.fail_after(GIVE_UP_SECONDS):
        while not condition():  # noqa: ASYNC110 (for conditions that set no event)
            await trio.sleep(POLL_SECONDS)


def block_until(condition: Callable[[], object]) -> None:
    """Do the same in a test that is not async."""
    give_up = time.monotonic() + GIVE_UP_SECONDS
    while not condition():
        assert time.monotonic() < give_up, f"waited {GIVE_UP_SECONDS:g} s without success"
        time.sleep(POLL_SECONDS)
