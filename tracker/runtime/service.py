"""Opening everything a tracker needs, and starting and stopping it in order.

Shutdown: the checks stop, the mailbox is drained, the backlog is flushed, the store closes.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from tracker.alerts.rules import AlertRules
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
        wakes, aggregator = SharedWakes(), _make_aggregator(config, clock)
        parts = _OpenParts(
            store=store,
            aggregator=aggregator,
            writer=Writer(
                store,
                aggregator.backlog,
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


def _make_aggregator(config: Config, clock: Clock) -> Aggregator:
    nothing = Ranking(reason="no provider has been checked yet")
    return Aggregator(
        board=Board(Snapshot(timestamp=clock.now(), revision=0, ranking=nothing)),
        backlog=Backlog(limit=config.buffer_limit),
        rank=FallbackRanker(config.ranking),
        clock=clock,
        mask=mask_of(config.secrets()),
    )


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
        keepers = self._keepers(alerts, inbox)
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
                    keepers.cluster = self._keep_endlessly("cluster", cluster.run)
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
            with trio.move_on_after(DRAIN_SECONDS):  # the last sender is closed
                await drained.wait()
            await self.writer.flush(FLUSH_SECONDS)
            if cluster is not None:
                await cluster.end()
            nursery.cancel_scope.cancel()

    def _keepers(
        self, alerts: AlertTask, inbox: trio.MemoryReceiveChannel[Message]
    ) -> RestartingTasks:
        return RestartingTasks(
            canary=self._keep("canary", self.shared.canary.run),
            aggregator=self._keep("aggregator", lambda: self.aggregator.run(inbox)),
            writer=self._keep("writer", self.writer.run),
            alerts=self._keep_endlessly("alerts", alerts.run),
        )

    def _alerts(self, settings: LiveSettings, outbox: trio.MemorySendChannel[Message]) -> AlertTask:
        async def publish(log: IncidentLog) -> None:
            await outbox.send(IncidentsChanged(log=log))

        return AlertTask(
            board=self.aggregator.board,
            store=self.store,
            backlog=self.aggregator.backlog,
            state=AlertState(AlertRules(settings.effective)),
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

    def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> RestartingTask:
        return RestartingTask(name, run, backoff=self.backoff, mask=self.aggregator.masked)

    def _keep_endlessly(self, name: str, run: Callable[[], Awaitable[None]]) -> RestartingTask:
        """Restart it however often it crashes: checks go on without it, and health tells."""
        endless = attrs.evolve(self.backoff, budget=1_000_000)
        return RestartingTask(name, run, backoff=endless, mask=self.aggregator.masked)


async def _drain(aggregator: RestartingTask, drained: trio.Event) -> None:
    await aggregator.keep()
    drained.set()


class HealthiestProviderSource(Protocol):
    """A Tracker, an embedded one or a client: each can answer from memory."""

    def get_healthiest_provider(self) -> str | None:
        """Return the best provider's name from memory, None where none is usable."""
        ...


def get_healthiest_provider(tracker: HealthiestProviderSource) -> str | None:
    """Return the provider to use next, from memory; None when no provider is usable."""
    return tracker.get_healthiest_provider()
