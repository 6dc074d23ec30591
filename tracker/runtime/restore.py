"""What the store remembers, made into what a tracker carries on from."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs
import trio

from tracker.core.records import OverrideRecord
from tracker.health.provider_state import StoredProvider
from tracker.health.rolling_statistics import SLACK, WEEK, Statistics, counts_as
from tracker.runtime.messages import HistoryLoaded
from tracker.store import Store, StoredData
from tracker.store.loading import KINDS, CheckHistory

# Stored outcomes are indices of KINDS; the statistics only ask how each counts.
_COUNTS_AS = bytes(counts_as(kind) for kind in KINDS).ljust(256, b"\0")


@attrs.frozen(kw_only=True)
class RestoredState:
    """``restore`` goes to the aggregator; the overrides decide which actors start."""

    restore: HistoryLoaded
    overrides: Mapping[str, OverrideRecord]


async def restore_state(store: Store, *, now: datetime) -> RestoredState:
    """Everything that is stored and still counts. Raises StoreUnavailable.

    Building the statistics of two million checks takes seconds, so it is done off the loop.
    """
    loaded = await store.load(now - timedelta(seconds=WEEK + SLACK))
    return await trio.to_thread.run_sync(_build, loaded, now.timestamp(), limiter=store.worker)


def _build(loaded: StoredData, now: float) -> RestoredState:
    names = loaded.histories.keys() | loaded.states.keys()
    past = {
        name: StoredProvider(
            statistics=_statistics(loaded.histories.get(name) or CheckHistory(), now),
            state=loaded.states.get(name),
        )
        for name in names
    }
    return RestoredState(
        restore=HistoryLoaded(past=past, best=loaded.best), overrides=dict(loaded.overrides)
    )


def _statistics(history: CheckHistory, now: float) -> Statistics:
    return Statistics.remembered(
        history.at,
        bytes(history.kinds).translate(_COUNTS_AS),
        history.latency_ms,
        bytes(min(spent, 255) for spent in history.completions),
        now=now,
    )
