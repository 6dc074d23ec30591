"""Metrics of the API's clients: how many are connected, and which were refused or cut."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from api.connection_counts import ConnectionCounts, Cut, Refusal


def collect_connections(counts: ConnectionCounts) -> Iterator[Metric]:
    """Collect every reason from the start on, also those that never occurred."""
    yield GaugeMetricFamily(
        "llm_tracker_connections", "Clients connected to the API.", value=counts.open
    )
    yield GaugeMetricFamily(
        "llm_tracker_connections_limit", "Clients that may be connected.", value=counts.most
    )
    yield _by_reason(
        "llm_tracker_clients_refused",
        "Clients and requests refused: no place (full), no room for another answer (crowded), "
        "or for one to the same address (peer), too many event streams (streams), a request whose "
        "end is not clear (ambiguous).",
        {reason: counts.refused[reason] for reason in Refusal},
    )
    yield _by_reason(
        "llm_tracker_clients_cut",
        "Connections cut: for another client while nothing was owed to them (idle), or since they "
        "took nothing of their answer for ten seconds (not_reading).",
        {reason: counts.cut[reason] for reason in Cut},
    )


def _by_reason(name: str, says: str, counts: Mapping[Refusal, int] | Mapping[Cut, int]) -> Metric:
    family = CounterMetricFamily(name, says, labels=["reason"])
    for reason, count in counts.items():
        family.add_metric([reason.value], count)
    return family
