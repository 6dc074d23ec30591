"""Double-entry bookkeeping of checks: what was produced is stored, waits, or was dropped."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs

from tracker.core.records import CheckRecord
from tracker.store.backlog import Backlog
from tracker.testing.database_file import DatabaseFile, Row
from tracker.testing.oracle import ObservedCheck


@attrs.frozen
class ExpectedRow:
    """A check to be stored. life: everything its provider was judged by then, itself the last.

    number: of its row.
    """

    seen: ObservedCheck
    all_life: Sequence[ObservedCheck]  # it only grows
    length: int
    number: int = 0

    @property
    def life(self) -> Sequence[ObservedCheck]:
        """Return the checks of the provider's life up to this one."""
        return self.all_life[: self.length]

    def is_row(self, row: Row) -> bool:
        """Return whether a stored row has this check's time, outcome and latency."""
        at_ms = round(self.seen.at.timestamp() * 1000.0)
        told = (row.at_ms, row.outcome, row.latency_ms)
        return told == (at_ms, self.seen.kind.value, self.seen.latency_ms)


@attrs.define(eq=False)
class CheckAccounting:
    """By provider: ``stored`` in the present file, ``owed`` to it. Oldest first.

    newest: the last one stored, though it may be pruned. latest: the wall clock's highest reading.
    """

    retention: timedelta
    stored: defaultdict[str, list[ExpectedRow]] = attrs.field(factory=lambda: defaultdict(list))
    owed: defaultdict[str, list[ExpectedRow]] = attrs.field(factory=lambda: defaultdict(list))
    newest: dict[str, ExpectedRow] = attrs.field(factory=dict)
    dropped: int = 0
    latest: datetime = datetime.min.replace(tzinfo=UTC)

    def begin(self) -> None:
        """A new process owes nothing."""
        self.owed.clear()
        self.dropped = 0

    def produced(self, name: str, seen: ObservedCheck, life: Sequence[ObservedCheck]) -> None:
        """Note a check that was judged and must come to be stored."""
        self.owed[name].append(ExpectedRow(seen, life, len(life)))

    def deleted(self) -> None:
        """Note that the database file is gone, with all that was stored."""
        self.stored.clear()
        self.newest.clear()

    @property
    def oldest(self) -> datetime | None:
        """When the oldest check in the file was made."""
        return min((e.seen.at for each in self.stored.values() for e in each), default=None)

    def life(self, name: str) -> Sequence[ObservedCheck]:
        """What the file tells a provider was judged by: that goes with the check judged last."""
        stored, newest = self.stored[name], self.newest.get(name)
        return newest.life if newest is not None and newest in stored[-1:] else ()

    def settle(self, disk: DatabaseFile, backlog: Backlog | None, now: datetime) -> None:
        """Enter what the file has again, and forget what was pruned.

        backlog: None once the process is over. Raises AssertionError when a row is in the file
        twice, changed, out of order or lost.
        """
        self.latest = max(self.latest, now)
        if disk.exists:
            for row in disk.new_rows():
                self._enter(row)
            self._forget(disk)
            rows, known = disk.count(), sum(map(len, self.stored.values()))
            assert rows == known, f"{rows} rows in the file, not {known}"
        if backlog is not None:
            self._balance(backlog)

    def _enter(self, row: Row) -> None:
        owed = self.owed[row.provider]
        found = next((n for n, entry in enumerate(owed) if entry.is_row(row)), None)
        assert found is not None, f"nobody produced {row}"
        self._drop(owed, found)  # the oldest are dropped first
        entry = attrs.evolve(owed.pop(0), number=row.number)
        self.stored[row.provider].append(entry)
        self.newest[row.provider] = entry

    def _forget(self, disk: DatabaseFile) -> None:
        """Only what is older than the retention may go."""
        before = self.latest - self.retention
        if not any(entry.seen.at < before for each in self.stored.values() for entry in each):
            return
        left = disk.numbers_before(before)
        for name, each in self.stored.items():
            self.stored[name] = [e for e in each if e.seen.at >= before or e.number in left]

    def _balance(self, backlog: Backlog) -> None:
        waiting = Counter(
            r.result.provider for r in backlog.waiting() if isinstance(r, CheckRecord)
        )
        for name, owed in self.owed.items():
            assert len(owed) >= waiting[name], f"{waiting[name]} of {name} wait to be stored twice"
            self._drop(owed, len(owed) - waiting[name])
        assert self.dropped <= backlog.dropped, f"{self.dropped} lost, {backlog.dropped} counted"

    def _drop(self, owed: list[ExpectedRow], number: int) -> None:
        del owed[:number]
        self.dropped += number
