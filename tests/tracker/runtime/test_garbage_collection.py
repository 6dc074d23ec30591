"""The garbage collector's settings: no collection of what is new holds the interpreter for long."""

import gc
import subprocess
import sys

from tracker.runtime.garbage_collection import MIDDLE, YOUNG_OBJECTS, tune_garbage_collector

LONGEST_MS = 50.0
PROGRAM = """
import gc
from time import thread_time
from tracker.runtime.garbage_collection import tune_garbage_collector

tune_garbage_collector()
took, began = [], 0.0

def note(phase, _):
    global began
    if phase == "start":
        began = thread_time()
    else:
        took.append(thread_time() - began)

gc.callbacks.append(note)
kept = [[n] for n in range(1_500_000)]
print(len(took), max(took) * 1000.0)
"""


def test_a_million_new_objects_are_looked_at_in_small_parts() -> None:
    command = [sys.executable, "-c", PROGRAM]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    collections, longest_ms = said.split()
    assert int(collections) >= 20
    assert float(longest_ms) <= LONGEST_MS


def test_what_exists_at_the_start_is_not_looked_at_again() -> None:
    before = gc.get_threshold()
    try:
        tune_garbage_collector()
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold()[:2] == (YOUNG_OBJECTS, MIDDLE)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
