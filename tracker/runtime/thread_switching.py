"""How soon the event loop gets the interpreter back from one of our threads."""

import sys

# With Python's default of 5 ms, each socket read waits that long while a thread packs rows or reads
# history: nine of ten answers over loopback took up to 7 ms, and with 0.5 ms 0.2 to 3 ms. But where
# thousands of providers answer at once, a pass of the loop has many reads, and beside a thread each
# waits that long: with 0.5 ms, up to 64 ms a pass. Two threads that only compute are as fast with
# this value as with 0.5 ms.
SECONDS = 0.0001


def switch_threads_often() -> None:
    """Call it once: the threads are few and in nobody's way, the loop has people who wait."""
    sys.setswitchinterval(SECONDS)
