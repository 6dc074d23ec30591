"""The metric lines of one provider, written by hand: the client needs many times as long.

They are, byte by byte, what the Prometheus client writes of the same families; a test holds them
to that. ``label`` is the provider's, with the brace after it: all other labels come before it in
the alphabet, but for states.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from operator import attrgetter

import attrs

from api.exports.gauge import Gauge
from api.exports.histogram_metrics import EDGES
from api.exports.metric_text import escape, format_count, format_number
from api.exports.offer_metrics import GAUGES as OFFER_GAUGES
from api.exports.offer_metrics import STATE as OFFER_STATE
from api.exports.provider_gauges import GAUGES
from tracker.core.outcomes import Status
from tracker.core.provider_status import OfferStatus, ProviderStatus

Allow = Callable[[str, str], bool]
WriteLines = Callable[[ProviderStatus, str], str]
LATENCY = "llm_provider_check_latency_seconds"
BUCKETS = tuple(f'{LATENCY}_bucket{{le="{edge}",' for edge in EDGES)


@attrs.frozen
class FamilyLines:
    """Writes the lines of one provider in one family. read: what of it they show."""

    read: Callable[[ProviderStatus], object]
    write: WriteLines


def make_label(name: str) -> str:
    """Return the label of a provider as it ends the labels of a line."""
    return f'provider="{escape(name)}"}}'


def make_families(allow: Allow) -> list[FamilyLines]:
    """Return what writes each family, in the order in which ``ProviderFamilies`` yields them.

    allow: whether a limit of a provider may be a label.
    """
    return [FamilyLines(read, write) for read, write in _list_families(allow)]


def _list_families(allow: Allow) -> Iterator[tuple[Callable[[ProviderStatus], object], WriteLines]]:
    for gauge in GAUGES:
        yield attrgetter(gauge.field), _gauge_writer(gauge)
    yield attrgetter("status"), _write_states
    yield attrgetter("outcome_counts"), _write_outcomes
    yield attrgetter("latencies"), _write_latencies
    limits = attrgetter("rate_limit.limits")
    yield limits, _limit_writer("llm_provider_limit", attrgetter("limit"), allow)
    yield limits, _limit_writer("llm_provider_limit_remaining", attrgetter("remaining"), allow)
    yield attrgetter("traffic"), _write_calls
    yield attrgetter("traffic"), _write_call_seconds
    for gauge in OFFER_GAUGES:
        yield attrgetter("offers"), _offer_gauge_writer(gauge)
    yield attrgetter("offers"), _write_offer_states


def _gauge_writer(gauge: Gauge) -> WriteLines:
    name, read, compute = gauge.name, attrgetter(gauge.field), gauge.compute

    def write(provider: ProviderStatus, label: str) -> str:
        number = compute(read(provider))
        return "" if number is None else f"{name}{{{label} {format_number(number)}\n"

    return write


def _write_states(provider: ProviderStatus, label: str) -> str:
    begin = f"llm_provider_state{{{label.removesuffix('}')},state="
    return _states(begin, provider.status)


def _states(begin: str, status: Status) -> str:
    return "".join([f'{begin}"{each}"}} {float(each is status)}\n' for each in Status])


def _write_outcomes(provider: ProviderStatus, label: str) -> str:
    begin, end = 'llm_provider_probes_total{outcome="', f'",{label} '
    lines = [
        f"{begin}{kind}{end}{format_count(count)}\n" for kind, count in provider.outcome_counts
    ]
    return "".join(lines)


def _write_latencies(provider: ProviderStatus, label: str) -> str:
    counts = [*map(format_count, accumulate(provider.latencies.counts))]
    total = counts[-1]
    if total == "0.0":
        return ""
    buckets = [f"{begin}{label} {count}\n" for begin, count in zip(BUCKETS, counts, strict=True)]
    seconds = format_number(provider.latencies.sum_seconds)
    ends = f"{LATENCY}_count{{{label} {total}\n{LATENCY}_sum{{{label} {seconds}\n"
    return "".join(buckets) + ends


def _limit_writer(name: str, read: Callable[[object], float | None], allow: Allow) -> WriteLines:
    def write(provider: ProviderStatus, label: str) -> str:
        limits = [one for one in provider.rate_limit.limits if allow(provider.name, one.name)]
        values = [(one.name, number) for one in limits if (number := read(one)) is not None]
        return _write_by("limit", name, label, values)

    return write


def _write_calls(provider: ProviderStatus, label: str) -> str:
    totals = provider.traffic.totals if provider.traffic else ()
    values = [(one.outcome, one.calls) for one in totals]
    return _write_by("outcome", "llm_provider_traffic_calls_total", label, values)


def _write_call_seconds(provider: ProviderStatus, label: str) -> str:
    totals = provider.traffic.totals if provider.traffic else ()
    values = [(one.outcome, one.latency_ms_sum / 1000.0) for one in totals]
    return _write_by("outcome", "llm_provider_traffic_latency_seconds_total", label, values)


def _offer_gauge_writer(gauge: Gauge) -> WriteLines:
    def write(provider: ProviderStatus, label: str) -> str:
        values = [(one.model, gauge.read(one)) for one in provider.offers]
        known = [(model, number) for model, number in values if number is not None]
        return _write_by("model", gauge.name, label, known)

    return write


def _write_offer_states(provider: ProviderStatus, label: str) -> str:
    return "".join([_write_offer_state(offer, label) for offer in provider.offers])


def _write_offer_state(offer: OfferStatus, label: str) -> str:
    begin = f'{OFFER_STATE}{{model="{escape(offer.model)}",{label.removesuffix("}")},state='
    return _states(begin, offer.status)


def _write_by(by: str, name: str, label: str, values: Iterable[tuple[str, float]]) -> str:
    """Write one line for each value of a label."""
    begin, end = f'{name}{{{by}="', f'",{label} '
    return "".join(
        [f"{begin}{escape(value)}{end}{format_number(float(number))}\n" for value, number in values]
    )
