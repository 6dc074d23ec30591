"""Settings of Python's garbage collector for a process whose objects mostly live long."""

import gc
from typing import TYPE_CHECKING, NoReturn

import trio

from tracker.core.shared_wakes import MANY_PROVIDERS, WIDTH_SECONDS, SharedWakes

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

BEAT_SECONDS = 1.0  # with fewer providers than MANY_PROVIDERS; then with the others' wakes

# A collection holds the interpreter, from whatever thread. It costs 0.3 to 4 µs an object, the more
# the longer ago each was used: 50,000 took up to 200 ms, 300,000 in the middle generation as long,
# when thousands of checks began or failed at once. However small the parts, each object that stays
# is looked at twice, so they cost no more together. Python's default of 700, though, looks at all
# actors every few checks: an eighth of the CPU of a sweep of a thousand.
YOUNG_OBJECTS = 3_000
MIDDLE = 1  # 9,000 objects: 20,000 took up to 50 ms
# What has lived long is not looked at by itself: half a million objects of 3,000 providers take
# 0.4 s. Our own values have no cycles, nor has what is left of a check or a client; those of a
# request and of other libraries are found while they are young. A few are not: cancelled requests,
# reloads. They are looked for once an hour, where that is quick, and once a day in any case: what
# nobody finds fills the memory in the end.
NEVER = 2**31 - 1
HOUR_SECONDS = 3_600.0
MOST_OLD = 25_000  # objects, about 25 ms: 200 providers
DAY_HOURS = 24


def tune_garbage_collector() -> None:
    """Call it once, when everything is imported. What exists then is never looked at again.

    It is not collected before: of 100,000 objects that finds a hundred, and takes 60 ms.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE, NEVER)


def collect_old(most: int = MOST_OLD) -> bool:
    """Look at everything that is not frozen; return False where that is more than ``most``."""
    if len(gc.get_objects(generation=2)) > most:
        return False
    gc.collect()
    return True


async def collect_garbage(tracker: "Tracker") -> NoReturn:
    """Collect what is young as it comes, once an hour what is old, and once a day much of it.

    Python counts how many more objects were made than freed. Each check frees as many as it makes,
    so nothing is collected for long, and then 150,000 at once.
    """
    revision, young, hours, hour = -1, 0, 0, trio.current_time() + HOUR_SECONDS
    while True:
        many = SharedWakes(providers=len(tracker.snapshot.providers))
        beat = WIDTH_SECONDS if many.providers >= MANY_PROVIDERS else BEAT_SECONDS
        await trio.sleep_until(many.at(trio.current_time() + beat))
        # Others wake at the same moment; a collection takes up to 35 ms, and has a turn of its own.
        await trio.lowlevel.checkpoint()
        if trio.current_time() >= hour:
            hours, hour = hours + 1, trio.current_time() + HOUR_SECONDS
            collect_old(MOST_OLD if hours % DAY_HOURS else NEVER)
        elif tracker.snapshot.revision != revision:
            revision, young = tracker.snapshot.revision, young + 1
            gc.collect(1 if young % (MIDDLE + 1) == 0 else 0)
