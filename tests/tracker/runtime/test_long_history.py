"""A long history is put together from what this tracker keeps and what the hub has counted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.cluster import ClusterAwayError
from tracker.runtime.long_history import DAY_SECONDS, merge, read_long_history, resolution_of
from tracker.store import Bucket, History, StoreUnavailable

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def a_bucket(day: int, checks: int) -> Bucket:
    return Bucket(MIDNIGHT + timedelta(days=day), checks, 0, 100.0, None)


def keeps(*buckets: Bucket) -> Callable[[datetime], Awaitable[History]]:
    async def own(_: datetime) -> History:
        return History(resolution_seconds=DAY_SECONDS, providers={"groq": buckets})

    return own


async def _no_database(_: datetime) -> History:
    raise StoreUnavailable("the disk is full")


async def _no_hub(_: datetime) -> dict[str, tuple[Bucket, ...]]:
    raise ClusterAwayError("connection refused")


async def _hub(_: datetime) -> dict[str, tuple[Bucket, ...]]:
    return {"groq": (a_bucket(0, 5), a_bucket(1, 3))}


async def ask(own: object, hub: object) -> tuple[list[int], str]:
    found = await read_long_history(
        ["groq"],
        since=MIDNIGHT + timedelta(hours=5),
        seconds=DAY_SECONDS,
        own=own,
        hub=hub,
    )
    points = found.history.providers["groq"]
    assert [point.at for point in points] == sorted(point.at for point in points)
    return [point.checks for point in points if isinstance(point, Bucket)], found.away


async def test_each_bucket_comes_from_the_source_with_more_checks() -> None:
    assert await ask(keeps(a_bucket(0, 2), a_bucket(1, 4), a_bucket(2, 1)), _hub) == ([5, 4, 1], "")


async def test_without_the_hub_our_own_history_is_returned_with_the_reason() -> None:
    assert await ask(keeps(a_bucket(1, 4)), _no_hub) == ([4], "connection refused")


async def test_without_our_database_the_hubs_history_is_returned() -> None:
    assert await ask(_no_database, _hub) == ([5, 3], "")


async def test_without_both_sources_history_is_an_error() -> None:
    with pytest.raises(StoreUnavailable):
        await ask(_no_database, _no_hub)


async def test_both_sources_are_queried_from_the_start_of_a_bucket() -> None:
    asked: list[datetime] = []

    async def own(begin: datetime) -> History:
        asked.append(begin)
        return History(resolution_seconds=DAY_SECONDS, providers={})

    async def hub(begin: datetime) -> dict[str, tuple[Bucket, ...]]:
        asked.append(begin)
        return {}

    await ask(own, hub)
    assert asked == [MIDNIGHT, MIDNIGHT]


DAYS = st.dictionaries(st.integers(0, 9), st.integers(1, 9))


@given(DAYS, DAYS)
def test_no_bucket_is_lost_or_duplicated(own: dict[int, int], hub: dict[int, int]) -> None:
    found = merge(*([a_bucket(*each) for each in sorted(side.items())] for side in (own, hub)))
    assert {(p.at - MIDNIGHT).days: p.checks for p in found} == {
        day: max(own.get(day, 0), hub.get(day, 0)) for day in own.keys() | hub.keys()
    }
    assert [point.at for point in found] == sorted({point.at for point in found})


@pytest.mark.parametrize("days", range(1, 91))
def test_a_chart_gets_a_few_hundred_points_for_any_time_span(days: int) -> None:
    assert days * DAY_SECONDS / resolution_of(days) <= 168
