"""Double-entry bookkeeping of checks: what was produced is stored, waits, or was dropped."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import attrs

from tracker.store.backlog import Backlog
from tracker.store.records import CheckRecord
from tracker.testing.disk import Disk, Row
from tracker.testing.oracle import Seen


@attrs.frozen
class Entry:
    """A check to be stored. life: everything its provider was judged by then, itself the last."""

    seen: Seen
    all_life: Sequence[Seen]  # it only grows
    length: int

    @property
    def life(self) -> Sequence[Seen]:
        return self.all_life[: self.length]

    def is_row(self, row: Row) -> bool:
        at_ms = round(self.seen.at.timestamp() * 1000.0)
        told = (row.at_ms, row.outcome, row.latency_ms)
        return told == (at_ms, self.seen.kind.value, self.seen.latency_ms)


@attrs.define(eq=False)
class Ledger:
    """By provider: ``stored`` in the present file, ``owed`` to it. Oldest first."""

    stored: defaultdict[str, list[Entry]] = attrs.field(factory=lambda: defaultdict(list))
    owed: defaultdict[str, list[Entry]] = attrs.field(factory=lambda: defaultdict(list))
    dropped: int = 0

    def begin(self) -> None:
        """A new process owes nothing."""
        self.owed.clear()
        self.dropped = 0

    def produced(self, name: str, seen: Seen, life: Sequence[Seen]) -> None:
        self.owed[name].append(Entry(seen, life, len(life)))

    def deleted(self) -> None:
        self.stored.clear()

    def settle(self, disk: Disk, backlog: Backlog | None) -> None:
        """Enter what the file has anew. backlog: None once the process is over.

        Raises AssertionError when a row is in it twice, changed, out of order or lost.
        """
        if disk.exists:
            for row in disk.new_rows():
                self._enter(row)
            rows, known = disk.count(), sum(map(len, self.stored.values()))
            assert rows == known, f"{rows} rows in the file, not {known}"
        if backlog is not None:
            self._balance(backlog)

    def _enter(self, row: Row) -> None:
        owed = self.owed[row.provider]
        found = next((n for n, entry in enumerate(owed) if entry.is_row(row)), None)
        assert found is not None, f"nobody produced {row}"
        self._drop(owed, found)  # the oldest are dropped first
        self.stored[row.provider].append(owed.pop(0))

    def _balance(self, backlog: Backlog) -> None:
        waiting = Counter(r.provider for r in backlog.waiting() if isinstance(r, CheckRecord))
        for name, owed in self.owed.items():
            assert len(owed) >= waiting[name], f"{waiting[name]} of {name} wait to be stored twice"
            self._drop(owed, len(owed) - waiting[name])
        assert self.dropped <= backlog.dropped, f"{self.dropped} lost, {backlog.dropped} counted"

    def _drop(self, owed: list[Entry], number: int) -> None:
        del owed[:number]
        self.dropped += number
