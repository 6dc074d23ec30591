"""Each id is taken once within a day, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.seen import HOUR, SeenReports


def test_an_id_is_known_for_a_day() -> None:
    seen = SeenReports()
    assert seen.add("p", "a", 10.0)
    assert not seen.add("p", "a", 24 * HOUR)
    assert seen.add("p", "a", 26 * HOUR + 10.0)


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    seen = SeenReports(limit=10)
    for n in range(25):
        seen.add("p", str(n), n * HOUR / 4)
    assert len(seen) <= 10
    assert not seen.add("p", "24", 7 * HOUR)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 24 * HOUR - 1)), max_size=40))
def test_within_a_day_nothing_is_taken_twice(sent: list[tuple[str, float]]) -> None:
    seen = SeenReports()
    taken = [name for name, at in sorted(sent, key=lambda pair: pair[1]) if seen.add("p", name, at)]
    assert len(taken) == len(set(taken))
