"""Metrics of watched offers, labelled by provider and model.

Only offers named in the configuration: model lists have thousands of ids, and a time series
database keeps label values for a long time.
"""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from tracker.core.outcomes import Status
from tracker.core.provider_status import OfferStatus, ProviderStatus
from tracker.core.snapshot import Snapshot

Value = Callable[[OfferStatus], float | None]
LABELS = ["provider", "model"]


def collect_offers(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield every family; those of a number that is not known lack the offer."""
    for name, help_text, value in GAUGES:
        family = GaugeMetricFamily(f"llm_offer_{name}", help_text, labels=LABELS)
        for provider, offer in _offers(snapshot):
            if (number := value(offer)) is not None:
                family.add_metric([provider.name, offer.model], number)
        yield family
    yield _states(snapshot)


def _offers(snapshot: Snapshot) -> Iterator[tuple[ProviderStatus, OfferStatus]]:
    for provider in snapshot.providers.values():
        for offer in provider.offers:
            yield provider, offer


def _states(snapshot: Snapshot) -> Metric:
    family = GaugeMetricFamily(
        "llm_offer_state", "1 for the state an offer is in.", labels=[*LABELS, "state"]
    )
    for provider, offer in _offers(snapshot):
        for state in Status:
            labels = [provider.name, offer.model, state.value]
            family.add_metric(labels, float(offer.status is state))
    return family


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000.0


def _uptime(offer: OfferStatus) -> float | None:
    return None if offer.uptime.day is None else offer.uptime.day / 100.0


GAUGES: tuple[tuple[str, str, Value], ...] = (
    ("usable", "1 if the watched offer may be used now.", lambda one: float(one.usable)),
    (
        "probe_duration_seconds",
        "Latency of its last successful check.",
        lambda one: _seconds(one.response_time_ms),
    ),
    (
        "ttft_seconds",
        "Time to the first token of its last completion.",
        lambda one: _seconds(one.ttft_ms),
    ),
    ("tokens_per_second", "Speed of its last real calls.", lambda one: one.tokens_per_second),
    ("uptime_ratio", "Share of counted checks in 24 hours that were up.", _uptime),
    (
        "consecutive_failures",
        "Consecutive failed checks.",
        lambda one: float(one.consecutive_failures),
    ),
    ("probes_24h", "Its checks in 24 hours.", lambda one: float(one.checks_24h)),
    (
        "last_probe_timestamp_seconds",
        "When its last check began.",
        lambda one: None if one.last_check is None else one.last_check.timestamp(),
    ),
)
