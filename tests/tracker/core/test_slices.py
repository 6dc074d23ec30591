"""Freeing large data in slices: no turn is long, and nothing stays behind however it ends."""

from time import thread_time
from typing import Any

import pytest
import trio

from tests.helpers.idle_tracker import NOON
from tests.helpers.turn_timer import timed_turns
from tests.helpers.turns import counted_turns
from tracker.core.slices import (
    SLICE,
    TURN_SECONDS,
    Turn,
    forget,
    forgotten,
    forgotten_on_failure,
)
from tracker.store import Bucket, BucketLatency

MANY = 200_000


def buckets(count: int) -> tuple[Bucket, ...]:
    return tuple(
        Bucket(NOON, n, 1, n / 3.0, BucketLatency(n / 2.0, n / 3.0, n / 5.0, n / 7.0, n / 9.0))
        for n in range(count)
    )


async def longest_turn() -> float:
    """Return how much of the processor's time for freeing all at once the longest turn takes."""
    whole = {"a": buckets(MANY)}
    began = thread_time()
    whole.clear()
    at_once = thread_time() - began
    sliced: dict[str, Any] = {"a": buckets(MANY)}
    with timed_turns() as timer:
        async with forgotten(sliced):
            pass
    assert not sliced
    assert timer.turns > MANY // SLICE
    return timer.worst / at_once


async def test_no_turn_takes_long_however_much_is_freed() -> None:
    # The least of three: caches that another program emptied make some turns longer, none shorter.
    assert min([await longest_turn() for _ in range(3)]) < 1.0 / 3.0


async def test_it_is_freed_in_turns_with_others_when_the_block_is_cancelled() -> None:
    held = {"a": buckets(20 * SLICE), "b": buckets(3)}
    async with counted_turns() as turns:
        with trio.CancelScope() as scope:
            async with forgotten(held):
                scope.cancel()
                await trio.lowlevel.checkpoint()
        assert turns.taken >= 20
    assert scope.cancelled_caught
    assert not held


def test_what_was_gathered_is_freed_when_the_gathering_fails() -> None:
    gathered: dict[str, Any] = {"list": [object()] * 3, "by number": {1: object(), 2: object()}}
    kept = dict(gathered)
    with pytest.raises(ValueError, match="interrupted"), forgotten_on_failure(gathered):
        raise ValueError("interrupted")
    assert not gathered
    assert len(kept["list"]) == 3  # whose items somebody else holds stays as it is
    with forgotten_on_failure(kept):
        pass
    assert kept


def test_a_slice_goes_at_each_step() -> None:
    steps = list(forget({"a": [0] * (2 * SLICE + 1), "b": {}, "c": (1,)}))
    assert len(steps) == 2
    many = {number: [0] * 2 for number in range(SLICE)}
    assert len(list(forget(many))) == 2  # of 1,667 lists each
    assert not many


async def test_short_pieces_share_a_turn_and_long_ones_have_one_each() -> None:
    async with counted_turns() as turns:
        turn = Turn()
        for _ in range(100):
            await turn.end_if_long()
        assert turns.taken < 20
        before = turns.taken
        for _ in range(10):
            work_for(TURN_SECONDS)
            await turn.end_if_long()
        assert turns.taken >= before + 5


def work_for(seconds: float) -> None:
    began = thread_time()
    while thread_time() - began < seconds:
        pass
