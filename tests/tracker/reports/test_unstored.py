"""Counts wait for the store with the marks of their calls, in bounded memory."""

import pytest

from tests.helpers.calls import call
from tests.helpers.factories import START
from tracker.core.outcomes import OutcomeKind
from tracker.reports import unstored
from tracker.reports.seen import unpack_marks
from tracker.reports.unstored import WINDOWS_AT_ONCE, UnstoredTraffic
from tracker.reports.windows import WindowKey


def key(minute: int) -> WindowKey:
    return WindowKey(minute, "groq", "m", 0, "p", OutcomeKind.OK)


def test_a_count_and_the_marks_of_its_calls_are_in_one_batch() -> None:
    waiting, batches = UnstoredTraffic(), []
    minutes = WINDOWS_AT_ONCE + 10
    for n in range(3 * minutes):
        waiting.add(key(n % minutes), call(mark=n))
    while (batch := waiting.take(START)) is not None:
        batches.append(batch)
    assert len(batches) == 2
    for batch in batches:
        told = sorted(int(each.minute.timestamp() // 60) for each in batch.counts)
        marks = sorted(mark % minutes for mark in unpack_marks(batch.marks))
        assert marks == sorted(told * 3)


def test_beyond_the_limit_the_oldest_counts_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unstored, "MOST_WINDOWS", 5)
    waiting = UnstoredTraffic()
    for n in range(8):
        waiting.add(key(n), call(mark=n))
    batch = waiting.take(START)
    assert batch is not None
    assert list(unpack_marks(batch.marks)) == [3, 4, 5, 6, 7]
    assert waiting.dropped == 3


def test_beyond_their_memory_marks_are_left_out_and_calls_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unstored, "MOST_MARKS", 2)
    waiting = UnstoredTraffic()
    for n in range(4):
        waiting.add(key(0), call(mark=n))
    batch = waiting.take(START)
    assert batch is not None
    assert list(unpack_marks(batch.marks)) == [0, 1]
    assert batch.counts[0].calls == 4
