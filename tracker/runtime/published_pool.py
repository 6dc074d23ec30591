"""The parts of the next snapshot, kept from one to the next: only changed ones are rebuilt."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Generic, TypeVar

import attrs

from tracker.core.provider_status import EvidenceSource, ProviderStatus
from tracker.core.ranking import Excluded
from tracker.health.provider_state import ProviderState
from tracker.ranking.candidate_pool import CandidatePool
from tracker.ranking.offer_ranking import Entry, RankingEntries
from tracker.ranking.policy import Candidate

NEVER = float("inf")
E = TypeVar("E")


@attrs.define(eq=False)
class _ByName(Generic[E]):
    """Entries sorted by name; adding or removing one needs no new sort."""

    names: list[str] = attrs.field(factory=list)
    entries: list[E] = attrs.field(factory=list)

    def put(self, name: str, entry: E) -> None:
        place = bisect_left(self.names, name)
        if place < len(self.names) and self.names[place] == name:
            self.entries[place] = entry
        else:
            self.names.insert(place, name)
            self.entries.insert(place, entry)

    def drop(self, name: str) -> None:
        place = bisect_left(self.names, name)
        if place < len(self.names) and self.names[place] == name:
            del self.names[place], self.entries[place]


@attrs.define(eq=False)
class PublishedPool:
    """Views and ranking entries of all providers, by name, and the times at which they change.

    With ten thousand providers, a snapshot after one check changes one: views are copied, the entry
    is put in its place, and times wait in heaps. A time in a heap is valid while its provider still
    has it; others are dropped when they come up.
    """

    views: dict[str, ProviderStatus] = attrs.field(factory=dict)
    _own: dict[str, Entry] = attrs.field(factory=dict)
    _offers: dict[str, Entry] = attrs.field(factory=dict)
    _unproven: set[str] = attrs.field(factory=set)
    _tasks: dict[str, Mapping[str, str]] = attrs.field(factory=dict)
    _offers_of: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    _names: list[str] = attrs.field(factory=list)  # sorted
    _in_order: bool = True  # whether the views are sorted
    _candidates: "_ByName[Candidate]" = attrs.field(factory=_ByName[Candidate])
    _excluded: "_ByName[Excluded]" = attrs.field(factory=_ByName[Excluded])
    _changes_at: dict[str, float] = attrs.field(factory=dict)
    _changes: list[tuple[float, str]] = attrs.field(factory=list)
    _dues: list[tuple[datetime, str]] = attrs.field(factory=list)
    _under_way: list[tuple[datetime, datetime, str]] = attrs.field(factory=list)
    _looked_at: datetime = datetime.min.replace(tzinfo=UTC)

    @property
    def entries(self) -> RankingEntries:
        """Return what rankings of offers choose from; it follows what is put later."""
        return RankingEntries(
            providers=self._own, offers=self._offers, unproven=self._unproven, tasks=self._tasks
        )

    def put(self, state: ProviderState, view: ProviderStatus) -> None:
        """Take what was published of a provider."""
        before = self.views.get(view.name)
        if before is None:
            self._in_order &= not self._names or view.name > self._names[-1]
            insort(self._names, view.name)
        self.views[view.name] = view
        if before is None or before.next_check != view.next_check:
            self._plan(view)
        self._put_entry(view.name, state.published.entry)
        self._tasks[view.name] = view.tasks
        if state.offers or view.name in self._offers_of:
            self._put_offers(view.name, state)
        self._note_change(view.name, state.published.changes_at)

    def remove(self, name: str) -> None:
        """Forget a provider."""
        if self.views.pop(name, None) is None:
            return
        self._names.remove(name)
        self._own.pop(name, None)
        self._tasks.pop(name, None)
        self._changes_at.pop(name, None)
        self._drop_offers(name)
        self._candidates.drop(name)
        self._excluded.drop(name)

    def copy_views(self) -> dict[str, ProviderStatus]:
        """Return all views in order of name."""
        if not self._in_order:
            self.views, self._in_order = {name: self.views[name] for name in self._names}, True
        return dict(self.views)

    def candidate_pool(self) -> CandidatePool:
        """Return who can be ranked and who is excluded, each in order of name."""
        return CandidatePool(
            candidates=tuple(self._candidates.entries), excluded=tuple(self._excluded.entries)
        )

    def take_changed(self, steady: float) -> Iterator[str]:
        """Yield whose view time alone has changed by ``steady``, once."""
        while self._changes and self._changes[0][0] <= steady:
            moment, name = heappop(self._changes)
            if self._changes_at.get(name) == moment:
                yield name

    def next_change(self) -> float:
        """Return the steady moment at which time alone changes a view next."""
        while self._changes and self._changes_at.get(self._changes[0][1]) != self._changes[0][0]:
            heappop(self._changes)
        return self._changes[0][0] if self._changes else NEVER

    def next_result_at(self, at: datetime) -> datetime | None:
        """Return when the next check is over that could change the ranking, None if none is due."""
        if at < self._looked_at:  # the clock was set back: what was due is still to come
            for _, moment, name in self._under_way:
                heappush(self._dues, (moment, name))
            self._under_way.clear()
        self._looked_at = at
        while self._dues and (self._dues[0][0] <= at or not self._holds(*self._dues[0])):
            moment, name = heappop(self._dues)
            if self._holds(moment, name):
                over = moment + timedelta(seconds=self.views[name].timeout_seconds)
                heappush(self._under_way, (over, moment, name))
        while self._under_way and not self._holds(*self._under_way[0][1:]):
            heappop(self._under_way)
        moments = [self._dues[0][0]] if self._dues else []
        if self._under_way:
            moments.append(max(self._under_way[0][0], at))
        return min(moments, default=None)

    def _holds(self, moment: datetime, name: str) -> bool:
        view = self.views.get(name)
        return view is not None and view.next_check == moment

    def _plan(self, view: ProviderStatus) -> None:
        if view.next_check is not None:
            heappush(self._dues, (view.next_check, view.name))

    def _note_change(self, name: str, moment: float) -> None:
        if self._changes_at.get(name) != moment:
            self._changes_at[name] = moment
            if moment < NEVER:
                heappush(self._changes, (moment, name))

    def _put_entry(self, name: str, entry: Entry | None) -> None:
        before = self._own.get(name)
        if entry is before or entry is None:
            return
        self._own[name] = entry
        if isinstance(entry, Candidate):
            self._excluded.drop(name)
            self._candidates.put(name, entry)
        else:
            self._candidates.drop(name)
            self._excluded.put(name, entry)

    def _put_offers(self, name: str, state: ProviderState) -> None:
        self._drop_offers(name)
        entries = dict(state.offer_entries())
        unproven = {
            f"{name}/{offer.model}"
            for offer in state.published.offers
            if offer.evidence is EvidenceSource.PROVIDER
        }
        self._offers.update(entries)
        self._unproven |= unproven
        if entries or unproven:
            self._offers_of[name] = (*entries, *unproven)

    def _drop_offers(self, name: str) -> None:
        for key in self._offers_of.pop(name, ()):
            self._offers.pop(key, None)
            self._unproven.discard(key)
