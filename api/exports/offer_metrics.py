"""Metrics of watched offers, labelled by provider and model.

Only offers named in the configuration: model lists have thousands of ids, and a time series
database keeps label values for a long time.
"""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from api.exports.gauge import Gauge
from api.exports.provider_gauges import epoch, seconds, uptime
from tracker.core.outcomes import Status
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.core.snapshot import Snapshot

LABELS = ["provider", "model"]
STATE = "llm_offer_state"

GAUGES = (
    Gauge("llm_offer_usable", "1 if the watched offer may be used now.", "usable", float),
    Gauge(
        "llm_offer_probe_duration_seconds",
        "Latency of its last successful check.",
        "response_time_ms",
        seconds,
    ),
    Gauge(
        "llm_offer_ttft_seconds",
        "Time to the first token of its last completion.",
        "ttft_ms",
        seconds,
    ),
    Gauge(
        "llm_offer_tokens_per_second",
        "Speed of its last real calls.",
        "tokens_per_second",
        lambda speed: speed,
    ),
    Gauge(
        "llm_offer_uptime_ratio",
        "Share of counted checks in 24 hours that were up.",
        "uptime",
        uptime,
    ),
    Gauge(
        "llm_offer_consecutive_failures",
        "Consecutive failed checks.",
        "consecutive_failures",
        float,
    ),
    Gauge("llm_offer_probes_24h", "Its checks in 24 hours.", "checks_24h", float),
    Gauge(
        "llm_offer_last_probe_timestamp_seconds", "When its last check began.", "last_check", epoch
    ),
)


def collect_offers(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield every family; those of a number that is not known lack the offer."""
    for gauge in GAUGES:
        family = GaugeMetricFamily(gauge.name, gauge.says, labels=LABELS)
        for provider, offer in _offers(snapshot):
            if (number := gauge.read(offer)) is not None:
                family.add_metric([provider.name, offer.model], number)
        yield family
    yield _states(snapshot)


def _offers(snapshot: Snapshot) -> Iterator[tuple[ProviderStatus, OfferStatus]]:
    for provider in snapshot.providers.values():
        for offer in provider.offers:
            yield provider, offer


def _states(snapshot: Snapshot) -> Metric:
    family = GaugeMetricFamily(STATE, "1 for the state an offer is in.", labels=[*LABELS, "state"])
    for provider, offer in _offers(snapshot):
        for state in Status:
            labels = [provider.name, offer.model, state.value]
            family.add_metric(labels, float(offer.status is state))
    return family
