"""Settings of Python's garbage collector for a process whose objects mostly live long."""

import gc

# Python's default of 700 causes a collection every few checks, each visiting all actors: an eighth
# of the CPU of a sweep of a thousand. Our own values have no cycles; those left by a library are
# found a little later.
YOUNG_OBJECTS = 50_000
# A collection holds the interpreter, from whatever thread: 5 ms for so many, 20 ms for four times
# as many, the middle generation. (Of twenty times as many it took 100 ms.)
MIDDLE = 4
# Everything is looked at once in 20 million new objects that stay.
OLD = 100


def tune_garbage_collector() -> None:
    """Call it once, when everything is imported. What exists then is never looked at again.

    It is not collected before: of 100,000 objects that finds a hundred, and takes 60 ms.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE, OLD)
