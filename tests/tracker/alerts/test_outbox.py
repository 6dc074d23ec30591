"""The outbox: what is due, which targets get an end, and when a message is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from tracker.alerts import outbox as outbox_module
from tracker.alerts.outbox import GIVEN_UP_AFTER, LONGEST_RETRY, Outbox, retry_at
from tracker.alerts.policy import Announcement
from tracker.core.incidents import Cause, Delivery, Incident, MessageKind

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPENED, REMINDER, RESOLVED = MessageKind.OPENED, MessageKind.REMINDER, MessageKind.RESOLVED
SECOND = timedelta(seconds=1)


def message(
    kind: MessageKind = OPENED, *incidents: str, key: str = "", target: str = "mail"
) -> Delivery:
    return Delivery(
        key=key or f"{kind.value}-{'-'.join(incidents)}",
        target=target,
        kind=kind,
        incidents=incidents,
        created_at=NOW,
        title="groq is down",
        body="",
    )


def about(kind: MessageKind, *ids: str) -> Announcement:
    told = {"cause": Cause.PROVIDER, "opened_at": NOW, "noticed_at": NOW, "summary": ""}
    incidents = tuple(Incident(id=each, subject="groq", **told) for each in ids)
    return Announcement(kind=kind, incidents=incidents)


def test_the_same_event_goes_to_a_target_once() -> None:
    box = Outbox()
    assert box.add(message(key="one"))
    assert not box.add(message(key="one"))
    assert box.add(message(key="one", target="chat"))
    assert [each.target for each in box] == ["mail", "chat"]


def test_an_opening_is_for_every_target() -> None:
    assert Outbox().hearers(about(OPENED, "1"), ["mail", "chat"]) == ["mail", "chat"]


@pytest.mark.parametrize(
    ("kind", "on_its_way", "arrived"), [(REMINDER, [], ["mail"]), (RESOLVED, ["mail"], ["mail"])]
)
def test_only_targets_that_got_the_opening_get_what_follows(
    kind: MessageKind, on_its_way: list[str], arrived: list[str]
) -> None:
    box = Outbox()
    opening = message(OPENED, "1")
    box.add(opening)
    box.add(message(OPENED, "another", target="chat"))
    assert box.hearers(about(kind, "1"), ["mail", "chat"]) == on_its_way
    box.note(opening, NOW, "")
    assert box.hearers(about(kind, "1"), ["mail", "chat"]) == arrived


def test_an_end_waits_for_its_opening_and_for_no_other() -> None:
    box = Outbox()
    opening = message(OPENED, "1")
    box.add(opening)
    box.note(opening, NOW, "refused")
    box.add(message(RESOLVED, "1"))
    box.add(message(RESOLVED, "2"))
    due = box.next_for("mail", NOW)
    assert due is not None
    assert due.incidents == ("2",)
    box.note(due, NOW, "")
    assert box.next_for("mail", NOW) is None
    assert box.due_at(["mail"]) == NOW + 5 * SECOND  # the opening, again


def test_nothing_is_due_for_a_target_without_messages() -> None:
    box = Outbox()
    box.add(message())
    assert box.next_for("chat", NOW) is None
    assert box.due_at(["chat"]) is None
    assert (box.waiting(["chat"]), box.waiting(["mail", "chat"])) == (0, 1)


def test_an_opening_that_was_given_up_cancels_its_end() -> None:
    box = Outbox()
    opening, ending = message(OPENED, "1"), message(RESOLVED, "1")
    for each in (opening, ending, message(RESOLVED, "2"), message(RESOLVED, "1", target="chat")):
        box.add(each)
    changed = box.note(opening, NOW + GIVEN_UP_AFTER, "refused")
    assert [(row.kind, row.target, row.error) for row in changed] == [
        (OPENED, "mail", "refused"),
        (RESOLVED, "mail", "the message about its opening was never delivered"),
    ]
    assert all(row.given_up for row in changed)
    assert box.waiting(["mail", "chat"]) == 2


@pytest.mark.parametrize("newer", [REMINDER, RESOLVED])
def test_a_waiting_reminder_is_replaced_by_a_later_message(newer: MessageKind) -> None:
    box, old = Outbox(), message(REMINDER, "a", key="old")
    other, elsewhere = message(REMINDER, "b", key="other"), message(REMINDER, "a", target="json")
    for each in (old, other, elsewhere):
        box.add(each)
    later = message(newer, "a", key="later")
    box.add(later)
    assert [row.key for row in box.give_up_overtaken(later)] == ["old"]
    assert {row.key for row in box if row.waiting} == {"other", elsewhere.key, "later"}


def test_a_reminder_replaced_while_it_is_sent_is_not_sent_again() -> None:
    box, old, later = Outbox(), message(REMINDER, "a", key="old"), message(RESOLVED, "a")
    box.add(old)
    box.add(later)
    box.give_up_overtaken(later)
    (failed,) = box.note(old, NOW + SECOND, "it answered 500")
    assert failed.given_up
    (made,) = box.note(old, NOW + 2 * SECOND, "")
    assert made.delivered_at is not None


def test_an_end_that_is_given_up_cancels_nothing_else() -> None:
    box = Outbox()
    ending = message(RESOLVED, "1")
    box.add(ending)
    box.add(message(RESOLVED, "1", key="again"))
    assert [row.key for row in box.note(ending, NOW + GIVEN_UP_AFTER, "refused")] == [ending.key]


def test_attempts_become_less_frequent() -> None:
    box = Outbox()
    row, waits = message(), []
    box.add(row)
    assert retry_at(row) == NOW
    for _ in range(12):
        (row,) = box.note(row, NOW, "refused")
        waits.append(retry_at(row) - NOW)
    assert waits[:3] == [5 * SECOND, 10 * SECOND, 20 * SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY


def test_only_messages_that_arrived_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MOST_KEPT", 2)
    box = Outbox()
    waiting, arrived = message(key="waits"), message(key="arrived")
    box.add(waiting)
    box.add(arrived)
    box.note(arrived, NOW, "")
    box.add(message(key="third"))
    assert [each.key for each in box] == ["waits", "third"]
    box.add(message(key="fourth"))
    assert [each.key for each in box] == ["waits", "third", "fourth"]
