"""Opening everything a tracker needs, and starting and stopping it in order.

Shutdown: the checks stop, the mailbox is drained, the backlog is flushed, the store closes.
"""

from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from tracker.alerts.state import AlertState
from tracker.alerts.targets import Sender
from tracker.core.backoff import Backoff
from tracker.core.clock import Clock
from tracker.core.incidents import IncidentLog
from tracker.core.ranking import Ranking
from tracker.core.redaction import mask_of
from tracker.core.settings import Config
from tracker.core.shared_wakes import SharedWakes
from tracker.core.snapshot import Snapshot
from tracker.core.threads import on_the_loop
from tracker.probes import open_check as open_real_check
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.actor_context import ActorContext, OpenCheck
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.board import Board
from tracker.runtime.completion_budget import CompletionBudget
from tracker.runtime.components import RestartingTasks
from tracker.runtime.live_settings import LiveSettings
from tracker.runtime.loop_monitor import LoopMonitor
from tracker.runtime.messages import IncidentsChanged, Message
from tracker.runtime.restarting_task import RestartingTask
from tracker.runtime.start_limiter import StartLimiter
from tracker.runtime.supervisor import Supervisor
from tracker.runtime.tracker import Tracker
from tracker.store import Store, open_store
from tracker.store.backlog import Backlog
from tracker.store.writer import Writer

if TYPE_CHECKING:
    from tracker.runtime.cluster_task import ClusterTask

DRAIN_SECONDS = 1.0  # for messages in the mailbox; each takes well under a millisecond
FLUSH_SECONDS = 2.0  # for the disk; together below the 5 s that service managers allow


async def run_tracker(
    config: Config,
    *,
    clock: Clock = Clock(),
    open_check: OpenCheck = open_real_check,
    backoff: Backoff = Backoff(),
    canary: LoopMonitor | None = None,
    pacer: StartLimiter | None = None,
    task_status: trio.TaskStatus[Tracker] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Watch the providers until ``tracker.stop()``; hands the Tracker over when it is running.

    open_check: how a provider is asked; backoff: delays of restarts after a crash. pacer: when each
    check may begin. Raises RestartBudgetExceededError, in a group, when the aggregator, the writer
    or the canary cannot be kept running: answers from a frozen snapshot would be wrong.
    """
    async with open_store(config.database, clock=clock, wait=False) as store:
        backlog, wakes = Backlog(limit=config.buffer_limit), SharedWakes()
        aggregator = Aggregator(
            board=Board(_blank(clock)),
            backlog=backlog,
            rank=FallbackRanker(config.ranking),
            clock=clock,
            mask=mask_of(config.secrets()),
        )
        parts = _OpenParts(
            store=store,
            aggregator=aggregator,
            writer=Writer(
                store,
                backlog,
                clock=clock,
                told=aggregator.told_time,
                retention_days=config.retention_days,
                wakes=wakes,
            ),
            shared=ActorContext(
                open_check=open_check,
                clock=clock,
                canary=canary or LoopMonitor(wakes=wakes),
                pacer=pacer or StartLimiter(),
                wakes=wakes,
                budget=CompletionBudget(config.completions_per_day),
                schedule=config.schedule,
                skip_check=aggregator.may_skip_check,
                collect=aggregator.collect,
            ),
            backoff=backoff,
        )
        try:
            await parts.run(config, task_status)
        finally:  # also after a fatal error, so that results are not lost
            await parts.writer.finish()


@attrs.frozen(kw_only=True)
class _OpenParts:
    """Everything that is opened before the first task starts."""

    store: Store
    aggregator: Aggregator
    writer: Writer
    shared: ActorContext
    backoff: Backoff

    async def run(self, config: Config, task_status: trio.TaskStatus[Tracker]) -> None:
        outbox, inbox = trio.open_memory_channel[Message](config.mailbox_size)
        settings = LiveSettings(config)
        alerts = self._alerts(settings, outbox)
        keep = partial(RestartingTask, backoff=self.backoff, mask=self.aggregator.masked)
        keepers = RestartingTasks(
            canary=keep("canary", self.shared.canary.run),
            aggregator=keep("aggregator", lambda: self.aggregator.run(inbox)),
            writer=keep("writer", self.writer.run),
            alerts=keep("alerts", alerts.run, backoff=self._endless_backoff()),
        )
        async with inbox, trio.open_nursery() as nursery:  # outlives the actors
            nursery.start_soon(keepers.canary.keep)
            nursery.start_soon(keepers.writer.keep)
            drained = trio.Event()
            nursery.start_soon(_drain, keepers.aggregator, drained)
            async with outbox, trio.open_nursery() as actors:
                supervisor = Supervisor(actors, outbox, self.shared, self.backoff)
                self.aggregator.traffic.request_check = supervisor.request_check
                cluster = self._cluster(config, supervisor, outbox)
                if cluster is not None:
                    alerts.shared = cluster.alerts
                    keepers.cluster = keep("cluster", cluster.run, backoff=self._endless_backoff())
                tracker = Tracker(
                    settings=settings,
                    store=self.store,
                    aggregator=self.aggregator,
                    writer=self.writer,
                    supervisor=supervisor,
                    keepers=keepers,
                    alerts=alerts,
                    outbox=outbox,
                    cluster=cluster,
                )
                alerts.state.rank_offers = on_the_loop(tracker.offers.rank)
                await tracker.start(actors)
                actors.start_soon(keepers.alerts.keep)
                if keepers.cluster is not None:
                    actors.start_soon(keepers.cluster.keep)
                task_status.started(tracker)
                await tracker.stopped()
                actors.cancel_scope.cancel()
            with trio.move_on_after(
                DRAIN_SECONDS
            ):  # the last sender is closed: no more messages come
                await drained.wait()
            await self.writer.flush(FLUSH_SECONDS)
            if cluster is not None:
                await cluster.end()
            nursery.cancel_scope.cancel()

    def _alerts(self, settings: LiveSettings, outbox: trio.MemorySendChannel[Message]) -> AlertTask:
        async def publish(log: IncidentLog) -> None:
            await outbox.send(IncidentsChanged(log=log))

        return AlertTask(
            board=self.aggregator.board,
            store=self.store,
            backlog=self.aggregator.backlog,
            state=AlertState(settings.effective),
            sender=Sender(self.aggregator.masked),
            settings=lambda: settings.effective,
            flush=self.writer.flush,
            publish=publish,
            clock=self.shared.clock,
        )

    def _cluster(
        self, config: Config, supervisor: Supervisor, outbox: trio.MemorySendChannel[Message]
    ) -> "ClusterTask | None":
        """Make this tracker one of many where the configuration says so; else import nothing."""
        if config.cluster is None:
            return None
        from tracker.runtime.cluster_setup import make_cluster_task  # noqa: PLC0415

        task = make_cluster_task(
            config,
            store=self.store,
            aggregator=self.aggregator,
            supervisor=supervisor,
            outbox=outbox,
            clock=self.shared.clock,
        )
        self.shared.gate = task.sharing.gate
        self.writer.stored = task.shipper.note_stored
        return task

    def _endless_backoff(self) -> Backoff:
        """Return a back-off without end: checks go on without alerts and cluster; health tells."""
        return attrs.evolve(self.backoff, budget=1_000_000)


async def _drain(aggregator: RestartingTask, drained: trio.Event) -> None:
    await aggregator.keep()
    drained.set()


def _blank(clock: Clock) -> Snapshot:
    ranking = Ranking(reason="no provider has been checked yet")
    return Snapshot(timestamp=clock.now(), revision=0, ranking=ranking)


class HealthiestProviderSource(Protocol):
    """A Tracker, an embedded one or a client: each can answer from memory."""

    def get_healthiest_provider(self) -> str | None:
        """Return the best provider's name from memory, None where none is usable."""
        ...


def get_healthiest_provider(tracker: HealthiestProviderSource) -> str | None:
    """Return the provider to use next, from memory; None when no provider is usable."""
    return tracker.get_healthiest_provider()
