"""The running tracker, as used by the API, the command line and embedding programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from tracker.config.overrides import UNSET, Setting
from tracker.core.cluster import ClusterReport, VantageRanking
from tracker.core.outcomes import CheckResult, OutcomeKind
from tracker.core.records import OverrideRecord
from tracker.core.redaction import Mask
from tracker.core.settings import Config, Provider
from tracker.core.slices import Turn, in_turns
from tracker.core.snapshot import Snapshot
from tracker.ranking.guard import FallbackRanker
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.board import Board
from tracker.runtime.components import RestartingTasks, TrackerComponents
from tracker.runtime.diagnostics import TrackerHealth, collect_health
from tracker.runtime.history_loader import HistoryLoader
from tracker.runtime.incident_actions import IncidentActions
from tracker.runtime.live_settings import LiveSettings
from tracker.runtime.mailbox import Mailbox
from tracker.runtime.messages import Message
from tracker.runtime.model_directory import ModelDirectory
from tracker.runtime.offer_queries import OfferQueries
from tracker.runtime.problems import find_failures
from tracker.runtime.report_receiver import ReportReceipt, ReportReceiver
from tracker.runtime.settings_changes import SettingsChanges
from tracker.runtime.startup import Startup
from tracker.runtime.stored_records import StoredRecords
from tracker.runtime.supervisor import ActorHealth, Supervisor
from tracker.store import Store
from tracker.store.writer import Writer

log = structlog.get_logger()

if TYPE_CHECKING:
    from tracker.runtime.cluster_task import ClusterTask


@attrs.define(eq=False)
class Tracker:
    """All reads come from memory. Use it only in the thread of its trio run, except ``snapshot``
    and ``get_healthiest_provider``, which any thread may call.

    records: what was stored. offers: who serves a model. incidents: what people do about them.
    """

    _settings: LiveSettings
    _store: Store
    _aggregator: Aggregator
    _writer: Writer
    _supervisor: Supervisor
    _keepers: RestartingTasks
    _alerts: AlertTask
    _outbox: trio.MemorySendChannel[Message]
    _cluster: "ClusterTask | None" = None
    configuration_errors: tuple[str, ...] = ()
    _models: ModelDirectory = attrs.field(init=False)
    _receiver: ReportReceiver = attrs.field(init=False)
    _mailbox: Mailbox = attrs.field(init=False)
    records: StoredRecords = attrs.field(init=False)
    offers: OfferQueries = attrs.field(init=False)
    incidents: IncidentActions = attrs.field(init=False)
    _changes: SettingsChanges = attrs.field(init=False)
    _started_at: datetime = attrs.field(init=False)
    _all_started: trio.Event = attrs.field(factory=trio.Event)  # every actor

    def __attrs_post_init__(self) -> None:
        self._started_at = self._aggregator.clock.now()
        self._models = ModelDirectory(self._settings.file.model_aliases)
        self._mailbox = Mailbox(self._outbox)
        self.records = StoredRecords(self._store, self._cluster)
        self.offers = OfferQueries(self._aggregator, self._models)
        self.incidents = IncidentActions(
            self._settings, self._alerts, self._mailbox, self._aggregator
        )
        self._changes = SettingsChanges(
            settings=self._settings,
            mailbox=self._mailbox,
            aggregator=self._aggregator,
            supervisor=self._supervisor,
            writer=self._writer,
            models=self._models,
        )
        self._receiver = ReportReceiver(
            outbox=self._outbox,
            clock=self._aggregator.clock,
            providers=lambda: self.config.providers,
            mask=lambda: self.mask,
        )

    @property
    def board(self) -> Board:
        """Return where snapshots are posted and followed."""
        return self._aggregator.board

    @property
    def snapshot(self) -> Snapshot:
        """Return the latest snapshot; it never changes."""
        return self._aggregator.board.latest

    @property
    def config(self) -> Config:
        """Return what is in force: the file with the operators' overrides over it."""
        return self._settings.effective

    @property
    def overrides(self) -> Mapping[str, OverrideRecord]:
        """Return what operators tuned, by provider."""
        return self._settings.overrides

    async def informed(self) -> None:
        """Return once this tracker knows what the others of its cluster do; at once without one."""
        if self._cluster is not None:
            await self._cluster.informed()

    @property
    def cluster(self) -> ClusterReport | None:
        """Return the cluster as this tracker sees it now; None where it is alone."""
        return None if self._cluster is None else self._cluster.report()

    @property
    def ready(self) -> bool:
        """Return whether every provider was checked once, or none is to be by itself."""
        return self.snapshot.swept or not self._settings.file.schedule

    @property
    def mask(self) -> Mask:
        """Return what hides the secrets of the present configuration."""
        return self._aggregator.mask

    async def ranking_of(self, vantage: str) -> VantageRanking | None:
        """Return another vantage's own ranking; None where there is none of that name.

        Raises ClusterAwayError.
        """
        return None if self._cluster is None else await self._cluster.ranking_of(vantage)

    def get_healthiest_provider(self) -> str | None:
        """Return the best provider from memory, None when no provider is usable."""
        return self.snapshot.ranking.best

    async def check(self, *names: str) -> dict[str, CheckResult]:
        """Check these now, or all that are switched on; joins checks in progress.

        The snapshot has the results when this returns. Raises KeyError for an unknown name,
        StoppedError.
        """
        for name in names:
            self._settings.file.provider(name)
        chosen = names or tuple(p.name for p in self.config.providers if p.enabled)
        outcomes: dict[str, CheckResult] = {}

        await self._all_started.wait()

        async def check_one(name: str) -> None:
            outcomes[name] = await self._supervisor.check(name) or self._skipped_outcome(name)

        turn = Turn()
        async with trio.open_nursery() as nursery:
            for name in chosen:
                nursery.start_soon(check_one, name)
                await turn.end_if_long()  # thousands in one pass of the loop would hold it
        await self._publish()
        return {name: outcomes[name] for name in chosen}

    async def check_offer(self, name: str, model: str) -> CheckResult:
        """Check one watched offer now; the snapshot has the result when this returns.

        model: the provider's own id. Raises KeyError for an unknown provider or an offer of it that
        is not watched, StoppedError.
        """
        if model not in self._settings.file.provider(name).models:
            raise KeyError(f"{name}/{model}")
        await self._all_started.wait()
        result = await self._supervisor.check(name, model) or self._skipped_outcome(name)
        await self._publish()
        return result

    async def report(self, batch: bytes) -> ReportReceipt:
        """Take a batch of reports of real calls, as ``POST /api/reports`` gets it.

        Raises InvalidBatchError, TooLargeError, TooManyReportsError, StoppedError.
        """
        with self._mailbox.unless_stopped():
            return await self._receiver.receive(batch)

    async def tune(
        self,
        name: str,
        *,
        interval_seconds: float | None | Setting = UNSET,
        enabled: bool | None | Setting = UNSET,
    ) -> Provider:
        """Change a provider at once and for later starts; None returns to the file's value.

        Raises KeyError for an unknown name, ValueError with a sentence for an impossible value,
        StoppedError.
        """
        provider = await self._changes.tune(
            name, interval_seconds=interval_seconds, enabled=enabled
        )
        await self._publish()
        return provider

    async def store_settings(self, seconds: float) -> bool:
        """Wait until what was tuned is in the database, ``seconds`` at most; return whether it is.

        Until it is, a crash of this process forgets the change.
        """
        return self._settings.stored_known and await self._writer.flush(seconds)

    async def reload(self, config: Config) -> None:
        """Take a new configuration: only the actors of providers that changed notice.

        Raises PolicyError, and then nothing has changed, and StoppedError.
        """
        rank = FallbackRanker(config.ranking)
        await self._changes.reload(config, rank)
        self.configuration_errors = ()
        log.info("configuration reloaded", providers=len(config.providers))
        await self._publish()

    def health(self, *, actors: bool = True) -> TrackerHealth:
        """Look at the tracker itself: its parts, restarts, database and budget.

        actors: False leaves them out, of which there may be thousands.
        """
        return self._health(self._supervisor.health() if actors else {})

    async def examine(self) -> TrackerHealth:
        """Return what ``health`` does; with thousands of actors, others have their turn."""
        return self._health(await in_turns(self._supervisor.health_in_steps()))

    def _health(self, actors: Mapping[str, ActorHealth]) -> TrackerHealth:
        return collect_health(
            TrackerComponents(
                store=self._store,
                aggregator=self._aggregator,
                supervisor=self._supervisor,
                keepers=self._keepers,
                alerts=self._alerts,
                cluster=self.cluster,
            ),
            watched=sum(provider.enabled for provider in self.config.providers),
            running=not self._mailbox.stop.is_set(),
            ready=self.ready,
            started_at=self._started_at,
            configuration_errors=self.configuration_errors,
            actors=actors,
        )

    def failures(self) -> tuple[str, ...]:
        """Return why a restart of the process would help: the first part of ``health``, cheaply."""
        parts = TrackerComponents(
            self._store, self._aggregator, self._supervisor, self._keepers, self._alerts
        )
        return tuple(find_failures(parts))

    def stop(self) -> None:
        """Ask the tracker to end; ``run_tracker`` returns when everything is stored."""
        self._mailbox.stop.set()

    async def stopped(self) -> None:
        """Wait until somebody asked it to end."""
        await self._mailbox.stop.wait()

    async def start(self, nursery: trio.Nursery) -> None:
        """Restore what the store remembers, post the first snapshot, start the actors.

        nursery: the actors'.
        """
        history = HistoryLoader(self._store, self._aggregator.clock)
        startup = Startup(
            changes=self._changes,
            history=history,
            receiver=self._receiver,
            started=self._all_started,
        )
        await startup.start(nursery)

    async def _publish(self) -> None:
        await self._mailbox.publish()

    def _skipped_outcome(self, name: str) -> CheckResult:
        message = "no check was made: it is switched off, or the task that checks it crashed"
        return CheckResult(
            kind=OutcomeKind.INTERNAL,
            provider=name,
            at=self._aggregator.clock.now(),
            message=message,
            requests=0,
        )
