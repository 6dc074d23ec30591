"""Processor time in the milliseconds of an ordinary machine, so that a limit holds on any.

A machine may be half as fast, its core shared with another program, or each line counted by
coverage: what takes 40 ms elsewhere takes 80 here, and nothing is wrong. A fixed piece of work is
timed beside what has a limit, and tells how slow Python is at this moment.
"""

import sys
from time import thread_time

ORDINARY_MS = 4.0  # for the fixed work, in Python 3.11 on a processor that does nothing else
TIMES = 5
# Of what counts lines and branches; the fixed work is not counted, as it is not ours.
TRACED = 2.0


def fair_ms(seconds: float) -> float:
    """Return what took so many seconds of CPU until now in milliseconds of an ordinary machine."""
    return seconds * 1_000.0 / slowness()


def slowness() -> float:
    """Return how many times longer than on an ordinary machine Python takes; 1 at least.

    The slowest of a few times: what was measured met the worst moment too.
    """
    slowest = max(_work() for _ in range(TIMES)) * 1_000.0
    traced = TRACED if sys.gettrace() else 1.0
    return max(1.0, slowest / ORDINARY_MS) * traced


def _work() -> float:
    """Return the seconds of CPU for making, sorting and joining a few thousand objects."""
    began = thread_time()
    rows = [{"name": f"p{number % 97:03}", "number": number} for number in range(4_000)]
    rows.sort(key=lambda row: (row["name"], row["number"]))
    assert ",".join(str(row["name"]) for row in rows).startswith("p000")
    return thread_time() - began
