"""Python's cycle collector, set for a process whose objects mostly live for ever."""

import gc

# The usual 700 makes a collection for every few checks, each walking over all actors: an eighth of
# the CPU of a sweep of a thousand. Our own values hold no cycles; what a library leaves is found a
# little later.
YOUNG_OBJECTS = 50_000


def tune_garbage_collector() -> None:
    """Call it once, when everything is imported. What exists then is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
