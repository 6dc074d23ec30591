"""Account of all checks: each one produced is stored, waiting, or counted as dropped."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs

from tracker.core.records import CheckRecord
from tracker.store.backlog import Backlog
from tracker.store.clock_trust import HOURS_APART
from tracker.testing.database_file import DatabaseFile, Row
from tracker.testing.oracle import ObservedCheck

Target = tuple[str, str | None]
"""A provider's name, and the model where it is one of its offers."""


@attrs.frozen
class Life:
    """All checks by which a target has been judged so far."""

    checks: Sequence[ObservedCheck]
    length: int

    @classmethod
    def until_now(cls, checks: Sequence[ObservedCheck]) -> "Life":
        return cls(checks, len(checks))

    @property
    def known(self) -> Sequence[ObservedCheck]:
        return self.checks[: self.length]


@attrs.frozen
class ExpectedRow:
    """A check to be stored, with the checks by which its target was judged, this one last.

    provider: for an offer's failure that counts against its provider, the checks by which the
    provider was judged. number: of the row.
    """

    seen: ObservedCheck
    life: Life
    provider: Life | None = None
    number: int = 0

    def is_row(self, row: Row) -> bool:
        """Return whether a stored row has this check's time, outcome and latency."""
        at_ms = round(self.seen.at.timestamp() * 1000.0)
        told = (row.at_ms, row.outcome, row.latency_ms)
        return told == (at_ms, self.seen.kind.value, self.seen.latency_ms)


@attrs.define(eq=False)
class CheckAccounting:
    """Per target, the checks ``stored`` in the present file and those ``owed`` to it, oldest first.

    states: per target, the checks by which the file says that it was judged, with the number of the
    row. latest: the wall clock's highest reading.
    """

    retention: timedelta
    stored: defaultdict[Target, list[ExpectedRow]] = attrs.field(factory=lambda: defaultdict(list))
    owed: defaultdict[Target, list[ExpectedRow]] = attrs.field(factory=lambda: defaultdict(list))
    states: dict[Target, tuple[int, Life]] = attrs.field(factory=dict)
    dropped: int = 0
    latest: datetime = datetime.min.replace(tzinfo=UTC)

    def begin(self) -> None:
        """Begin a new process, in which no check waits to be stored."""
        self.owed.clear()
        self.dropped = 0

    def produced(
        self,
        target: Target,
        seen: ObservedCheck,
        life: Sequence[ObservedCheck],
        provider: Sequence[ObservedCheck] | None = None,
    ) -> None:
        """Note a check that will be stored.

        provider: the provider's checks, if the failure counts against it.
        """
        blamed = None if provider is None else Life.until_now(provider)
        self.owed[target].append(ExpectedRow(seen, Life.until_now(life), blamed))

    def deleted(self) -> None:
        """Note that the database file was deleted, with all that was stored."""
        self.stored.clear()
        self.states.clear()

    @property
    def oldest(self) -> datetime | None:
        """Return when the oldest check in the file was made."""
        return min((e.seen.at for each in self.stored.values() for e in each), default=None)

    def watched_since_oldest(self, now: datetime) -> timedelta:
        """Return for how long checks were made since the oldest one in the file.

        Without each gap of about HOURS_APART or more, and without an hour more for each: the
        tracker keeps history for as long as nobody knows whether such a gap was real.
        """
        moments = sorted(e.seen.at for each in self.stored.values() for e in each)
        watched, hour = timedelta(0), timedelta(hours=1)
        for earlier, later in pairwise([*moments, now]):
            is_gap = later - earlier > timedelta(hours=HOURS_APART) - hour
            watched += -hour if is_gap else later - earlier
        return watched

    def life(self, target: Target) -> Sequence[ObservedCheck]:
        """Return the checks by which the target was judged according to the file."""
        number, life = self.states.get(target, (None, Life((), 0)))
        name = target[0]
        rows = (row for (of, _), each in self.stored.items() if of == name for row in each)
        return life.known if any(row.number == number for row in rows) else ()

    def models(self, name: str) -> set[str]:
        """Return the offers of a provider that the file has checks of."""
        return {model for of, model in self.stored if of == name and model is not None}

    def settle(self, disk: DatabaseFile, backlog: Backlog | None, now: datetime) -> None:
        """Take over what the file contains now, and forget what was pruned.

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
        target = (row.provider, row.model)
        owed = self.owed[target]
        found = next((n for n, entry in enumerate(owed) if entry.is_row(row)), None)
        assert found is not None, f"nobody produced {row}"
        self._drop(owed, found)  # the oldest are dropped first
        entry = attrs.evolve(owed.pop(0), number=row.number)
        self.stored[target].append(entry)
        self.states[target] = (row.number, entry.life)
        if entry.provider is not None:
            own = (row.provider, None)
            number, _ = self.states.get(own, (row.number, None))
            self.states[own] = (number, entry.provider)

    def _forget(self, disk: DatabaseFile) -> None:
        """Forget a check, which must be older than the retention."""
        before = self.latest - self.retention
        if not any(entry.seen.at < before for each in self.stored.values() for entry in each):
            return
        left = disk.numbers_before(before)
        for target, each in self.stored.items():
            self.stored[target] = [e for e in each if e.seen.at >= before or e.number in left]
        kept = {(target[0], e.number) for target, each in self.stored.items() for e in each}
        self.states = {
            target: state for target, state in self.states.items() if (target[0], state[0]) in kept
        }

    def _balance(self, backlog: Backlog) -> None:
        waiting = Counter(
            (r.result.provider, r.result.model)
            for r in backlog.waiting()
            if isinstance(r, CheckRecord)
        )
        for target, owed in self.owed.items():
            number = waiting[target]
            assert len(owed) >= number, f"{number} of {target} wait to be stored twice"
            self._drop(owed, len(owed) - number)
        assert self.dropped <= backlog.dropped, f"{self.dropped} lost, {backlog.dropped} counted"

    def _drop(self, owed: list[ExpectedRow], number: int) -> None:
        del owed[:number]
        self.dropped += number
