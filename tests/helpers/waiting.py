"""Waiting for a condition, never for a fixed time: a busy machine is slow, not wrong."""

import time
from collections.abc import Callable

import trio

GIVE_UP_SECONDS = 60.0  # only a failing test waits so long; a busy machine may need twenty
POLL_SECONDS = 0.01
RARE_POLL_SECONDS = 0.1


async def wait_until(condition: Callable[[], object]) -> None:
    """Return once ``condition()`` holds; raise trio.TooSlowError when it never does.

    Needs the real clock: on a mock clock nothing would pass but what the test moves.
    """
    with trio.fail_after(GIVE_UP_SECONDS):
        while not condition():  # noqa: ASYNC110 (for conditions that set no event)
            await trio.sleep(POLL_SECONDS)


def block_until(condition: Callable[[], object]) -> None:
    """Do the same in a test that is not async."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < GIVE_UP_SECONDS, f"waited {GIVE_UP_SECONDS:g} s without success"
        # Each question may be a request to a process that shares the processors with what it waits
        # for: the longer it takes, the fewer. None is told later than an eighth of its own time.
        time.sleep(min(max(waited / 8, POLL_SECONDS), RARE_POLL_SECONDS))
