"""Whether something is free by itself, not only for the cycle collector."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import trio


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def gone(left: "weakref.ref[object]") -> None:
    """Waits for a thread that still ends."""
    with trio.fail_after(5.0):
        while left() is not None:  # noqa: ASYNC110 (nobody tells of it)
            await trio.sleep(0.001)
