"""Building the parts of a cluster. Imported only with [cluster] configured."""

import os
import socket
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import attrs
import trio

from tracker.cluster.alerts import SharedAlerts
from tracker.cluster.calls import HubCaller
from tracker.cluster.hub import Hub, Profile
from tracker.cluster.leases import LeaseKeeper
from tracker.cluster.membership import Membership
from tracker.cluster.news import NewsReader
from tracker.cluster.own_origin import OwnOrigin
from tracker.cluster.postgres import PostgresHub
from tracker.cluster.shipper import Present, Shipper
from tracker.core.clock import Clock
from tracker.core.cluster import SharedNews
from tracker.core.extras import own_version
from tracker.core.settings import ClusterSettings, Config
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.check_sharing import CheckSharing
from tracker.runtime.cluster_task import ClusterTask
from tracker.runtime.file_lock import FileLock
from tracker.runtime.messages import Message, NewsShared
from tracker.runtime.place_watch import PlaceWatch
from tracker.runtime.supervisor import Supervisor
from tracker.runtime.vantage_rankings import VantageRankings
from tracker.store import Store


def make_cluster_task(
    config: Config,
    *,
    store: Store,
    aggregator: Aggregator,
    supervisor: Supervisor,
    outbox: trio.MemorySendChannel[Message],
    clock: Clock,
    hub: Hub | None = None,
) -> ClusterTask:
    """Put the parts together. hub: instead of PostgreSQL at the configured URL."""
    assert config.cluster is not None
    return _Parts(config, config.cluster, store, aggregator, supervisor, outbox, clock).join(hub)


@attrs.frozen
class _Parts:
    """What the parts of a cluster are built from."""

    config: Config
    settings: ClusterSettings
    store: Store
    aggregator: Aggregator
    supervisor: Supervisor
    outbox: trio.MemorySendChannel[Message]
    clock: Clock

    def join(self, hub: Hub | None) -> ClusterTask:
        settings, aggregator, clock = self.settings, self.aggregator, self.clock
        database = Path(os.path.realpath(self.config.database))
        caller = HubCaller(hub or PostgresHub(settings.url), settings.lease_seconds / 2.0)
        later = _Later()  # the keeper and the reader call objects that are built from them
        keeper = self._keeper(caller, database, later)
        shipper = Shipper(
            caller=caller,
            keeper=keeper,
            store=self.store,
            present=_presents(aggregator),
            clock=clock,
        )
        reader = self._reader(caller, keeper, later)
        later.sharing = CheckSharing(
            settings=settings,
            aggregator=aggregator,
            supervisor=self.supervisor,
            keeper=keeper,
            shipper=shipper,
            reader=reader,
        )
        return ClusterTask(
            settings=settings,
            aggregator=aggregator,
            sharing=later.sharing,
            keeper=keeper,
            shipper=shipper,
            reader=reader,
            alerts=SharedAlerts(caller=caller, keeper=keeper, clock=clock),
            rankings=VantageRankings(
                caller=caller, keeper=keeper, board=aggregator.board, clock=clock
            ),
            lock=FileLock(database.with_name(f"{database.name}.cluster-lock")),
            publish=self.outbox.send,
            places=PlaceWatch(settings, keeper),
        )

    def _keeper(self, caller: HubCaller, database: Path, later: "_Later") -> LeaseKeeper:
        settings, aggregator = self.settings, self.aggregator
        return LeaseKeeper(
            caller=caller,
            membership=Membership(settings.lease_seconds, settings.beat_seconds),
            origin=OwnOrigin(
                caller=caller,
                profile=_profile(settings, self.config),
                store=self.store,
                file=partial(_identify, database),
                clock=self.clock,
            ),
            names=lambda: [n for n, s in aggregator.providers.items() if s.provider.enabled],
            gained=later.gained,
            handed_over=later.handed_over,
            went_alone=later.went_alone,
            notified=later.notified,
            clock=self.clock,
        )

    def _reader(self, caller: HubCaller, keeper: LeaseKeeper, later: "_Later") -> NewsReader:
        async def take(news: SharedNews) -> None:
            later.sharing.note(news)
            message = NewsShared(news=news)
            await self.outbox.send(message)
            await message.done.wait()

        return NewsReader(
            caller=caller,
            keeper=keeper,
            store=self.store,
            take=take,
            kept=later.keeps_plan,
            fetched=later.fetched,
            clock=self.clock,
        )


class _Later:
    """Callbacks from the parts to what is built from them; set before any of them runs."""

    sharing: CheckSharing

    def gained(self, names: Collection[str]) -> None:
        self.sharing.gain(names)

    def notified(self) -> None:
        self.sharing.reader.notify()

    def keeps_plan(self, name: str) -> bool:
        return self.sharing.keeps_plan(name)

    def fetched(self, until: float) -> None:
        self.sharing.resume(until)

    def handed_over(self, name: str) -> bool:
        return self.sharing.is_handed_over(name)

    def went_alone(self) -> None:
        self.sharing.go_alone()


def _profile(settings: ClusterSettings, config: Config) -> Profile:
    """Return how this tracker is named to the others."""
    return Profile(
        vantage=settings.vantage,
        origin="",
        url=f"http://{socket.gethostname()}:{config.server.port}{config.server.root_path}",
        version=own_version(),
    )


def _identify(database: Path) -> str:
    """Name the file by machine and place on its disk: a copy has another."""
    try:
        found = database.stat()
    except OSError:
        return f"{socket.gethostname()}:{database}"
    return f"{socket.gethostname()}:{found.st_dev}:{found.st_ino}"


def _presents(aggregator: Aggregator) -> Callable[[str, str | None], Present | None]:
    """Return how each target stands now, by its provider and model."""

    def present(name: str, model: str | None) -> Present | None:
        state = aggregator.providers.get(name)
        target = None if state is None else state.find_target(model)
        if state is None or target is None:
            return None
        view, now = state.published.view, aggregator.clock.steady()
        return Present(
            status=target.status.value if target.status is not None else "unknown",
            reason=view.reason if view is not None and model is None else "",
            checked_at=target.health.last_check,
            due_in=None if target.next_due is None else target.next_due - now,
            fresh_for=None if target.stale_at is None else target.stale_at - now,
            models=state.models if model is None else None,
        )

    return present
