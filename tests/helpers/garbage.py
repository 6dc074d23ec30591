"""Whether an object is freed without the cycle collector."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from tests.helpers.waiting import wait_until


@contextmanager
def no_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def gone(left: "weakref.ref[object]") -> None:
    """Return whether it is freed; wait for a thread that is still ending."""
    await wait_until(lambda: left() is None)
