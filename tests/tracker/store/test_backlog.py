"""The records that wait for the disk, against a plain list; and that many are no burden."""

from datetime import timedelta
from time import thread_time

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.idle_tracker import NOON
from tracker.core.records import ChangeKind, ChangeRecord, MuteRecord, Record
from tracker.store.backlog import Backlog

MOST = 5


def change(number: int) -> ChangeRecord:
    return ChangeRecord(
        kind=ChangeKind.INCIDENT,
        at=NOON + timedelta(seconds=number),
        provider="a",
        before=None,
        after="provider",
        reason="",
    )


def mute(number: int) -> MuteRecord:
    return MuteRecord(provider=f"p{number}", until=None)


@given(st.lists(st.sampled_from(["change", "mute", "take", "put back", "done"]), max_size=40))
def test_the_oldest_change_goes_first_and_all_others_keep_their_order(steps: list[str]) -> None:
    backlog = Backlog(others=MOST)
    expected: list[Record] = []
    taken: list[Record] = []
    dropped = 0
    for number, step in enumerate(steps):
        if step in {"change", "mute"}:
            record = change(number) if step == "change" else mute(number)
            backlog.append(record)
            expected.append(record)
            if len(taken) + len(expected) > MOST:
                changes = [each for each in expected if isinstance(each, ChangeRecord)]
                expected.remove((changes or expected)[0])
                dropped += 1
        elif step == "take":
            expected = taken + expected
            taken, expected = expected[:3], expected[3:]
            assert list(backlog.take(3)) == taken
        elif step == "put back":
            backlog.put_back()
            taken, expected = [], taken + expected
        else:
            backlog.done()
            taken = []
        assert list(backlog.waiting()) == taken + expected
        assert (len(backlog), backlog.others_dropped) == (len(taken + expected), dropped)


def test_dropping_a_change_needs_no_search_among_thousands_of_others() -> None:
    """Searched for, each took a fifth of a millisecond, on the event loop."""

    def seconds(waiting: int) -> float:
        backlog = Backlog(others=waiting)
        for number in range(waiting):
            backlog.append(mute(number))
        changes = [change(number) for number in range(500)]
        began = thread_time()
        for each in changes:
            backlog.append(each)
        return thread_time() - began

    few = min(seconds(10) for _ in range(3))
    many = min(seconds(10_000) for _ in range(3))
    assert many <= 5.0 * few, (many, few)
