"""The interpreter, set for a server: its cycle collector, and turns for the event loop."""

import gc
import sys

# The usual 700 makes a collection for every few checks, each walking over all actors: an eighth of
# the CPU of a sweep of a thousand. Our own values hold no cycles; what a library leaves is found a
# little later.
YOUNG_OBJECTS = 50_000
# Seconds after which a thread that computes (reading history, say) lets the event loop go on. With
# the usual 5 ms an answer, which takes the interpreter ten times, would come 50 ms later.
TURN_SECONDS = 0.0005


def tune_garbage_collector() -> None:
    """Call it once, when everything is imported. What exists then is never looked at again."""
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
