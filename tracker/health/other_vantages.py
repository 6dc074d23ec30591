"""How other vantages see the providers, and what all vantages together say. Pure."""

from collections.abc import Iterable, Mapping

import attrs

from tracker.core.clock import ClockReading
from tracker.core.cluster import SeenElsewhere
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus, VantageView
from tracker.core.ranking import Ranked, Ranking
from tracker.health.quorum import Vote, cluster_verdict, suspect_vantages

GOOD = frozenset({Status.HEALTHY, Status.DEGRADED})


@attrs.frozen(kw_only=True)
class ClusterRules:
    """The own vantage, and how many vantages must see a provider down; None: a majority."""

    vantage: str
    down_from: int | None = None


@attrs.define(eq=False)
class OtherVantages:
    """The latest view of each other vantage, by provider. suspects: vantages without a vote now."""

    rules: ClusterRules
    seen: dict[str, dict[str, SeenElsewhere]] = attrs.field(factory=dict)
    suspects: frozenset[str] = frozenset()

    def take(self, views: Iterable[SeenElsewhere]) -> set[str]:
        """Take what others see now; return the providers that it concerns."""
        names = set()
        for view in views:
            self.seen.setdefault(view.provider, {})[view.vantage] = view
            names.add(view.provider)
        return names

    def judge_suspects(self, own: Mapping[str, Status], now: float) -> bool:
        """Find out again who alone sees most providers down; return whether that has changed."""
        votes = {
            name: [Vote(vantage=self.rules.vantage, status=status), *self._votes(name, now)]
            for name, status in own.items()
        }
        before, self.suspects = self.suspects, suspect_vantages(votes)
        return before != self.suspects

    def add_to(self, view: ProviderStatus, now: ClockReading) -> ProviderStatus:
        """Return a provider's view with what every vantage sees, and the verdict of all."""
        own = Vote(vantage=self.rules.vantage, status=view.status, fresh=not view.stale)
        votes = [own, *self._votes(view.name, now.steady)]
        verdict = cluster_verdict(votes, self.rules.down_from, self.suspects)
        return attrs.evolve(
            view,
            vantages=tuple(self._views(view, now)),
            cluster_status=verdict.status,
            cluster_reason=verdict.reason,
        )

    def rank_unseen(self, ranking: Ranking, now: float) -> Ranking:
        """Put providers that only others see well behind all that we have seen.

        Hearsay leads nobody out of the ranking, and nobody before what was seen here.
        """
        added = [
            Ranked(
                provider=out.provider,
                status=seen.status,
                expected_cost_ms=None,
                failure_probability=None,
                latency_ms=None,
                samples=0,
                last_check=None,
                reason=f"not checked here lately; {seen.status.value} from {seen.vantage}",
            )
            for out in ranking.excluded
            if out.status is Status.UNKNOWN
            and out.may_answer
            and (seen := self._freshest(out.provider, now)) is not None
        ]
        if not added:
            return ranking
        names = {line.provider for line in added}
        reason = ranking.reason
        if not ranking.ordered:
            reason = f"{added[0].provider} is first: {added[0].reason}; nobody was seen here."
        return attrs.evolve(
            ranking,
            ranked=(*ranking.ordered, *added),
            excluded=tuple(out for out in ranking.excluded if out.provider not in names),
            reason=reason,
        )

    def _freshest(self, name: str, now: float) -> SeenElsewhere | None:
        """Return the newest good view of another vantage that has a vote."""
        good = (
            seen
            for seen in self.seen.get(name, {}).values()
            if _is_fresh(seen, now) and seen.status in GOOD and seen.vantage not in self.suspects
        )
        return max(good, key=lambda seen: seen.observed_at, default=None)

    def next_change(self, name: str, now: float) -> float:
        """Return steady seconds at which a view of this provider becomes too old to count."""
        ends = (s.fresh_until for s in self.seen.get(name, {}).values())
        return min((end for end in ends if end is not None and end > now), default=float("inf"))

    def _votes(self, name: str, now: float) -> list[Vote]:
        return [
            Vote(vantage=seen.vantage, status=seen.status, fresh=_is_fresh(seen, now))
            for seen in self.seen.get(name, {}).values()
        ]

    def _views(self, view: ProviderStatus, now: ClockReading) -> Iterable[VantageView]:
        age = None if view.last_check is None else (now.at - view.last_check).total_seconds()
        yield VantageView(
            name=self.rules.vantage,
            status=view.status,
            reason=view.reason,
            age_seconds=age,
            suspect=self.rules.vantage in self.suspects,
        )
        for name, seen in sorted(self.seen.get(view.name, {}).items()):
            fresh = _is_fresh(seen, now.steady)
            yield VantageView(
                name=name,
                status=seen.status if fresh else Status.UNKNOWN,
                reason=seen.reason if fresh else f"not seen lately; then: {seen.reason}",
                age_seconds=now.steady - seen.observed_at,
                suspect=name in self.suspects,
            )


def _is_fresh(seen: SeenElsewhere, now: float) -> bool:
    return seen.fresh_until is not None and now < seen.fresh_until
