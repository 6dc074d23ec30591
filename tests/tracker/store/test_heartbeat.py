"""Two trackers on one file are noticed; one that was killed is not taken for a second one."""

from datetime import timedelta
from itertools import count
from pathlib import Path

from tests.helpers.store_records import CLOCK
from tracker.core.clock import Clock
from tracker.store import open_store


def ticking() -> Clock:
    """A wall clock that goes on with each look."""
    seconds = count()
    return Clock(now=lambda: CLOCK.now() + timedelta(seconds=next(seconds)))


async def test_two_trackers_on_one_file_are_noticed_by_both(tmp_path: Path) -> None:
    path = str(tmp_path / "status.db")
    async with (
        open_store(path, clock=ticking()) as one,
        open_store(path, clock=ticking()) as other,
    ):
        for _ in range(2):
            await one.beat()
            await other.beat()
        await one.beat()
        assert one.others
        assert other.others
        for _ in range(2):
            await one.beat()  # the other has ended
        assert one.others == ()


async def test_a_killed_tracker_is_not_taken_for_a_second_one(tmp_path: Path) -> None:
    path = str(tmp_path / "status.db")
    for _ in range(3):
        async with open_store(path, clock=ticking()) as store:
            for _ in range(3):
                await store.beat()
                assert store.others == ()
