"""Answers as bytes: kept while right, made again when not, and safe to compare."""

import json
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from api.http.etags import matches, seconds_until
from api.http.response_cache import KEPT, SLICE, CachedResponse, ResponseCache, answer_of
from api.ranking_filter import RankingFilter, apply_filter
from api.schemas.convert import instant
from tests.helpers.idle_tracker import NOON, a_provider, a_snapshot
from tests.helpers.turns import counted_turns
from tracker.core.clock import utc_now
from tracker.store.connection import epoch_ms


def test_times_are_utc_with_milliseconds_and_z() -> None:
    summer = timezone(timedelta(hours=2))
    assert instant(datetime(2026, 7, 1, 12, 0, 0, 123_499, summer)) == "2026-07-01T10:00:00.123Z"
    assert instant(datetime(2026, 7, 1, tzinfo=UTC)) == "2026-07-01T00:00:00.000Z"


@given(st.binary(), st.binary())
def test_the_tag_depends_on_the_content(one: bytes, other: bytes) -> None:
    assert (answer_of(one).etag == answer_of(other).etag) is (one == other)


@pytest.mark.parametrize(
    ("held", "matched"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a" ,"c"', True),
        ('"b"', False),
        ('"A"', False),
        ("a", False),
    ],
)
def test_if_none_match_compares_weakly(held: str | None, matched: bool) -> None:
    assert matches(held, '"a"') is matched


def test_retry_after_is_never_zero() -> None:
    assert seconds_until(utc_now() - timedelta(hours=1)) == 1
    second = utc_now().replace(microsecond=0)
    assert seconds_until(second + timedelta(hours=1, seconds=0.5)) in {3_600, 3_601}


def test_retry_after_does_not_change_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = NOON + timedelta(seconds=59.5)
    told = set()
    for fraction in (0.0, 0.3, 0.6, 0.999):
        moment = NOON + timedelta(seconds=fraction)
        monkeypatch.setattr("api.http.etags.utc_now", lambda moment=moment: moment)
        told.add(seconds_until(at))
    assert told == {60}


def test_a_new_snapshot_drops_the_cached_answers() -> None:
    answers, made = ResponseCache(), []

    def make(snapshot: Any) -> Any:
        return lambda: made.append(snapshot.revision) or answer_of(b"")

    first, second = a_snapshot(revision=1), a_snapshot(revision=2)
    for snapshot in (first, first, second, second, first):
        answers.get(snapshot, "key", make(snapshot))
    assert made == [1, 2, 1]


def test_filters_cannot_fill_the_memory() -> None:
    answers, snapshot = ResponseCache(), a_snapshot()
    for number in range(KEPT * 3):
        answers.get(snapshot, number, lambda: answer_of(b"x"))
    assert len(answers._kept) == KEPT


providers = st.lists(
    st.builds(
        lambda name, usable, ms: a_provider(name, usable=usable, response_time_ms=ms),
        st.sampled_from("abcdef"),
        st.booleans(),
        st.floats(1, 1000),
    ),
    unique_by=lambda provider: provider.name,
)
chosen = st.none() | st.frozensets(st.sampled_from("abcdefgh"))
wishes = st.builds(
    RankingFilter,
    candidates=chosen,
    exclude=chosen,
)


@given(providers, wishes)
def test_a_filter_keeps_the_order_and_adds_no_provider(watched: Any, wish: Any) -> None:
    snapshot = a_snapshot(*watched, at=NOON)
    narrowed = apply_filter(snapshot, wish)
    allowed = {p.name for p in watched if wish.allows(p.name)}
    whole = [r.provider for r in snapshot.ranking.ranked]
    assert [r.provider for r in narrowed.ranked] == [name for name in whole if name in allowed]
    assert {e.provider for e in narrowed.excluded} <= allowed


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_has_the_same_text_from_memory_and_from_the_store(microseconds: int) -> None:
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
    stored = datetime.fromtimestamp(epoch_ms(at.timestamp()) / 1000.0, UTC)
    assert instant(at) == instant(stored)


async def test_many_providers_are_encoded_in_slices_and_only_those_that_changed() -> None:
    providers = [a_provider(f"p{number}") for number in range(6 * SLICE)]
    snapshot, cache = a_snapshot(*providers), ResponseCache()
    assert not cache.is_quick(snapshot)
    async with counted_turns() as turns:
        await cache.prepare(snapshot)
    assert turns.taken >= 3
    assert cache.is_quick(snapshot)
    assert json.loads(cache.status(snapshot).body)["providers"].keys() == snapshot.providers.keys()
    again = a_snapshot(*providers[1:], a_provider("p0"), revision=2)
    assert cache.is_quick(again)
    assert cache.status(again).body != b""


async def test_who_asks_while_it_is_encoded_waits_for_it() -> None:
    cache, encoded, go_on = ResponseCache(), [], threading.Event()
    snapshot, answers = a_snapshot(a_provider()), []

    def encode() -> CachedResponse:
        encoded.append(1)
        assert go_on.wait(10.0)
        return answer_of(b"{}")

    async def ask() -> None:
        answers.append(await cache.get_slowly(snapshot, "key", encode))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
    assert encoded == [1]
    assert [answer.body for answer in answers] == [b"{}"] * 3


async def test_what_is_encoded_in_a_thread_for_the_newest_snapshot_is_kept() -> None:
    """The first question after a snapshot may be the one that takes long."""
    cache, encoded = ResponseCache(), []

    def encode() -> CachedResponse:
        encoded.append(1)
        return answer_of(b"{}")

    for revision in (1, 2):
        snapshot = a_snapshot(a_provider(), revision=revision)
        for _ in range(3):
            await cache.get_slowly(snapshot, "key", encode)
        assert len(encoded) == revision
    await cache.get_slowly(a_snapshot(a_provider(), revision=1), "key", encode)
    assert cache.known(snapshot, "key") is not None  # an older one replaces nothing
