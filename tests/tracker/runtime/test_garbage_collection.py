"""The garbage collector's settings: no collection of what is new holds the interpreter for long."""

import gc
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.helpers.fair_time import fair_ms
from tests.helpers.idle_tracker import a_provider, a_snapshot
from tracker.core.shared_wakes import MANY_PROVIDERS, WIDTH_SECONDS
from tracker.core.snapshot import Snapshot
from tracker.runtime import garbage_collection
from tracker.runtime.garbage_collection import (
    HOUR_SECONDS,
    MIDDLE,
    MOST_OLD,
    YOUNG_OBJECTS,
    collect_garbage,
    collect_old,
    tune_garbage_collector,
)

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

LONGEST_MS = 8.0  # with 50,000 young objects it took 16 and 31 ms
PROGRAM = """
import gc
import sys
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
kept = eval(sys.argv[1])
print(len(took), max(took) * 1000.0)
"""


@pytest.mark.parametrize(
    "objects",
    [
        "[[n] for n in range(1_500_000)]",
        "[{str(k): (str(n), [k]) for k in range(30)} for n in range(30_000)]",
    ],
)
def test_a_million_new_objects_are_looked_at_in_small_parts(objects: str) -> None:
    command = [sys.executable, "-c", PROGRAM, objects]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    collections, longest_ms = said.split()
    assert int(collections) >= 20
    assert fair_ms(float(longest_ms) / 1_000.0) <= LONGEST_MS


def test_what_exists_at_the_start_is_not_looked_at_again() -> None:
    before = gc.get_threshold()
    try:
        tune_garbage_collector()
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold()[:2] == (YOUNG_OBJECTS, MIDDLE)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_old_objects_are_looked_at_only_where_they_are_few() -> None:
    gc.freeze()  # those of the other tests
    assert collect_old()
    kept = [[number] for number in range(2_000)]
    gc.collect()
    assert not collect_old(1_000)
    assert len(kept) == 2_000


@attrs.define
class Snapshots:
    """A tracker whose state is replaced whenever the test says so."""

    snapshot: Snapshot

    def replace(self) -> None:
        revision = self.snapshot.revision + 1
        self.snapshot = attrs.evolve(self.snapshot, revision=revision)


async def test_what_is_replaced_is_collected_as_it_comes(autojump_clock: MockClock) -> None:
    """As many objects are freed as are made, so Python itself would not collect for long."""
    tracker = Snapshots(a_snapshot(*(a_provider(f"p{n}") for n in range(MANY_PROVIDERS))))
    state = {number: [[number]] for number in range(20_000)}
    gc.collect()
    most = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect_garbage, cast("Tracker", tracker))
        for number in range(20_000):
            state[number] = [[number]]
            if number % 500 == 0:
                tracker.replace()
                await trio.sleep(WIDTH_SECONDS)
                most = max(most, len(gc.get_objects(generation=0)))
        nursery.cancel_scope.cancel()
    assert most <= 8_000  # about 2,000 are; 40,000 without it
    assert len(gc.get_objects(generation=1)) <= 16_000


async def test_few_are_looked_at_once_an_hour_and_many_once_a_day(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[float, int]] = []
    monkeypatch.setattr(
        garbage_collection, "collect_old", lambda most: done.append((trio.current_time(), most))
    )
    monkeypatch.setattr(garbage_collection, "BEAT_SECONDS", 600.0)
    tracker = cast("Tracker", Snapshots(a_snapshot(a_provider())))
    with trio.move_on_after(48.5 * HOUR_SECONDS):
        await collect_garbage(tracker)
    assert [at for at, _ in done] == pytest.approx([hour * HOUR_SECONDS for hour in range(1, 49)])
    assert [hour for hour, (_, most) in enumerate(done, 1) if most > MOST_OLD] == [24, 48]
