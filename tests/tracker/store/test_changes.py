"""Stored changes are read newest first by number, and told oldest first."""

from datetime import timedelta

import apsw
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.store_records import NOW
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.store import writing
from tracker.store.changes import read_changes
from tracker.store.schema import MIGRATIONS

LONG_AGO = NOW - timedelta(days=1)


def database(*changes: ChangeRecord) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for script in MIGRATIONS:
        connection.execute(script)
    writing.store(connection, changes)
    return connection


def change(after: float, provider: str = "groq", reason: str = "") -> ChangeRecord:
    return ChangeRecord(
        kind=ChangeKind.STATUS,
        at=NOW + timedelta(seconds=after),
        provider=provider,
        before="healthy",
        after="down",
        reason=reason,
    )


@given(seconds=st.lists(st.integers(-100, 100), max_size=12, unique=True), limit=st.integers(1, 14))
def test_the_newest_changes_are_returned_in_order_of_time(seconds: list[int], limit: int) -> None:
    connection = database(*map(change, seconds))
    found = read_changes(connection, None, LONG_AGO, limit)
    assert [each.at for each in found] == [
        NOW + timedelta(seconds=after) for after in sorted(seconds)[-limit:]
    ]


def test_both_ends_belong_to_what_is_asked_for() -> None:
    changes = [change(after) for after in (-1, 0, 5, 6)]
    found = read_changes(database(*changes), None, NOW, 10, NOW + timedelta(seconds=5))
    assert list(found) == changes[1:3]


def test_the_changes_of_one_provider_are_complete_and_contain_no_other() -> None:
    ours, other = change(1, reason="three in a row failed"), change(2, "mistral")
    assert read_changes(database(ours, other), "groq", LONG_AGO, 10) == (ours,)


def test_of_two_changes_at_one_time_the_later_written_is_last() -> None:
    first, second = change(1, reason="first"), change(1, reason="second")
    assert read_changes(database(first, second), None, LONG_AGO, 10) == (first, second)
    assert read_changes(database(first, second), None, LONG_AGO, 1) == (second,)
