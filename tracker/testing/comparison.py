"""Compares what a tracker shows with what its oracles compute. All functions raise
AssertionError.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.settings import MODEL_INTERVALS
from tracker.core.snapshot import Snapshot
from tracker.runtime.diagnostics import TrackerHealth
from tracker.testing.check_accounting import Target
from tracker.testing.oracle import Oracle, OracleInputs, best_is_right

EXACT = 1e-6  # percent, or milliseconds
# For the machine's providers. The oracle does not know when the tracker plans the next check, so it
# says "stale" or "not stale" only where every possible plan gives the same answer.
# Good traffic may skip three checks of the longest interval, each up to a tenth late.
SHORTEST_INTERVAL, LONGEST_INTERVAL, LONGEST_PLAN = 30.0, 240.0, 1_080.0
STALE_INTERVALS = 3


@attrs.frozen(kw_only=True)
class Observation:
    """What the tracker shows at one moment. refreshed: the same with updated time windows.

    stale_offers: those whose next check is too late, which a snapshot does not show for an offer.
    """

    shown: Snapshot
    refreshed: Snapshot
    stale_offers: frozenset[Target] = frozenset()
    health: TrackerHealth
    now: float
    at: datetime

    def present(self, name: str, oracle: Oracle, *, enabled: bool) -> OracleInputs:
        """Gather what the oracle needs besides the checks it observed."""
        actor = self.health.actors.get(name)
        stale = is_stale(oracle, self.now)
        return OracleInputs(
            now=self.now,
            at=self.at,
            enabled=enabled,
            given_up=actor is not None and actor.state == "given up",
            stale=self.shown.providers[name].stale if stale is None else stale,
        )

    def present_offer(
        self, target: Target, oracle: Oracle, *, enabled: bool, asked: float | None
    ) -> OracleInputs:
        """Return what decides an offer's status besides its checks.

        asked: when its last check ended.
        """
        name, model = target
        shown = next(o for o in self.shown.providers[name].offers if o.model == model)
        stale = is_stale(oracle, self.now, asked=asked, slower=MODEL_INTERVALS)
        # the next check may be planned up to a day ahead
        if stale is None or (stale and shown.waits_for_budget):
            stale = target in self.stale_offers
        return OracleInputs(now=self.now, at=self.at, enabled=enabled, stale=stale)


def is_stale(
    oracle: Oracle, now: float, *, asked: float | None = None, slower: float = 1.0
) -> bool | None:
    """Return whether the target must be stale; None if that depends on the tracker's plan.

    asked: when a check that may have concerned another target ended. slower: the target's interval
    as a multiple of a provider's.
    """
    planned = [
        check.ended
        for check in oracle.life
        if check.kind is not OutcomeKind.INTERNAL and not check.of_offers
    ]
    if not planned:
        return False
    age = now - max(planned[-1], asked or planned[-1])
    if age > slower * (LONGEST_PLAN + STALE_INTERVALS * LONGEST_INTERVAL):
        return True
    own_age = now - planned[-1]
    return False if own_age < slower * STALE_INTERVALS * SHORTEST_INTERVAL else None


def compare_status(shown: ProviderStatus, oracle: Oracle, present: OracleInputs) -> None:
    """Compare a shown status with the oracle's. Raises AssertionError on a difference."""
    right = {
        "status": oracle.status(present),
        "usable": oracle.usable(present),
        "consecutive_failures": oracle.failures,
        "outcome": oracle.outcome,
        "last_check": oracle.last_check,
        "response_time_ms": oracle.response_time_ms,
    }
    if oracle.blurred(present):  # a limit resets at this very moment
        del right["usable"]
    _compare(shown, right, oracle)


def compare_offer(
    shown: OfferStatus,
    oracle: Oracle,
    present: OracleInputs,
    provider: ProviderStatus,
) -> None:
    """Compare an offer by its own evidence; it is usable only while its provider is."""
    proven = oracle.is_proven
    right = {
        "status": oracle.status(present) if proven else provider.status,
        "usable": provider.usable and (oracle.usable(present) if proven else True),
        "evidence": EvidenceSource.OFFER if proven else EvidenceSource.PROVIDER,
        "consecutive_failures": oracle.failures,
        "outcome": oracle.outcome,
        "last_check": oracle.last_check,
        "response_time_ms": oracle.response_time_ms,
    }
    if oracle.blurred(present):
        del right["usable"]
    _compare(shown, right, oracle)


def compare_statistics(
    shown: ProviderStatus | OfferStatus, oracle: Oracle, present: OracleInputs
) -> None:
    """Compare uptime, counts and p95 with the oracle's. Raises AssertionError on a difference."""
    uptime, latency = oracle.uptime(present), shown.latency
    _compare(shown, {"checks_24h": oracle.checks_24h(present)}, oracle)
    for window, percent in uptime.items():
        told = getattr(shown.uptime, window)
        assert _equal(told, percent), f"uptime of {_name(shown)} {window}: {told}, not {percent}"
    told, right = latency.p95 if latency else None, oracle.p95(present)
    assert _equal(told, right), f"p95 of {_name(shown)}: {told}, not {right}"


def compare_ranking(ranking: Ranking, providers: Mapping[str, ProviderStatus]) -> None:
    """Check that exactly the usable providers are ranked, with a right first. Raises
    AssertionError.
    """
    usable = {name: shown.status for name, shown in providers.items() if shown.usable}
    order = [line.provider for line in ranking.ranked]
    assert set(order) == usable.keys(), f"ranked are {order}, usable {sorted(usable)}"
    assert best_is_right(ranking.best, usable), f"the best is {ranking.best}, usable {usable}"


def compare_offer_ranking(ranking: Ranking, snapshot: Snapshot) -> None:
    """Compare: exactly the usable offers are ranked, each on its own evidence where it has any."""
    offers = {
        (name, offer.model): offer
        for name, provider in snapshot.providers.items()
        for offer in provider.offers
    }
    told = {(line.provider, line.model): line.evidence for line in ranking.ranked}
    right = {target: offer.evidence for target, offer in offers.items() if offer.usable}
    assert told == right, f"ranked are {told}, usable {right}"
    usable = {f"{name}/{model}": offers[name, model].status for name, model in right}
    best = f"{ranking.best}/{ranking.best_model}" if ranking.best else None
    assert best_is_right(best, usable), f"the best is {best}, usable {usable}"


def _name(shown: ProviderStatus | OfferStatus) -> str:
    return shown.name if isinstance(shown, ProviderStatus) else f"the offer {shown.model}"


def _compare(shown: ProviderStatus | OfferStatus, right: Mapping[str, Any], oracle: Oracle) -> None:
    told = {field: getattr(shown, field) for field in right}
    wrong = {field: (told[field], right[field]) for field in right if told[field] != right[field]}
    if wrong:
        lines = [f"  {field}: {is_} instead of {ought}" for field, (is_, ought) in wrong.items()]
        kinds = ", ".join(check.kind for check in oracle.life[-8:])
        raise AssertionError(
            "\n".join([f"{_name(shown)} is shown with", *lines, f"after {kinds or 'no check'}"])
        )


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < EXACT
