"""Compares what a tracker shows with what its oracles say. All raise AssertionError."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.core.snapshot import ProviderStatus, Ranking, Snapshot
from tracker.runtime.diagnostics import TrackerHealth
from tracker.testing.oracle import Oracle, OracleInputs, best_is_right

EXACT = 1e-6  # percent, or milliseconds
# Of the machine's providers. The plan for the next check is the tracker's own affair, so the
# oracle says "stale" and "not stale" only where every possible plan agrees.
# Three checks of the longest interval may be left out for good traffic, each up to a tenth late.
SHORTEST_INTERVAL, LONGEST_INTERVAL, LONGEST_PLAN = 30.0, 240.0, 1_080.0
STALE_INTERVALS = 3


@attrs.frozen(kw_only=True)
class Observation:
    """What is shown at one moment, on both clocks. refreshed: the same with the windows moved."""

    shown: Snapshot
    refreshed: Snapshot
    health: TrackerHealth
    now: float
    at: datetime

    def present(self, name: str, oracle: Oracle, *, enabled: bool) -> OracleInputs:
        """Gather what the oracle needs to know beside the checks it saw."""
        actor = self.health.actors.get(name)
        stale = is_stale(oracle, self.now)
        return OracleInputs(
            now=self.now,
            at=self.at,
            enabled=enabled,
            given_up=actor is not None and actor.state == "given up",
            stale=self.shown.providers[name].stale if stale is None else stale,
        )


def is_stale(oracle: Oracle, now: float) -> bool | None:
    """None: that depends on the plan, and on when it was switched off."""
    planned = [check for check in oracle.life if check.kind is not OutcomeKind.INTERNAL]
    if not planned:
        return False
    age = now - planned[-1].ended
    if age > LONGEST_PLAN + STALE_INTERVALS * LONGEST_INTERVAL:
        return True
    return False if age < STALE_INTERVALS * SHORTEST_INTERVAL else None


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
    if oracle.blurred(present):  # a reset is just now
        del right["usable"]
    _compare(shown, right, oracle)


def compare_statistics(shown: ProviderStatus, oracle: Oracle, present: OracleInputs) -> None:
    """Compare uptime, counts and p95 with the oracle's. Raises AssertionError on a difference."""
    uptime, latency = oracle.uptime(present), shown.latency
    _compare(shown, {"checks_24h": oracle.checks_24h(present)}, oracle)
    for window, percent in uptime.items():
        told = getattr(shown.uptime, window)
        assert _equal(told, percent), f"uptime of {shown.name} {window}: {told}, not {percent}"
    told, right = latency.p95 if latency else None, oracle.p95(present)
    assert _equal(told, right), f"p95 of {shown.name}: {told}, not {right}"


def compare_ranking(ranking: Ranking, providers: Mapping[str, ProviderStatus]) -> None:
    """Check that the ranked are the usable and the best is rightly first. Raises AssertionError."""
    usable = {name: shown.status for name, shown in providers.items() if shown.usable}
    order = [line.provider for line in ranking.ranked]
    assert set(order) == usable.keys(), f"ranked are {order}, usable {sorted(usable)}"
    assert best_is_right(ranking.best, usable), f"the best is {ranking.best}, usable {usable}"


def _compare(shown: ProviderStatus, right: Mapping[str, Any], oracle: Oracle) -> None:
    told = {field: getattr(shown, field) for field in right}
    wrong = {field: (told[field], right[field]) for field in right if told[field] != right[field]}
    if wrong:
        lines = [f"  {field}: {is_} instead of {ought}" for field, (is_, ought) in wrong.items()]
        kinds = ", ".join(check.kind for check in oracle.life[-8:])
        raise AssertionError(
            "\n".join([f"{shown.name} is shown with", *lines, f"after {kinds or 'no check'}"])
        )


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < EXACT
