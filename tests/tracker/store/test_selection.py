"""A selection in pieces asks for the same checks: each once, none beside."""

from itertools import pairwise
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.store_records import check
from tracker.store import writing
from tracker.store.points import moment
from tracker.store.schema import MIGRATIONS
from tracker.store.selection import SOUGHT, Selection, count_checks, pieces, split_at_summed
from tracker.store.summaries import HOUR_MS

START = 500_000 * HOUR_MS


def selection(since: int, until: int, **more: Any) -> Selection:
    known = {"names": None, "model": None} | more
    return Selection(since_ms=START + since, until_ms=START + until, **known)


def database() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for script in MIGRATIONS:
        connection.execute(script)
    return connection


spans = st.tuples(st.integers(0, 5 * HOUR_MS), st.integers(0, 5 * HOUR_MS)).map(sorted)


@given(span=spans, step=st.sampled_from([900_000, HOUR_MS, 3 * HOUR_MS, 1_234_567]))
def test_pieces_join_without_gap_or_overlap(span: list[int], step: int) -> None:
    whole = selection(*span)
    parts = list(pieces(whole, step))
    assert parts[0].since_ms == whole.since_ms
    assert parts[-1].until_ms == whole.until_ms
    for before, after in pairwise(parts):
        assert after.since_ms == before.until_ms + 1
        assert after.since_ms % step == 0


@given(span=spans, summed=st.sets(st.integers(0, 4)))
def test_only_whole_hours_are_read_from_the_sums(span: list[int], summed: set[int]) -> None:
    connection, whole = database(), selection(*span)
    hours = [(START // HOUR_MS + hour,) for hour in summed]
    connection.executemany("INSERT INTO summed_hours (hour, complete) VALUES (?, 1)", hours)
    parts = list(split_at_summed(connection, whole))
    assert parts[0][0].since_ms == whole.since_ms
    assert parts[-1][0].until_ms == whole.until_ms
    for (before, _), (after, _) in pairwise(parts):
        assert after.since_ms == before.until_ms + 1
    for part, is_summed in parts:
        if is_summed:
            assert part.since_ms % HOUR_MS == (part.until_ms + 1) % HOUR_MS == 0
            asked = range(part.first_hour, part.last_hour + 1)
            assert {(hour,) for hour in asked} <= set(hours)


@pytest.mark.parametrize("others", [0, SOUGHT])
def test_single_checks_are_counted_as_they_are_chosen(others: int) -> None:
    connection = database()
    for provider, at, model in (
        ("a", 0, None),
        ("a", 10, None),
        ("a", 20, "m"),
        ("b", 10, None),
        ("a", HOUR_MS, None),
    ):
        writing.store(connection, [check(provider, at=moment(START + at), model=model)])
    names = ("a", *(f"p{n}" for n in range(others)))
    assert count_checks(connection, selection(0, 10, names=names)) == {"a": 2}
    assert count_checks(connection, selection(1, HOUR_MS)) == {"a": 2, "b": 1}
    assert count_checks(connection, selection(0, HOUR_MS, names=names, model="m")) == {"a": 1}
