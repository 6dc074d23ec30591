"""The output of a run, each line with the seconds since it began, and its assertions."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

BEGAN = time.monotonic()
LOOK_SECONDS = 0.05  # between two tries of a condition


class UnexpectedError(Exception):
    """Raised if something other than the required result was observed."""


def say(seen: str) -> None:
    sys.stdout.write(f"{time.monotonic() - BEGAN:6.1f} s  {seen}\n")
    sys.stdout.flush()


def title(part: str) -> None:
    sys.stdout.write(f"\n{part}\n")
    say("begins")


def expect(seen: object, promised: object, what: str) -> None:
    """Raise UnexpectedError unless both are equal."""
    if seen != promised:
        raise UnexpectedError(f"{what}: {promised!r} was promised, {seen!r} was seen")


def insist(holds: object, promise: str) -> None:
    if not holds:
        raise UnexpectedError(f"not so: {promise}")


def wait_for(what: str, look: Callable[[], Seen | None], seconds: float) -> Seen:
    """Return the first true answer of ``look``. Raises UnexpectedError after ``seconds``."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise UnexpectedError(f"{what}: not within {seconds:g} s")
        time.sleep(LOOK_SECONDS)
    return seen
