"""How soon the event loop gets the interpreter back from a thread of ours."""

import sys

# Python's 5 ms are waited for after each read of a socket while a thread packs rows or reads
# history: beside such a thread nine of ten answers over loopback took up to 7 ms, and 0.2 to 3 so.
SECONDS = 0.0005


def switch_threads_often() -> None:
    """Call it once: the threads are few and in nobody's way, the loop has people who wait."""
    sys.setswitchinterval(SECONDS)
