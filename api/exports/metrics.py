"""Prometheus metrics from the latest snapshot, computed only when scraped."""

from collections.abc import Iterator
from datetime import UTC, datetime

import attrs
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from api.connection_counts import ConnectionCounts
from api.exports.cluster_metrics import collect_cluster
from api.exports.connection_metrics import collect_connections
from api.exports.metric_pieces import Column, Families, MetricPieces, Write, split_families
from api.exports.metric_text import escape
from api.exports.own_metrics import collect_own
from api.exports.provider_families import LimitLabels, ProviderFamilies
from api.exports.provider_lines import make_families
from tracker.core.ranking import Ranking
from tracker.core.snapshot import Snapshot
from tracker.runtime.diagnostics import TrackerHealth

OPENMETRICS: Write = openmetrics.generate_latest
TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' format before OpenMetrics
NOTHING = Snapshot(timestamp=datetime.fromtimestamp(0, UTC), revision=0, ranking=Ranking(reason=""))
POSITION = (
    "llm_provider_ranking_position",
    "Place in the ranking, 1 is best; absent when it is not usable.",
)


@attrs.define
class MetricsPage:
    """The answer to a scrape. Error texts are never labels, as Prometheus keeps label values long.

    Not thread-safe.
    """

    labels: LimitLabels = attrs.field(factory=LimitLabels)
    _formats: dict[str, MetricPieces] = attrs.field(factory=dict)

    def encode(
        self,
        snapshot: Snapshot,
        health: TrackerHealth,
        accept: str,
        counts: ConnectionCounts | None = None,
    ) -> tuple[bytes, str]:
        """Return the exposition and its content type. counts: those of the server's clients.

        OpenMetrics, except for clients that name text/plain and not OpenMetrics.
        """
        own = Families([*collect_whole(snapshot, health, counts)])
        accepted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        if "text/plain" in accepted and "application/openmetrics-text" not in accepted:
            return self._write(snapshot, own, generate_latest, TEXT), TEXT
        content_type = openmetrics.CONTENT_TYPE_LATEST
        return self._write(snapshot, own, OPENMETRICS, content_type), content_type

    def _write(self, snapshot: Snapshot, own: Families, write: Write, kind: str) -> bytes:
        if kind not in self._formats:
            self._formats[kind] = self._make_pieces(write)
        positions = write_positions(snapshot)
        # Joined once: each copy of the megabytes costs as much as all that is new in them.
        return b"".join([*self._formats[kind].blocks(snapshot.providers), positions, write(own)])

    def _make_pieces(self, write: Write) -> MetricPieces:
        empty = Families([*ProviderFamilies(NOTHING, self.labels).collect()])
        heads = [head for head, _ in split_families(write(empty))]
        families = make_families(self.labels.allow)
        return MetricPieces([Column(*both) for both in zip(heads, families, strict=True)])


def collect_whole(
    snapshot: Snapshot, health: TrackerHealth, counts: ConnectionCounts | None
) -> Iterator[Metric]:
    """Yield the metrics of the tracker, its hub and its clients."""
    yield from collect_own(health, snapshot)
    yield from collect_connections(counts or ConnectionCounts())
    yield from collect_cluster(health.cluster, snapshot)


def collect_families(snapshot: Snapshot, health: TrackerHealth) -> Iterator[Metric]:
    """Yield every family that a scrape shows."""
    yield from ProviderFamilies(snapshot, LimitLabels()).collect()
    positions = GaugeMetricFamily(*POSITION, labels=["provider"])
    for position, line in enumerate(snapshot.ranking.ordered, start=1):
        positions.add_metric([line.provider], position)
    yield positions
    yield from collect_whole(snapshot, health, None)


def write_positions(snapshot: Snapshot) -> bytes:
    """Write the places in the ranking by hand: with each snapshot all of them may change."""
    name, says = POSITION
    begin = f'{name}{{provider="'
    lines = [
        f'{begin}{escape(line.provider)}"}} {position}.0\n'
        for position, line in enumerate(snapshot.ranking.ordered, start=1)
    ]
    return f"# HELP {name} {says}\n# TYPE {name} gauge\n{''.join(lines)}".encode()
