"""Messages to deliver: at least once each, in order, repeated until delivered. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import attrs

from tracker.alerts.policy import Announcement
from tracker.core.incidents import Delivery, MessageKind

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
# A message about an outage is useless a day later.
GIVEN_UP_AFTER = timedelta(hours=24)
MOST_KEPT = 5_000  # delivered messages, kept to know which targets got an opening


@attrs.define(eq=False)
class Outbox:
    """Deliveries by event key and target, oldest first.

    A message that a target refuses does not block others; only an end waits for its opening.
    """

    _rows: dict[tuple[str, str], Delivery] = attrs.field(factory=dict)

    @classmethod
    def of(cls, stored: Iterable[Delivery]) -> "Outbox":
        """Rebuild the outbox from stored deliveries, oldest first."""
        rows = sorted(stored, key=lambda each: each.created_at)
        return cls({(each.key, each.target): each for each in rows})

    def __iter__(self) -> Iterator[Delivery]:
        return iter(tuple(self._rows.values()))

    def add(self, delivery: Delivery) -> bool:
        """Take a message; False where the same event goes to that target already."""
        key = delivery.key, delivery.target
        if key in self._rows:
            return False
        self._rows[key] = delivery
        self._forget()
        return True

    def give_up_overtaken(self, newer: Delivery) -> tuple[Delivery, ...]:
        """Give up the reminders of the same incidents that still wait; return them.

        A target that was away for a day needs the last word, not twenty-four of them.
        """
        overtaken = tuple(
            attrs.evolve(row, given_up=True, error="replaced by a later message")
            for row in self._rows.values()
            if row.kind is MessageKind.REMINDER
            and newer.kind is not MessageKind.OPENED
            and row.waiting
            and row.target == newer.target
            and row.key != newer.key
            and not set(newer.incidents).isdisjoint(row.incidents[:1])
        )
        for row in overtaken:
            self._rows[row.key, row.target] = row
        return overtaken

    def hearers(self, announcement: Announcement, targets: Iterable[str]) -> list[str]:
        """Return the targets that are to get an announcement.

        The end, and reminders, only where the opening arrived or is on its way; an opening that
        is still on its way needs no reminder.
        """
        if announcement.kind is MessageKind.OPENED:
            return list(targets)
        ids = {each.id for each in announcement.incidents}
        openings = [
            row
            for row in self._rows.values()
            if row.kind is MessageKind.OPENED and not ids.isdisjoint(row.incidents)
        ]
        ending = announcement.kind is MessageKind.RESOLVED
        heard = {
            row.target
            for row in openings
            if row.delivered_at is not None or (ending and row.waiting)
        }
        return [target for target in targets if target in heard]

    def next_for(self, target: str, now: datetime) -> Delivery | None:
        """Return the oldest message for this target that is due."""
        due = (each for each in self._ready(target) if retry_at(each) <= now)
        return next(due, None)

    def due_at(self, targets: Iterable[str]) -> datetime | None:
        """Return when the next message is due."""
        moments = (retry_at(each) for target in targets for each in self._ready(target))
        return min(moments, default=None)

    def note(self, delivery: Delivery, now: datetime, error: str) -> tuple[Delivery, ...]:
        """Note how an attempt went; return the rows that changed.

        Once an opening is given up, so is what would follow it.
        """
        known = self._rows.get((delivery.key, delivery.target), delivery)
        late = known.given_up or now - delivery.created_at >= GIVEN_UP_AFTER
        tried = attrs.evolve(
            delivery,
            attempts=delivery.attempts + 1,
            tried_at=now,
            delivered_at=None if error else now,
            error=error,
            given_up=bool(error) and late,
        )
        changed = (tried, *(self._orphans(tried) if tried.given_up else ()))
        for row in changed:
            self._rows[row.key, row.target] = row
        return changed

    def waiting(self, targets: Iterable[str]) -> int:
        """Count the deliveries to these targets that are neither made nor given up."""
        known = set(targets)
        return sum(row.waiting and row.target in known for row in self._rows.values())

    def _ready(self, target: str) -> Iterator[Delivery]:
        opening = set[str]()
        for row in self._rows.values():
            if not row.waiting or row.target != target:
                continue
            if row.kind is MessageKind.OPENED:
                opening.update(row.incidents)
            if row.kind is not MessageKind.RESOLVED or opening.isdisjoint(row.incidents):
                yield row

    def _orphans(self, lost: Delivery) -> Iterator[Delivery]:
        if lost.kind is not MessageKind.OPENED:
            return
        for row in self._rows.values():
            ending = row.kind is MessageKind.RESOLVED and row.waiting
            if ending and row.target == lost.target and set(row.incidents) <= set(lost.incidents):
                yield attrs.evolve(
                    row, given_up=True, error="the message about its opening was never delivered"
                )

    def _forget(self) -> None:
        if len(self._rows) <= MOST_KEPT:
            return
        arrived = (key for key, row in self._rows.items() if not row.waiting)
        oldest = next(arrived, None)
        if oldest is not None:
            del self._rows[oldest]


def retry_at(delivery: Delivery) -> datetime:
    """Return when the next attempt is due."""
    if delivery.tried_at is None:
        return delivery.created_at
    doublings = min(max(delivery.attempts - 1, 0), 16)
    wait: timedelta = min(FIRST_RETRY * 2**doublings, LONGEST_RETRY)
    return delivery.tried_at + wait
