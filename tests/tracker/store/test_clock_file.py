"""The clock record is in the file: a start knows by how much the clock was set since."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.helpers.store_records import CLOCK, NOW, ask, check, opened
from tracker.store import Store, open_store
from tracker.store.clock_trust import ClockComparison

WALL, HOUR, DAY = NOW.timestamp(), 3_600.0, 86_400.0
RETENTION = timedelta(days=7)
UNUSABLE = {
    "a time beyond every calendar": "wall = 1e300",
    "an endless time": "certain = 9e999",
    "leaps that are no JSON": "leaps = '[['",
    "leaps of another shape": "leaps = '[[1]]'",
    "leaps without end": "leaps = '" + "[" * 100_000 + "'",
    "a leap that is no number": "leaps = '[[\"a\", {}]]'",
    "leaps at no time": "leaps = '[[NaN, 1]]'",
    "an anchor of another shape": "told = '[1, 2]'",
    "an anchor that is a number": "told = '7'",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


async def kept(
    store: Store, passed: float, steady: float, *, boot: str = "a", told: float | None = None
) -> float:
    now = ClockComparison(wall=WALL + passed, steady=steady, boot=boot, told=told)
    found = await store.compare_clocks(now, RETENTION)
    assert found.before == WALL + passed - 7 * DAY - found.kept
    return found.kept


@pytest.mark.parametrize("leap", [20 * HOUR, 8 * DAY])
@pytest.mark.parametrize("boot", ["a", "b"])
async def test_a_start_with_a_clock_ahead_keeps_the_history(
    path: Path, leap: float, boot: str
) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        assert await kept(store, 0.0, 100.0, told=WALL) == 0.0
    async with open_store(str(path), clock=CLOCK) as store:
        steady = 160.0 if boot == "a" else 5.0
        found = await kept(store, 60.0 + leap, steady, boot=boot)
        assert leap <= found <= leap + 60.0
        told = WALL + 90.0  # providers know nothing of a leap
        assert leap <= await kept(store, 90.0 + leap, steady + 30.0, boot=boot, told=told)
        assert await kept(store, 120.0, steady + 60.0, boot=boot, told=WALL + 120.0) <= 60.0


async def test_a_machine_that_was_off_deletes_once_providers_say_that_it_was(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await kept(store, 0.0, 100.0, told=WALL)
    async with open_store(str(path), clock=CLOCK) as store:
        assert await kept(store, 3 * DAY, 5.0, boot="b") == 3 * DAY
        assert await kept(store, 3 * DAY + 30.0, 35.0, boot="b", told=WALL + 3 * DAY + 30.0) == 0.0


async def test_a_tracker_that_was_off_on_a_machine_that_was_not_deletes_at_once(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await kept(store, 0.0, 100.0)
    async with open_store(str(path), clock=CLOCK) as store:
        assert await kept(store, 9 * DAY, 100.0 + 9 * DAY) == 0.0


async def test_a_leap_is_told_once_and_only_where_it_is_known(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        found = []
        for passed, steady, boot in (
            (0.0, 0.0, "a"),
            (HOUR, 30.0, "a"),
            (HOUR + 30.0, 60.0, "a"),
            (DAY, 5.0, "b"),
        ):
            now = ClockComparison(wall=WALL + passed, steady=steady, boot=boot)
            found.append((await store.compare_clocks(now, RETENTION)).leap)
    assert found == [0.0, HOUR - 30.0, 0.0, 0.0]


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_record_that_is_none_is_begun_again(path: Path, change: str) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(seconds=20 * HOUR)])
        await kept(store, 0.0, 100.0)
    with opened(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'clock'"
        )
    with opened(path) as connection:
        connection.execute(f"UPDATE clock SET {change}")
    async with open_store(str(path), clock=CLOCK) as store:
        assert await kept(store, 60.0, 160.0) == 20 * HOUR + 60.0
    assert ask(path, "SELECT count(*) FROM clock") == [(1,)]


async def test_a_file_without_a_record_does_not_know_what_passed_since_its_newest_check(
    path: Path,
) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        rows = [check(seconds=HOUR * hours) for hours in (200, 30, 20, -5)]
        await store.write(rows)  # one from the future
        assert await kept(store, 0.0, 5.0) == pytest.approx((20 + 170) * HOUR, abs=HOUR)
        assert await kept(store, 30.0, 35.0, told=WALL + 30.0) == pytest.approx(0.0, abs=1.0)


async def test_an_empty_file_keeps_nothing_for_longer(path: Path) -> None:
    async with open_store(str(path), clock=CLOCK) as store:
        assert await kept(store, 0.0, 5.0) == 0.0
