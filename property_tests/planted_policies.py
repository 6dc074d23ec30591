"""Bugs in the rules of the alerts, each with the invariant of the policy's machine that finds it.

A search leaves the machine only that invariant, so that no other can fail first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from property_tests.policy_machine import PolicyMachine
from tracker.alerts import incidents, policy, state
from tracker.alerts.outbox import Outbox
from tracker.alerts.policy import Announcement, Decision, Situation
from tracker.alerts.state import AlertState
from tracker.core.incidents import MessageKind, Stage

Plant = Callable[[], None]
_INVARIANT = "hypothesis_stateful_invariant"  # how hypothesis marks an invariant


def everything_pages() -> None:
    policy._pages = lambda *_: True


def nobody_waits_for_others() -> None:
    policy.GROUP_WAIT = timedelta(0)


def what_was_wrong_at_the_start_is_news() -> None:
    policy.START_GRACE = timedelta(0)


def one_of_many_is_news() -> None:
    policy._is_news = lambda *_, **__: True


def a_mute_silences_nobody() -> None:
    Situation.is_muted = _never


def who_acknowledged_is_reminded() -> None:
    Situation.is_held = Situation.is_muted


def a_reminder_is_not_noted() -> None:
    """Keep the time of the opening in the incident, so that the next reminder is due at once."""

    def wrong(book: Any, *rest: Any) -> Decision:
        found, before = decide(book, *rest), {each.id: each.told_at for each in book.all()}
        again = (each for each in found.book.all() if before.get(each.id))
        kept = (attrs.evolve(each, told_at=before[each.id]) for each in again)
        return attrs.evolve(found, book=found.book.replace(*kept))

    decide = policy.decide
    _decide_as(wrong)


def the_end_is_told_to_everybody() -> None:
    Outbox.hearers = lambda _, __, targets: list(targets)


def the_end_overtakes_its_opening() -> None:
    """Send an end although the opening is still refused."""

    def wrong(self: Outbox, target: str) -> Iterator[Any]:
        yield from (row for row in self if row.waiting and row.target == target)

    Outbox._ready = wrong


def what_arrived_is_sent_again() -> None:
    def wrong(self: Outbox, delivery: Any, now: Any, _: str) -> tuple[Any, ...]:
        return note(self, delivery, now, "lost")

    note, Outbox.note = Outbox.note, wrong


def an_opening_is_told_again_with_another_key() -> None:
    """Leave the incidents unchanged, and make a new key each time."""

    def wrong(book: Any, *rest: Any) -> Decision:
        found = decide(book, *rest)
        told = (each for each in found.book.all() if each.stage is Stage.TOLD)
        kept = (attrs.evolve(each, stage=Stage.PENDING) for each in told)
        return attrs.evolve(found, book=found.book.replace(*kept))

    decide = policy.decide
    _decide_as(wrong)
    numbers = count()
    Announcement.key = property(lambda _: f"key-{next(numbers)}")


def nothing_flaps() -> None:
    incidents.FLAPPING_CHANGES = 99


def flapping_ends_at_once() -> None:
    incidents._is_quiet = lambda *_: True


def a_mute_never_ends() -> None:
    AlertState._end_mutes = _never


def openings_are_forgotten() -> None:
    _forget(MessageKind.OPENED)


def reminders_are_forgotten() -> None:
    _forget(MessageKind.REMINDER)


def ends_are_forgotten() -> None:
    _forget(MessageKind.RESOLVED)


def a_refusal_is_the_last_attempt() -> None:
    """Never retry a target that refused once."""

    def wrong(self: Outbox, delivery: Any, now: Any, error: str) -> tuple[Any, ...]:
        changed = note(self, delivery, now, error)
        gone = tuple(attrs.evolve(each, given_up=bool(each.error)) for each in changed)
        self._rows.update({(each.key, each.target): each for each in gone})
        return gone

    note, Outbox.note = Outbox.note, wrong


def reminders_pile_up() -> None:
    Outbox.give_up_overtaken = lambda *_: ()


BITES: tuple[tuple[Plant, str], ...] = (
    (everything_pages, "only_what_pages_is_told"),
    (nobody_waits_for_others, "an_opening_waits_for_others_of_its_cause"),
    (what_was_wrong_at_the_start_is_news, "what_was_wrong_at_the_start_has_to_stay_so"),
    (one_of_many_is_news, "one_of_many_is_no_news_while_others_serve"),
    (a_mute_silences_nobody, "nobody_is_told_of_what_is_muted"),
    (who_acknowledged_is_reminded, "nobody_is_reminded_of_what_somebody_took"),
    (a_reminder_is_not_noted, "reminders_keep_their_distance"),
    (the_end_is_told_to_everybody, "an_end_is_told_only_where_its_opening_arrived"),
    (the_end_overtakes_its_opening, "an_end_is_told_only_where_its_opening_arrived"),
    (what_arrived_is_sent_again, "nothing_is_told_twice"),
    (an_opening_is_told_again_with_another_key, "nothing_is_told_twice"),
    (nothing_flaps, "what_comes_and_goes_is_one_incident_until_it_is_quiet"),
    (flapping_ends_at_once, "what_comes_and_goes_is_one_incident_until_it_is_quiet"),
    (a_mute_never_ends, "silence_ends_by_itself"),
    (openings_are_forgotten, "everybody_is_told_that_nothing_is_usable"),
    (reminders_are_forgotten, "an_unacknowledged_incident_is_repeated"),
    (reminders_pile_up, "an_ended_incident_is_not_repeated"),
    (ends_are_forgotten, "the_end_of_what_was_told_is_told"),
    (a_refusal_is_the_last_attempt, "a_target_that_takes_messages_has_them_all"),
)


def invariants() -> tuple[str, ...]:
    """Return the names of the machine's invariants."""
    names = (n for n in dir(PolicyMachine) if hasattr(getattr(PolicyMachine, n), _INVARIANT))
    return tuple(names)


def breaks(plant: Plant, invariant: str, *, examples: int = 500, start: int | None = None) -> bool:
    """Return whether the machine violates this invariant with the bug in place.

    start: the seed of its programs; None: the one that hypothesis derives.
    """
    others: dict[str, Any] = dict.fromkeys((n for n in invariants() if n != invariant), _never)
    machine: Any = type("OneInvariant", (PolicyMachine,), others)
    if start is not None:
        machine = seed(start)(machine)
    with planted(plant):
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=20,
                    deadline=None,
                    database=None,
                    derandomize=start is None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except AssertionError:
            return True
    return False


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    places = (policy, incidents, state, Announcement, Situation, Outbox, AlertState)
    right = [(place, dict(vars(place))) for place in places]
    try:
        plant()
        yield
    finally:
        for place, names in right:
            for name, value in names.items():
                if getattr(place, "__dict__", {}).get(name) is not value:
                    setattr(place, name, value)


def _forget(kind: MessageKind) -> None:
    """Drop messages of this kind, although the incidents record them."""

    def wrong(*rest: Any) -> Decision:
        found = decide(*rest)
        kept = tuple(each for each in found.announcements if each.kind is not kind)
        return attrs.evolve(found, announcements=kept)

    decide = policy.decide
    _decide_as(wrong)


def _decide_as(wrong: Callable[..., Decision]) -> None:
    state.decide = wrong  # type: ignore[attr-defined]


def _never(*_: Any) -> bool:
    return False
