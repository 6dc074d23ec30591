"""What a run prints, each line with the seconds since it began, and what it insists on."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

BEGAN = time.monotonic()
LOOK_SECONDS = 0.05  # between two looks at what is awaited


class UnexpectedError(Exception):
    """Something else was seen than what was promised."""


def say(seen: str) -> None:
    sys.stdout.write(f"{time.monotonic() - BEGAN:6.1f} s  {seen}\n")
    sys.stdout.flush()


def title(part: str) -> None:
    sys.stdout.write(f"\n{part}\n")
    say("begins")


def expect(seen: object, promised: object, what: str) -> None:
    """Raises UnexpectedError unless both are equal."""
    if seen != promised:
        raise UnexpectedError(f"{what}: {promised!r} was promised, {seen!r} was seen")


def insist(holds: object, promise: str) -> None:
    if not holds:
        raise UnexpectedError(f"not so: {promise}")


def wait_for(what: str, look: Callable[[], Seen | None], seconds: float) -> Seen:
    """The first true answer of ``look``. Raises UnexpectedError after ``seconds``."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise UnexpectedError(f"{what}: not within {seconds:g} s")
        time.sleep(LOOK_SECONDS)
    return seen
