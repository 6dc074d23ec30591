"""How the tracker itself is: live values for its operators, not part of any snapshot."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from tracker.core.cluster import ClusterReport
from tracker.core.outcomes import OutcomeKind
from tracker.core.patient_reader import hanging_files
from tracker.core.snapshot import Snapshot
from tracker.health.status_rules import OUR_NETWORK
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.restarting_task import RestartingTask
from tracker.runtime.supervisor import ActorHealth, Supervisor
from tracker.store import Store

SILENT_SECONDS = 5.0  # a loop that stands still for so long serves nobody in time
OVERDUE_SECONDS = 60.0  # an actor this late hangs: checks end within their time-out


@attrs.frozen(kw_only=True)
class DatabaseHealth:
    """state: "ok" or "unavailable". buffered: results that wait in memory; dropped: lost ones."""

    state: str
    reason: str = ""
    buffered: int = 0
    dropped: int = 0


@attrs.frozen(kw_only=True)
class AlertHealth:
    """Incidents that are open now; the rest counts since this start.

    opened: incidents. sent, repeated, resolved: messages that arrived, one a target; failed:
    attempts; suppressed: openings and ends of which nobody was told; waiting: messages to be sent.
    """

    open: int = 0
    opened: int = 0
    sent: int = 0
    repeated: int = 0
    resolved: int = 0
    suppressed: int = 0
    failed: int = 0
    waiting: int = 0


@attrs.frozen(kw_only=True)
class TrackerHealth:
    """status: "ok"; "degraded" while something is wrong that the tracker lives with; "failing"
    when its loop or an actor no longer beats, or no snapshot comes. problems: why, in sentences.
    """

    status: str
    problems: tuple[str, ...]
    running: bool
    ready: bool
    started_at: datetime
    providers_monitored: int
    database: DatabaseHealth
    completions: BudgetView
    actors: Mapping[str, ActorHealth]
    loop_lag_ms: float
    worst_loop_lag_ms: float
    stalls: int
    aggregator_restarts: int
    writer_restarts: int
    reports_dropped: int
    feeds_dropped: int
    revision: int
    policy: str
    configuration_errors: tuple[str, ...] = ()
    untrusted_reporters: tuple[str, ...] = ()
    calls_dropped: int = 0
    cluster: ClusterReport | None = None
    alerts: AlertHealth = AlertHealth()

    @property
    def alive(self) -> bool:
        """Return what ``/livez`` says: False only where a restart would help."""
        return self.status != "failing"


@attrs.define
class RestartingTasks:
    """``cluster``: None where this tracker is alone."""

    canary: RestartingTask
    aggregator: RestartingTask
    writer: RestartingTask
    alerts: RestartingTask
    cluster: RestartingTask | None = None


@attrs.frozen
class TrackerComponents:
    """The parts of a running tracker that are looked at."""

    store: Store
    aggregator: Aggregator
    supervisor: Supervisor
    keepers: RestartingTasks
    alerts: AlertTask
    cluster: ClusterReport | None = None


def collect_health(
    parts: TrackerComponents,
    *,
    watched: int,
    running: bool,
    ready: bool,
    started_at: datetime,
    configuration_errors: Sequence[str],
) -> TrackerHealth:
    """Look at everything now. Cheap: a few values a provider, nothing waits."""
    actors = parts.supervisor.health()
    failures = list(find_failures(parts))
    troubles = [*_troubles(parts, actors)]
    troubles += parts.cluster.problems if parts.cluster is not None else ()
    troubles += [f"the new configuration is wrong: {why}" for why in configuration_errors]
    troubles += [f"{file} hangs: it cannot be read" for file in hanging_files()]
    untrusted = parts.aggregator.untrusted_reporters()
    troubles += [
        f"reporter {name} is not trusted for now: no check confirmed the failures it told of"
        for name in untrusted
    ]
    canary, snapshot = parts.supervisor.shared.canary, parts.aggregator.board.latest
    return TrackerHealth(
        status="failing" if failures else "degraded" if troubles else "ok",
        problems=(*failures, *troubles),
        running=running,
        ready=ready,
        started_at=started_at,
        providers_monitored=watched,
        database=_database(parts),
        completions=_budget(parts),
        actors=actors,
        loop_lag_ms=canary.lag * 1000.0,
        worst_loop_lag_ms=canary.worst_lag * 1000.0,
        stalls=canary.stalls,
        aggregator_restarts=parts.keepers.aggregator.restarts,
        writer_restarts=parts.keepers.writer.restarts,
        reports_dropped=parts.aggregator.dropped,
        feeds_dropped=parts.aggregator.board.dropped,
        revision=snapshot.revision,
        policy=snapshot.ranking.policy,
        configuration_errors=tuple(configuration_errors),
        untrusted_reporters=untrusted,
        cluster=parts.cluster,
        calls_dropped=parts.aggregator.traffic.ledger.dropped,
        alerts=_alerts(parts.alerts),
    )


def _alerts(task: AlertTask) -> AlertHealth:
    state = task.state
    return AlertHealth(
        open=len(state.book.open),
        waiting=sum(row.waiting for row in state.outbox),
        **attrs.asdict(state.counts),
    )


def _database(parts: TrackerComponents) -> DatabaseHealth:
    backlog, state = parts.aggregator.backlog, parts.store.state
    return DatabaseHealth(
        state="ok" if state.ok else "unavailable",
        reason=state.reason,
        buffered=len(backlog),
        dropped=backlog.dropped,
    )


def _budget(parts: TrackerComponents) -> BudgetView:
    shared = parts.supervisor.shared
    return shared.budget.view(shared.clock.now())


def find_failures(parts: TrackerComponents) -> Iterator[str]:
    """Return why a restart of the process would help."""
    if (silent := parts.supervisor.shared.canary.silent_for()) > SILENT_SECONDS:
        yield f"the event loop has not turned for {silent:.0f} s"
    if (silent := parts.aggregator.silent_for()) > OVERDUE_SECONDS:
        yield f"no snapshot was posted for {silent:.0f} s longer than planned"
    for name, overdue in parts.supervisor.overdue().items():
        if overdue > OVERDUE_SECONDS:
            yield f"the actor of {name} is {overdue:.0f} s late"


def _troubles(parts: TrackerComponents, actors: Mapping[str, ActorHealth]) -> Iterator[str]:
    """Yield what is wrong but tolerated."""
    yield from _troubles_of_database(parts.store)
    if not parts.aggregator.knows_all:
        yield (
            "the history is still being read: uptime and latencies of a day are not known yet, and "
            "too few checks and completions are counted"
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
    yield from _describe_budget(parts)
    if parts.aggregator.dropped:
        yield f"{parts.aggregator.dropped} reports were dropped: our own bug, see the log"
    for name, actor in actors.items():
        if actor.state in {"given up", "restarting"}:
            yield f"the actor of {name} is {actor.state} after a crash"
    for why, number in _count_internal_failures(parts.aggregator.board.latest).items():
        yield f"the last check of {number} could not be made: {why}"
    rank = parts.aggregator.rank
    if isinstance(rank, FallbackRanker) and rank.complaint is not None:
        yield f"the default policy ranks instead: {rank.complaint}"


def _describe_budget(parts: TrackerComponents) -> Iterator[str]:
    waiting, budget = count_waiting(parts.aggregator.board.latest), _budget(parts)
    if waiting and not budget.per_day:
        yield f"{waiting} are never asked for a completion: completions_per_day is 0"
    elif waiting:
        yield (
            f"completion checks of {waiting} wait for {budget.resets_at:%H:%M} UTC: the "
            f"{budget.per_day:,} completions of the day are spent"
        )


def count_waiting(snapshot: Snapshot) -> int:
    """Return how many providers and offers wait for the completions of the next day."""
    views = snapshot.providers.values()
    return sum(
        view.waits_for_budget + sum(offer.waits_for_budget for offer in view.offers)
        for view in views
        if view.enabled
    )


def _troubles_of_database(store: Store) -> Iterator[str]:
    if not store.state.ok:
        yield f"the database is unavailable: {store.state.reason}"
    for other in store.others:
        yield f"another tracker writes to the same database: {other}; stop one, or give it a file"
    if store.left_out:
        yield f"{store.left_out} stored checks were left out: no version of ours wrote them so"


def _count_internal_failures(snapshot: Snapshot) -> Counter[str]:
    """Return how many last checks failed through us, by why: no descriptor left, say."""
    views = snapshot.providers.values()
    return Counter(
        view.error_message
        for view in views
        if view.enabled
        and view.outcome is OutcomeKind.INTERNAL
        and not view.error_message.startswith(OUR_NETWORK)  # said once for all of them
    )
