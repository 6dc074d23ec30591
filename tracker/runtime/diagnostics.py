"""The tracker's own health: live values for operators, not part of a snapshot."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from tracker.core.cluster import ClusterReport
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.components import TrackerComponents
from tracker.runtime.problems import find_failures, find_troubles
from tracker.runtime.supervisor import ActorHealth


@attrs.frozen(kw_only=True)
class DatabaseHealth:
    """state: "ok" or "unavailable". buffered: results waiting in memory; dropped: lost results."""

    state: str
    reason: str = ""
    buffered: int = 0
    dropped: int = 0


@attrs.frozen(kw_only=True)
class AlertHealth:
    """``open``: incidents open now; all others are counts since this start.

    opened: incidents. sent, repeated, resolved: delivered messages, one per target; failed:
    attempts; suppressed: openings and ends without a message; waiting: messages to be sent.
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
    """status: "ok"; "degraded" while a problem does not stop the tracker; "failing" when its event
    loop or an actor hangs, or no snapshot is published. problems: why, in sentences.
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
    actor_restarts: int
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

    @property
    def hub_lag_rows(self) -> int | None:
        """Return how many stored checks the cluster's hub does not have yet; None: not known."""
        return None if self.cluster is None else self.cluster.lag


def collect_health(
    parts: TrackerComponents,
    *,
    watched: int,
    running: bool,
    ready: bool,
    started_at: datetime,
    configuration_errors: Sequence[str],
    actors: Mapping[str, ActorHealth],
) -> TrackerHealth:
    """Look at everything now. Cheap: a few values a provider, nothing waits."""
    untrusted = parts.aggregator.untrusted_reporters()
    status, problems = _judge(parts, configuration_errors, untrusted)
    canary, snapshot = parts.supervisor.shared.canary, parts.aggregator.board.latest
    return TrackerHealth(
        status=status,
        problems=problems,
        running=running,
        ready=ready,
        started_at=started_at,
        providers_monitored=watched,
        database=_database(parts),
        completions=parts.view_budget(),
        actors=actors,
        loop_lag_ms=canary.lag * 1000.0,
        worst_loop_lag_ms=canary.worst_lag * 1000.0,
        stalls=canary.stalls,
        actor_restarts=parts.supervisor.restarts,
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


def _judge(
    parts: TrackerComponents,
    configuration_errors: Sequence[str],
    untrusted: Sequence[str],
) -> tuple[str, tuple[str, ...]]:
    """Return the status, and all problems, the worst first."""
    failures = tuple(find_failures(parts))
    troubles = tuple(
        find_troubles(
            parts,
            configuration_errors=configuration_errors,
            untrusted_reporters=untrusted,
        )
    )
    return "failing" if failures else "degraded" if troubles else "ok", (*failures, *troubles)


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
