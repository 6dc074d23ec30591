"""Applying one check to a provider's state, and making its row for the store. Pure."""

from typing import TYPE_CHECKING

import attrs
import msgspec

from tracker.core.clock import ClockReading
from tracker.core.outcomes import MESSAGE_LENGTH, CheckResult
from tracker.core.records import CheckRecord
from tracker.health.blame import (
    OFFERS_TO_BLAME_PROVIDER,
    concerns_provider,
    may_blame_provider,
)
from tracker.health.offer_state import OfferState
from tracker.health.target_state import TargetSettings, TargetState, stale_after

if TYPE_CHECKING:
    from tracker.health.provider_state import ProviderState


def record_check(
    state: "ProviderState",
    result: CheckResult,
    next_due: float | None,
    now: ClockReading,
    *,
    given_up: str | None = None,
) -> CheckRecord:
    """Judge one check of the provider or of an offer and return its row for the store.

    A check may end after its model is no longer watched: it says as little of the provider then.
    """
    offer = None if result.model is None else state.find_offer(result.model)
    if offer is None or concerns_provider(result):
        own = name_model(result)
        return _record_own(state, own, next_due, now, asked=offer, given_up=given_up)
    return _record_offer(state, offer, result, next_due, now)


def _record_own(
    state: "ProviderState",
    result: CheckResult,
    next_due: float | None,
    now: ClockReading,
    *,
    asked: OfferState | None,
    given_up: str | None,
) -> CheckRecord:
    """Judge a check that says something about the provider, whatever it asked for."""
    due = next_due if asked is None else state.target.next_due
    settings = state.settings(given_up)
    target = state.target.after(result, due, settings, now)
    record = _record(state, result, target, now, settings)

    state.unreached = state.unreached.note(result, state.target)
    state.target, state.given_up = target, given_up
    target.count(result)
    target.next_due = state.plan(due)
    if asked is not None and asked.model in state.offers:
        asked.target.next_due = state.plan(next_due)
        asked.target.stale_at = stale_after(next_due, state.provider.model_timing)
    state.outcomes[result.kind] += 1
    if result.kind.is_success and result.latency_ms is not None:
        state.latencies = state.latencies.after(result.latency_ms / 1000.0)
    state.checked = True
    state.mark_outdated()
    state.waits_for_budget = False
    if result.models is not None and result.models != state.models:
        state.models = result.models  # an equal list stays the same object: indexes rely on it
    if result.models is not None and result.tasks != state.tasks:
        state.tasks = result.tasks
    return record


def _record_offer(
    state: "ProviderState",
    offer: OfferState,
    result: CheckResult,
    next_due: float | None,
    now: ClockReading,
) -> CheckRecord:
    settings = state.offer_settings()
    target = offer.target.after(result, next_due, settings, now)
    record = _record(state, result, target, now, settings)
    blamed = _blame_provider(state, offer, result, now)

    if blamed is not state.target:
        own = msgspec.json.encode(blamed.persist(now)).decode()
        record = attrs.evolve(record, provider_state=own)

    offer.record(target, result)
    target.next_due = state.plan(next_due) if result.model in state.offers else None
    state.target = blamed
    state.touch()
    return record


def _blame_provider(
    state: "ProviderState", offer: OfferState, result: CheckResult, now: ClockReading
) -> TargetState:
    """Return the provider's own state after an offer failed: counted against it as well where
    another of its offers failed within the same interval.
    """
    if not may_blame_provider(result) or offer.model not in state.offers:
        return state.target
    window = state.provider.model_timing.interval_seconds
    others = [
        each
        for each in state.offers.values()
        if each is not offer
        and each.target.failed_at is not None
        and now.steady - each.target.failed_at <= window
    ]
    if len(others) + 1 < OFFERS_TO_BLAME_PROVIDER:
        return state.target
    own = attrs.evolve(name_model(result), limits=(), retry_after=None)
    return state.target.after(own, state.target.next_due, state.settings(state.given_up), now)


def _record(
    state: "ProviderState",
    result: CheckResult,
    target: TargetState,
    now: ClockReading,
    settings: TargetSettings,
) -> CheckRecord:
    judgement = target.judgement or target.judge(settings, now)
    name = state.provider.name
    return CheckRecord(
        result=result if result.provider == name else attrs.evolve(result, provider=name),
        status=judgement.decision.status,
        interval_seconds=settings.timing.interval_seconds,
        consecutive_failures=target.health.consecutive_failures,
        rate_limit_percent=judgement.rate_limit.percent,
        state=msgspec.json.encode(target.persist(now)).decode(),
    )


def name_model(result: CheckResult) -> CheckResult:
    """Make what was found while asking for one model a result of the provider's."""
    if result.model is None:
        return result
    message = f"{result.message} (asked for {result.model})".strip()[:MESSAGE_LENGTH]
    return attrs.evolve(result, model=None, message=message)
