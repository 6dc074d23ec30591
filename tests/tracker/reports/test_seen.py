"""Each id is taken once within a day, in bounded memory, also over a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.seen import (
    HOURS,
    SHARDS,
    SHARDS_AT_ONCE,
    SeenReports,
    mark_of,
    pack_marks,
)

NOW = 480_000  # an hour since 1970
marks = st.sampled_from([0, 1 << 25, 2 << 25, 1 << 63, (1 << 64) - 1])  # in few shards


def forget_all(seen: SeenReports, hour: int) -> None:
    for _ in range(SHARDS // SHARDS_AT_ONCE):
        seen.forget_some(hour)


def test_an_id_is_known_for_a_day_and_not_for_ever() -> None:
    seen = SeenReports()
    assert seen.add(mark_of("p", "a"), NOW)
    assert not seen.add(mark_of("p", "a"), NOW + 24)
    assert seen.add(mark_of("p", "a"), NOW + HOURS)


def test_a_mark_identifies_a_reporter_and_an_id_in_every_process() -> None:
    assert mark_of("p", "a") == 12332851877571452694
    assert mark_of("p", "ab") != mark_of("pa", "b")


def test_memory_is_bounded_and_freed_as_hours_pass() -> None:
    seen = SeenReports(limit=100)
    for n in range(100):
        seen.add(mark_of("p", str(n)), NOW)
    assert not seen.has_room(1)
    forget_all(seen, NOW + HOURS - 1)
    assert not seen.has_room(1)
    forget_all(seen, NOW + HOURS)
    assert seen.has_room(100)
    assert len(seen) == 0


@given(st.lists(st.tuples(marks, st.integers(0, 120), st.booleans())))
def test_an_id_is_accepted_once_within_a_day_and_again_later(
    sent: list[tuple[int, int, bool]],
) -> None:
    """Beside a table of when each was taken last; hours go on, with long pauses between."""
    seen, taken = SeenReports(), dict[int, int]()
    for mark, hour, forgets in sorted(sent, key=lambda each: each[1]):
        expected = mark not in taken or hour - taken[mark] >= HOURS
        assert seen.add(mark, NOW + hour) == expected
        if expected:
            taken[mark] = hour
        if forgets:
            forget_all(seen, NOW + hour)


@pytest.mark.parametrize("absorbs", [False, True])
def test_stored_ids_are_known_after_a_restart_until_their_day_is_over(absorbs: bool) -> None:
    stored = [(NOW - 20, pack_marks([1 << 40])), (NOW, pack_marks([2 << 40, 3 << 40]) + b"torn")]
    old = [(NOW - HOURS, pack_marks([4 << 40]))]
    seen = SeenReports()
    seen.restore(old + stored, NOW)
    if absorbs:
        meanwhile, seen = seen, SeenReports()
        seen.absorb(meanwhile, NOW)
    assert len(seen) == 3
    assert [seen.add(n << 40, NOW) for n in (1, 2, 3, 4)] == [False, False, False, True]
    assert seen.add(1 << 40, NOW - 20 + HOURS)
    assert not seen.add(2 << 40, NOW - 20 + HOURS)
