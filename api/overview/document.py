"""The dashboard's initial data and later changes, encoded once for all open pages."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import msgspec
import trio

from api.overview.glance import view_best, view_health, view_incidents
from api.overview.rows import FIELDS, encode_row
from api.schemas.convert import instant
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.runtime.diagnostics import TrackerHealth

SLICE = 250  # rows encoded without a checkpoint: about two milliseconds
HEALTH_SECONDS = 2.0  # one answer about a thousand actors is shared by all pages for this long

Row = tuple[ProviderStatus, float | None, bytes]  # with the cost that it was encoded with


@attrs.define(eq=False)
class Overview:
    """The event stream for the dashboard. ``page``: the version of the page."""

    page: str
    health: Callable[[], TrackerHealth]
    has_hub: bool = False  # whether more than a week of history is available
    _rows: dict[str, Row] = attrs.field(factory=dict)
    _rows_before: dict[str, Row] = attrs.field(factory=dict)  # that these have replaced
    _costs: list[tuple[Ranking, Mapping[str, float | None]]] = attrs.field(factory=list)
    _known_health: tuple[float, dict[str, Any]] | None = None

    async def prepare(self, snapshot: Snapshot) -> None:
        """Encode the rows in slices, so that the first page of many providers stops nobody."""
        costs = self._costs_of(snapshot.ranking)
        for number, provider in enumerate(snapshot.providers.values()):
            self._row(provider, costs.get(provider.name))
            if number % SLICE == SLICE - 1:
                await trio.lowlevel.checkpoint()

    def whole(self, snapshot: Snapshot) -> bytes:
        """Encode the whole page's data; only the rows that changed are encoded again."""
        costs = self._costs_of(snapshot.ranking)
        for gone in self._rows.keys() - snapshot.providers.keys():
            del self._rows[gone]
            self._rows_before.pop(gone, None)
        rows = (self._row(p, costs.get(name)) for name, p in snapshot.providers.items())
        return msgspec.json.encode(
            {
                "page": self.page,
                "timestamp": instant(snapshot.timestamp),
                "swept": snapshot.swept,
                "fields": FIELDS,
                "providers": msgspec.Raw(b"[%s]" % b",".join(rows)),
                "best": view_best(snapshot),
                "incidents": view_incidents(snapshot),
                "health": self._health_now(),
                "hub": self.has_hub,
            }
        )

    def changes(self, before: Snapshot, after: Snapshot) -> Iterator[tuple[str, bytes]]:
        """Yield ``(event name, JSON body)``: changed rows, a new best, changed incidents."""
        if rows := list(self._changed_rows(before, after)):
            yield "rows", b"[%s]" % b",".join(rows)
        if before.ranking is not after.ranking or before.swept != after.swept:
            was, best = (msgspec.json.encode(view_best(each)) for each in (before, after))
            if was != best:
                yield "best", best
        if before.incidents is not after.incidents:
            yield "incidents", msgspec.json.encode(view_incidents(after))

    def heartbeat(self, now: str) -> bytes:
        """Return the heartbeat's JSON with the tracker's health. now: ISO 8601 in UTC."""
        return msgspec.json.encode({"timestamp": now, "health": self._health_now()})

    def _changed_rows(self, before: Snapshot, after: Snapshot) -> Iterator[bytes]:
        costs, were = self._costs_of(after.ranking), self._costs_of(before.ranking)
        for name, provider in after.providers.items():
            known, cost = before.providers.get(name), costs.get(name)
            if known is provider and cost == were.get(name):
                continue
            row = self._row(provider, cost)
            if known is None or row != self._row_before(known, were.get(name)):
                yield row

    def _row(self, provider: ProviderStatus, cost: float | None) -> bytes:
        known = self._rows.get(provider.name)
        if known is not None and known[0] is provider and known[1] == cost:
            return known[2]
        encoded = encode_row(provider, cost)
        if known is not None:
            self._rows_before[provider.name] = known
        self._rows[provider.name] = (provider, cost, encoded)
        return encoded

    def _row_before(self, provider: ProviderStatus, cost: float | None) -> bytes:
        known = self._rows_before.get(provider.name)
        if known is not None and known[0] is provider and known[1] == cost:
            return known[2]
        return encode_row(provider, cost)

    def _costs_of(self, ranking: Ranking) -> Mapping[str, float | None]:
        """Return the costs by provider, cached by identity.

        Comparing rankings looks at every line.
        """
        for known, costs in self._costs:
            if known is ranking:
                return costs
        costs = {line.provider: line.expected_cost_ms for line in ranking.ordered}
        self._costs = [(ranking, costs), *self._costs[:2]]
        return costs

    def _health_now(self) -> dict[str, Any]:
        now = trio.current_time()
        if self._known_health is None or now - self._known_health[0] >= HEALTH_SECONDS:
            self._known_health = now, view_health(self.health())
        return self._known_health[1]
