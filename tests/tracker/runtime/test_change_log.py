"""The change log: what it records of model lists."""

from datetime import date

from structlog.testing import capture_logs

from tests.helpers.store_records import NOW
from tracker.core.records import ChangeKind, ChangeRecord
from tracker.models.retirements import Retirement
from tracker.runtime.change_log import ChangeLog
from tracker.store.backlog import Backlog


def noted(before: tuple[str, ...] | None, after: tuple[str, ...] | None) -> list[ChangeRecord]:
    """As many log lines as records."""
    backlog = Backlog()
    with capture_logs() as logs:
        ChangeLog(backlog).models("groq", before, after, NOW)
    assert len(logs) == len(backlog)
    return [record for record in backlog.waiting() if isinstance(record, ChangeRecord)]


def names(word: str, count: int) -> tuple[str, ...]:
    return tuple(f"{word}-{number:05}" for number in range(count))


def test_each_added_or_removed_model_is_recorded() -> None:
    found = noted(("a", "b", "c"), ("d", "b"))
    assert [(record.before, record.after) for record in found] == [
        ("a", None),
        ("c", None),
        (None, "d"),
    ]


def test_the_first_list_and_the_same_in_another_order_are_no_change() -> None:
    assert noted(None, ("a",)) == []
    assert noted(("a",), None) == []
    assert noted(("a", "b"), ("b", "a")) == []


def test_fifty_names_are_recorded_one_by_one() -> None:
    found = noted(names("old", 20), names("new", 30))
    assert len(found) == 50
    assert found[-1].after == "new-00029"


def test_of_more_than_fifty_names_the_rest_is_one_record() -> None:
    found = noted(names("old", 20), names("new", 20_000))
    assert len(found) == 51
    assert [record.before for record in found[:20]] == list(names("old", 20))
    assert [record.after for record in found[20:50]] == list(names("new", 30))
    assert found[50] == ChangeRecord(
        kind=ChangeKind.MODEL,
        at=NOW,
        provider="groq",
        before=None,
        after="and 19,970 more",
        reason="too many changes to record each model",
    )


def test_a_list_replaced_by_another_is_fifty_names_and_the_rest() -> None:
    found = noted(names("old", 20_000), names("new", 20_000))
    assert len(found) == 51
    assert found[49].before == "old-00049"
    assert (found[50].before, found[50].after) == ("and 19,950 more", "and 20,000 more")


def test_a_list_that_becomes_empty_is_recorded_as_a_loss() -> None:
    found = noted(names("old", 100), ())
    assert (found[50].before, found[50].after) == ("and 50 more", None)


def test_an_announced_end_is_recorded_with_its_date() -> None:
    backlog = Backlog()
    ChangeLog(backlog).retirement("groq", Retirement("llama", date(2026, 12, 31), 30), NOW)
    [record] = backlog.waiting()
    assert record == ChangeRecord(
        kind=ChangeKind.MODEL,
        at=NOW,
        provider="groq",
        before="llama",
        after="llama",
        reason="it will be switched off on 2026-12-31, in 30 days",
    )
