"""Problems of the tracker itself, in sentences for its operators."""

from collections import Counter
from collections.abc import Iterator, Sequence

import attrs

from tracker.core.outcomes import OutcomeKind
from tracker.core.patient_reader import hanging_files
from tracker.core.snapshot import Snapshot
from tracker.health.status_rules import OUR_NETWORK
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.components import TrackerComponents
from tracker.store import Store

SILENT_SECONDS = 5.0  # an event loop blocked this long is too slow for everybody
OVERDUE_SECONDS = 60.0  # an actor this late hangs, as checks end within their time-out


def find_failures(parts: TrackerComponents) -> Iterator[str]:
    """Return why a restart of the process would help."""
    if (silent := parts.supervisor.shared.canary.silent_for()) > SILENT_SECONDS:
        yield f"the event loop has been blocked for {silent:.0f} s"
    if (silent := parts.aggregator.silent_for()) > OVERDUE_SECONDS:
        yield f"the last snapshot is {silent:.0f} s overdue"
    for name, overdue in parts.supervisor.overdue().items():
        if overdue > OVERDUE_SECONDS:
            yield f"the task that checks {name} is {overdue:.0f} s late"


def find_troubles(
    parts: TrackerComponents,
    *,
    configuration_errors: Sequence[str] = (),
    untrusted_reporters: Sequence[str] = (),
) -> Iterator[str]:
    """Yield what is wrong but tolerated."""
    yield from _troubles_of_parts(parts)
    yield from () if parts.cluster is None else parts.cluster.problems
    yield from (f"the changed configuration is not used: {why}" for why in configuration_errors)
    yield from (f"reading {file} hangs" for file in hanging_files())
    yield from (
        f"reports from {name} are ignored for now: no check confirmed the failures it reported"
        for name in untrusted_reporters
    )


def _troubles_of_parts(parts: TrackerComponents) -> Iterator[str]:
    yield from _troubles_of_database(parts.store)
    if not parts.aggregator.knows_all:
        yield (
            "the history is still being loaded: uptime and latencies of a day are not known "
            "yet, and "
            "the counts of checks and completions are too low"
        )
    network = parts.aggregator.network
    if network.away:
        yield (
            f"our network cannot be reached: {len(network.suspects)} providers failed at DNS or "
            "connecting, and none has answered since"
        )
    for keeper in attrs.astuple(parts.keepers, recurse=False):
        if keeper is not None and keeper.restarting:
            yield f"the {keeper.name} is restarting after a crash"
    yield from parts.alerts.problems()
    yield from describe_budget(parts)
    if parts.aggregator.dropped:
        yield f"{parts.aggregator.dropped} messages were dropped because of a bug; see the log"
    for name, state in parts.supervisor.crashed():
        yield f"the task that checks {name} is {state} after a crash"
    for why, number in _count_internal_failures(parts.aggregator.board.latest).items():
        yield f"the last check of {number} could not be made: {why}"
    rank = parts.aggregator.rank
    if isinstance(rank, FallbackRanker) and rank.complaint is not None:
        yield f"the default ranking policy is used: {rank.complaint}"


def describe_budget(parts: TrackerComponents) -> Iterator[str]:
    """Yield how many checks wait for completions that the day no longer has."""
    waiting, budget = count_waiting(parts.aggregator.board.latest), parts.view_budget()
    if waiting and not budget.per_day:
        yield f"{waiting} are never asked for a completion: completions_per_day is 0"
    elif waiting:
        yield (
            f"completion checks of {waiting} wait for {budget.resets_at:%H:%M} UTC: the "
            f"{budget.per_day:,} completions of today are used up"
        )


def count_waiting(snapshot: Snapshot) -> int:
    """Return how many providers and offers wait for the completions of the next day."""
    views = snapshot.providers.values()
    watched = [view for view in views if view.enabled]
    with_offers = (view for view in watched if view.offers)  # seldom anything: ten thousand are
    offers = sum(offer.waits_for_budget for view in with_offers for offer in view.offers)
    return sum(view.waits_for_budget for view in watched) + offers


def _troubles_of_database(store: Store) -> Iterator[str]:
    if not store.state.ok:
        yield f"the database is unavailable: {store.state.reason}"
    for other in store.others:
        yield (
            f"another tracker writes to the same database: {other}; stop one or give it its "
            "own file"
        )
    if store.left_out:
        yield f"{store.left_out} stored checks were skipped: they were not written by this program"


def _count_internal_failures(snapshot: Snapshot) -> Counter[str]:
    """Return how many last checks failed through us, by why: no descriptor left, say."""
    views = snapshot.providers.values()
    return Counter(
        view.error_message
        for view in views
        if view.enabled
        and view.outcome is OutcomeKind.INTERNAL
        and not view.error_message.startswith(OUR_NETWORK)  # reported once for all providers
    )
