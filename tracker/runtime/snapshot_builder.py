"""The views and the ranking of the next snapshot, of which only what changed is made again."""

from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from tracker.core.clock import ClockReading
from tracker.core.provider_status import ProviderStatus
from tracker.ranking import Ranking
from tracker.ranking.candidate_pool import CandidatePool
from tracker.ranking.guard import FallbackRanker
from tracker.ranking.offer_ranking import Rank
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.cluster_news import ClusterNews
from tracker.runtime.first_sweep import FirstSweep, SweepPhase
from tracker.runtime.known_providers import KnownProviders
from tracker.runtime.published_pool import PublishedPool
from tracker.runtime.refresh_turns import RefreshTurns, count_targets
from tracker.runtime.traffic import TrafficRecorder

# Targets refreshed in one step: with a changed status each they take 10 ms, and twice that while a
# thread of ours works beside.
IN_A_STEP = 50
MANY = 1_000  # providers: with more, to rank them and to copy their views takes milliseconds each


@attrs.define(eq=False, kw_only=True)
class SnapshotBuilder:
    """Builds from the state as it is. pool: what is shown, from one snapshot to the next."""

    known: KnownProviders
    turns: RefreshTurns
    traffic: TrafficRecorder
    cluster: ClusterNews
    change_log: ChangeLog
    sweep: FirstSweep
    pool: PublishedPool = attrs.field(factory=PublishedPool)
    _best: str | None = None
    _best_restored: bool = False  # the best one comes from the previous run

    def restore_best(self, name: str | None) -> None:
        """Protect the best one of the previous run, where it is known, as the incumbent."""
        self._best_restored |= name is not None
        self._best = self._best or name

    def build_in_steps(
        self, now: ClockReading, rank: Rank, *, in_turn: bool
    ) -> Generator[None, None, tuple[Mapping[str, ProviderStatus], Ranking]]:
        """Return the views by name, and the ranking. in_turn: see ``_refresh_views``."""
        yield from self._refresh_views(now, in_turn=in_turn)
        pool = self.pool.candidate_pool()
        if isinstance(rank, FallbackRanker):
            yield from rank.prepare(pool.candidates)
        due, are_many = self.pool.next_result_at(now.at), len(self.known.watched) > MANY
        if are_many:
            yield
        ranking = self._rank(rank, pool, due, now)
        views = MappingProxyType(self.pool.copy_views())
        if are_many:
            yield
        self.change_log.best(self._best, ranking, now.at)
        self._best = ranking.best
        return views, ranking

    def _refresh_views(self, now: ClockReading, *, in_turn: bool) -> Iterator[None]:
        """Make the views again that no longer hold; in_turn: and those whose turn it is.

        In steps of IN_A_STEP targets or a few more.
        """
        self.cluster.judge_suspects(now)
        everything = in_turn and self.turns.round_is_over
        self.turns.note_changed(self.pool.take_changed(now.steady), self.known.watched)
        if in_turn:
            self.turns.note_turn(self.known.watched)
        shown = self.traffic.choose_shown(now, everything=everything)
        for name in shown & self.known.watched.keys():
            self.traffic.show(self.known.watched[name], now)
        targets = 0
        for name in sorted(self.turns.outdated):
            targets += count_targets(self.known.watched.get(name))
            self._refresh(name, now)
            if targets >= IN_A_STEP:
                targets = 0
                yield

    def _refresh(self, name: str, now: ClockReading) -> None:
        if (state := self.known.watched.get(name)) is not None:
            before = state.published.view
            view = state.refresh(now)
            self.pool.put(state, view)
            self.change_log.status(before, view, now.at)
            self.change_log.offers(before, view, now.at)
        self.turns.outdated.discard(name)

    def _rank(
        self, rank: Rank, pool: CandidatePool, due: datetime | None, now: ClockReading
    ) -> Ranking:
        # Before the first sweep ends there is no incumbent to protect.
        incumbent = (
            self._best if self.sweep.phase is SweepPhase.DONE or self._best_restored else None
        )
        ranking = rank(pool.candidates, pool.excluded, incumbent, due)
        return self.cluster.rank_unseen(ranking, now.steady)
