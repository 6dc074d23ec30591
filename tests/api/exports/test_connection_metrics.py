"""The clients of the API in the metrics."""

from api.connection_counts import ConnectionCounts, Cut, Refusal
from api.exports.connection_metrics import collect_connections


def told(counts: ConnectionCounts) -> dict[tuple[str, str], float]:
    return {
        (sample.name.removeprefix("llm_tracker_"), sample.labels.get("reason", "")): sample.value
        for family in collect_connections(counts)
        for sample in family.samples
    }


def test_every_reason_has_a_line_from_the_start() -> None:
    counts = ConnectionCounts(most=900, open=7)
    counts.refused[Refusal.PEER] += 3
    counts.cut[Cut.NOT_READING] += 2
    assert told(counts) == {
        ("connections", ""): 7.0,
        ("connections_limit", ""): 900.0,
        ("clients_refused_total", "full"): 0.0,
        ("clients_refused_total", "crowded"): 0.0,
        ("clients_refused_total", "peer"): 3.0,
        ("clients_refused_total", "streams"): 0.0,
        ("clients_refused_total", "ambiguous"): 0.0,
        ("clients_cut_total", "idle"): 0.0,
        ("clients_cut_total", "not_reading"): 2.0,
    }
