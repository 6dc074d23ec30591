"""Carries a provider's state on: from what was stored, or from another tracker's. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec

from tracker.core.clock import ClockReading
from tracker.core.cluster import SharedState
from tracker.core.stored_json import read_stored
from tracker.health.target_state import PersistedState, StoredTarget

if TYPE_CHECKING:
    from tracker.health.provider_state import ProviderState

# A result takes time to arrive from another tracker; smaller differences of clocks are ignored.
SAME_CLOCK = timedelta(seconds=2.0)


@attrs.frozen(kw_only=True)
class StoredProvider:
    """A provider as loaded from the store, and its offers by model."""

    own: StoredTarget
    offers: Mapping[str, StoredTarget] = attrs.field(factory=dict)


def restore_provider(state: "ProviderState", stored: StoredProvider, now: ClockReading) -> None:
    """Carry on from what was stored; checks made since this start stay on top of it.

    Raises msgspec.DecodeError or ValueError, having taken all else, for a state that is not ours.
    """
    state.target.take_statistics(stored.own.statistics)
    state.touch()
    problem: msgspec.DecodeError | ValueError | None = None
    for model, past in stored.offers.items():
        try:
            state.find_offer(model).restore(past, now)
        except (msgspec.DecodeError, ValueError) as error:
            problem = error
    if stored.own.state is not None and not state.checked:
        state.target.restore(read_stored(stored.own.state, PersistedState), now)
    if problem is not None:
        raise problem


def adopt_shared(
    state: "ProviderState", shared: SharedState, now: ClockReading, *, keep_plan: bool
) -> bool:
    """Carry on from what another tracker of our vantage knows, where that is newer.

    keep_plan: the next check is ours. Returns whether it was newer. Raises msgspec.DecodeError or
    ValueError for a state that is not ours.
    """
    target = state.find_target(shared.model)
    if target is None:
        return False
    last = target.health.last_check
    if last is not None and (now.at - last).total_seconds() <= shared.age:
        return False
    due = target.next_due
    saved = read_stored(shared.state, PersistedState)
    target.restore(_on_our_clock(saved, shared.age, now), now)
    if not keep_plan:
        due = None if shared.due_in is None else now.steady + shared.due_in
    target.next_due = state.plan(due)
    target.stale_at = None if shared.fresh_for is None else now.steady + shared.fresh_for
    if shared.model is None:
        state.checked = True
        state.models = state.models if shared.models is None else shared.models
    state.touch()
    return True


def _on_our_clock(saved: PersistedState, age: float, now: ClockReading) -> PersistedState:
    """Return another tracker's state with its times on our clock, where the two clocks differ.

    age: seconds since its check on the hub's clock, the only one that all can read.
    """
    last = saved.health.last_check
    if last is None:
        return saved
    ahead = now.at - timedelta(seconds=age) - last
    return saved if abs(ahead) <= SAME_CLOCK else saved.on_clock_ahead(ahead)
