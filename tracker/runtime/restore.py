"""Turning stored data into the state from which a tracker continues."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import attrs
import msgspec
import trio

from tracker.core.records import OverrideRecord
from tracker.core.request_shape import RequestShape
from tracker.core.stored_json import read_stored
from tracker.health.check_sample import counts_as
from tracker.health.restoring import StoredProvider
from tracker.health.rolling_statistics import SLACK, Statistics
from tracker.health.target_state import PersistedState, StoredTarget
from tracker.health.uptime_window import WEEK
from tracker.reports.seen import HOUR, SeenReports
from tracker.runtime.messages import HistoryLoaded
from tracker.store import Store, StoredData
from tracker.store.loading import KINDS, CheckHistory, Target

# Enough for a first ranking; for a thousand providers it is read in a tenth of a second.
RECENT_SECONDS = 10_800.0
# Stored outcomes are indices into KINDS; the statistics only need how each counts.
_COUNTS_AS = bytes(counts_as(kind) for kind in KINDS).ljust(256, b"\0")


@attrs.frozen(kw_only=True)
class RestoredState:
    """``restore`` goes to the aggregator; the overrides decide which actors start.

    completions_today: spent by all checks since midnight UTC. learned: by provider, how its models
    must be asked. seen: which reports were accepted.
    """

    restore: HistoryLoaded
    overrides: Mapping[str, OverrideRecord]
    completions_today: int = 0
    learned: Mapping[str, Mapping[str, RequestShape]] = attrs.field(factory=dict)
    seen: SeenReports = attrs.field(factory=SeenReports)

    def take_rest(self) -> HistoryLoaded:
        """Return what those lack who began with the last checks: the statistics alone."""
        return HistoryLoaded(
            past={name: _forget_states(stored) for name, stored in self.restore.past.items()}
        )


async def restore_state(store: Store, *, now: datetime) -> RestoredState:
    """Restore everything that is stored and still counts. Raises StoreUnavailable.

    Building the statistics of two million checks takes seconds, so it is done off the loop.
    """
    loaded = await store.load(now - timedelta(seconds=WEEK + SLACK))
    return await trio.to_thread.run_sync(
        _build, loaded, now, limiter=store.readers, abandon_on_cancel=True
    )


async def restore_recent(store: Store, *, now: datetime) -> RestoredState:
    """Restore what judging carries on from and the last checks: enough to begin with.

    Raises StoreUnavailable, also for a file that is to be migrated first.
    """
    loaded = await store.load_recent(now - timedelta(seconds=RECENT_SECONDS))
    return await trio.to_thread.run_sync(
        partial(_build, complete=False),
        loaded,
        now,
        limiter=store.readers,
        abandon_on_cancel=True,
    )


def _build(loaded: StoredData, now: datetime, *, complete: bool = True) -> RestoredState:
    targets = loaded.histories.keys() | loaded.states.keys()
    stored = {target: _restore_target(loaded, target, now.timestamp()) for target in targets}
    offers: dict[str, dict[str, StoredTarget]] = defaultdict(dict)
    for (name, model), target in stored.items():
        if model is not None:
            offers[name][model] = target
    nothing = StoredTarget(statistics=Statistics(), state=None)
    past = {
        name: StoredProvider(own=stored.get((name, None), nothing), offers=offers.get(name, {}))
        for name, _ in targets
    }
    return RestoredState(
        restore=HistoryLoaded(
            past=past, best=loaded.best, traffic=loaded.traffic, complete=complete
        ),
        seen=_restore_seen(loaded, now),
        overrides=dict(loaded.overrides),
        learned=_collect_learned(stored),
        completions_today=loaded.completions_today,
    )


def _forget_states(stored: StoredProvider) -> StoredProvider:
    offers = {model: attrs.evolve(offer, state=None) for model, offer in stored.offers.items()}
    return StoredProvider(own=attrs.evolve(stored.own, state=None), offers=offers)


def _restore_seen(loaded: StoredData, now: datetime) -> SeenReports:
    seen = SeenReports()
    seen.restore(loaded.traffic.marks, int(now.timestamp() // HOUR))
    return seen


def _collect_learned(stored: Mapping[Target, StoredTarget]) -> dict[str, dict[str, RequestShape]]:
    """Collect how models must be asked out of the stored states; one that is not ours has none."""
    learned: dict[str, dict[str, RequestShape]] = defaultdict(dict)
    for (name, _), target in stored.items():
        if target.state is None:
            continue
        with suppress(msgspec.DecodeError, ValueError):
            state = read_stored(target.state, PersistedState)
            learned[name].update(state.health.learned)
    return {name: shapes for name, shapes in learned.items() if shapes}


def _restore_target(loaded: StoredData, target: Target, now: float) -> StoredTarget:
    history = loaded.histories.get(target) or CheckHistory()
    return StoredTarget(statistics=_statistics(history, now), state=loaded.states.get(target))


def _statistics(history: CheckHistory, now: float) -> Statistics:
    return Statistics.restore(
        history.at,
        bytes(history.kinds).translate(_COUNTS_AS),
        history.latency_ms,
        bytes(min(spent, 255) for spent in history.completions),
        now=now,
        ttft_ms=dict(history.ttft_ms),
    )
