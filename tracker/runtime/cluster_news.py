"""Merging results of other trackers of the cluster into our state."""

import attrs
import msgspec
import structlog

from tracker.core.clock import ClockReading
from tracker.core.cluster import SharedNews, SharedState
from tracker.core.ranking import Ranking
from tracker.health.other_vantages import OtherVantages
from tracker.health.provider_state import ProviderState
from tracker.health.restoring import adopt_shared
from tracker.runtime.change_log import ChangeLog
from tracker.runtime.first_sweep import FirstSweep
from tracker.runtime.known_providers import KnownProviders
from tracker.runtime.messages import ClusterJoined, NewsShared
from tracker.store.backlog import Backlog

log = structlog.get_logger()


@attrs.define(eq=False, kw_only=True)
class ClusterNews:
    """Applies checks and states of our vantage, and views of others. Unused without a cluster."""

    known: KnownProviders
    backlog: Backlog
    change_log: ChangeLog
    sweep: FirstSweep

    def handle(self, message: NewsShared | ClusterJoined, now: ClockReading) -> None:
        """Join the cluster, or take what its other trackers found."""
        match message:
            case NewsShared(news=news, done=done):
                self._take(news, now)
                done.set()
            case ClusterJoined(rules=rules):
                self.known.join(OtherVantages(rules=rules))

    def judge_suspects(self, now: ClockReading) -> None:
        """Take the vote from a vantage that alone sees most providers down, or give it back."""
        others = self.known.others
        if others is None:
            return
        views = [state.published.view for state in self.known.watched.values()]
        own = {v.name: v.status for v in views if v is not None and not v.stale}
        if others.judge_suspects(own, now.steady):
            self.known.touch_all()

    def rank_unseen(self, ranking: Ranking, steady: float) -> Ranking:
        """Put providers that only others see well behind all that we have seen."""
        others = self.known.others
        return ranking if others is None else others.rank_unseen(ranking, steady)

    def _take(self, news: SharedNews, now: ClockReading) -> None:
        """Take over what was judged by other trackers; it is stored here as well."""
        watched = self.known.watched
        for record in news.checks:
            self.backlog.append(record)
            if (state := watched.get(record.result.provider)) is not None:
                state.count_shared(record)
        for shared in news.states:
            if (state := watched.get(shared.provider)) is not None:
                self._adopt(state, shared, now, keep_plan=shared.provider in news.kept)
        if self.known.others is not None:
            for name in self.known.others.take(news.elsewhere) & watched.keys():
                watched[name].touch()

    def _adopt(
        self, state: ProviderState, shared: SharedState, now: ClockReading, *, keep_plan: bool
    ) -> None:
        before = state.models
        try:
            adopted = adopt_shared(state, shared, now, keep_plan=keep_plan)
        except (msgspec.DecodeError, ValueError) as error:  # perhaps from a newer version
            log.warning(
                "state of another tracker cannot be read",
                provider=shared.provider,
                error=str(error),
            )
            return
        if adopted and shared.model is None:
            self.change_log.models(shared.provider, before, state.models, now.at)
            self.sweep.forget(shared.provider)
