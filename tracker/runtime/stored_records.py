"""What was stored, as it is asked for: checks, calls, changes, months of history."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from tracker.core.records import ChangeRecord
from tracker.runtime.long_history import LongHistory, read_long_history
from tracker.store import History, Store
from tracker.store.traffic import TrafficBucket

if TYPE_CHECKING:
    from tracker.runtime.cluster_task import ClusterTask


@attrs.frozen(eq=False)
class StoredRecords:
    """Every read raises StoreUnavailable, with the reason, while the database cannot be read."""

    _store: Store
    _cluster: "ClusterTask | None" = None

    async def history(
        self,
        names: Sequence[str] | None = None,
        *,
        since: datetime,
        until: datetime | None = None,
        resolution: float | None = None,
        raw: bool = False,
        model: str | None = None,
    ) -> History:
        """Read past checks. See Store.history."""
        return await self._store.history(
            names, since=since, until=until, resolution=resolution, raw=raw, model=model
        )

    async def long_history(
        self, names: Collection[str], *, since: datetime, seconds: int
    ) -> LongHistory | None:
        """Return what this tracker and the cluster's hub know of a long time; None where alone.

        seconds: of a bucket, a multiple of an hour. Raises HistoryTooLarge as well.
        """
        cluster = self._cluster
        if cluster is None:
            return None
        return await read_long_history(
            names,
            since=since,
            seconds=seconds,
            own=lambda begin: self.history(tuple(names), since=begin, resolution=seconds),
            hub=lambda begin: cluster.buckets(names, begin, seconds),
        )

    async def traffic(
        self, names: Sequence[str], *, since: datetime, resolution: int
    ) -> Mapping[str, tuple[TrafficBucket, ...]]:
        """Read real calls. See Store.traffic."""
        return await self._store.traffic(names, since=since, resolution=resolution)

    async def changes(
        self,
        provider: str | None = None,
        *,
        since: datetime,
        until: datetime | None = None,
        limit: int = 500,
    ) -> tuple[ChangeRecord, ...]:
        """Read changes. See Store.changes."""
        return await self._store.changes(provider, since=since, until=until, limit=limit)
