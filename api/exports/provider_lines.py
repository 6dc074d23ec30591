"""The metric lines of one provider, written by our own code: the client takes ten times as long.

They equal, byte by byte, what the Prometheus client writes for the same families; a test checks
that.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from prometheus_client.utils import floatToGoString

from api.exports.histogram_metrics import buckets
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus

Gauges = tuple[tuple[str, Callable[[ProviderStatus], float | None]], ...]
STATES = tuple((status, f'",state="{status.value}"}} ') for status in Status)

_number = lru_cache(maxsize=10_000)(floatToGoString)


@lru_cache(maxsize=20_000)
def escape(label: str) -> str:
    """Write a label's value as both formats have it."""
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def write_provider(
    provider: ProviderStatus, gauges: Gauges, allow: Callable[[str, str], bool]
) -> Iterator[bytes]:
    """Yield the lines of each family but those of offers, in the order in which they are shown.

    gauges: names and values, first of all. allow: whether a limit of a provider may be a label.
    """
    label = f'{{provider="{escape(provider.name)}"}} '
    for name, value in gauges:
        number = value(provider)
        yield b"" if number is None else f"{name}{label}{_number(number)}\n".encode()
    yield _write_states(provider)
    yield _write_outcomes(provider)
    yield _write_latencies(provider)
    yield from _write_limits(provider, allow)
    yield from _write_traffic(provider)


def _write_states(provider: ProviderStatus) -> bytes:
    begin = f'llm_provider_state{{provider="{escape(provider.name)}'
    return "".join(
        f"{begin}{end}1.0\n" if provider.status is status else f"{begin}{end}0.0\n"
        for status, end in STATES
    ).encode()


def _write_outcomes(provider: ProviderStatus) -> bytes:
    counts = ((kind.value, count) for kind, count in provider.outcome_counts)
    return _write_counts("llm_provider_probes_total", "outcome", provider.name, counts)


def _write_latencies(provider: ProviderStatus) -> bytes:
    known = provider.latencies
    if not any(known.counts):
        return b""
    name, label = "llm_provider_check_latency_seconds", f'provider="{escape(provider.name)}"}} '
    found = buckets(known)
    lines = [f'{name}_bucket{{le="{edge}",{label}{_number(count)}\n' for edge, count in found]
    lines.append(f"{name}_count{{{label}{_number(found[-1][1])}\n")
    lines.append(f"{name}_sum{{{label}{_number(known.sum_seconds)}\n")
    return "".join(lines).encode()


def _write_limits(
    provider: ProviderStatus, allow: Callable[[str, str], bool]
) -> tuple[bytes, bytes]:
    limits = [one for one in provider.rate_limit.limits if allow(provider.name, one.name)]
    size = ((one.name, one.limit) for one in limits if one.limit is not None)
    left = ((one.name, one.remaining) for one in limits if one.remaining is not None)
    return (
        _write_counts("llm_provider_limit", "limit", provider.name, size),
        _write_counts("llm_provider_limit_remaining", "limit", provider.name, left),
    )


def _write_traffic(provider: ProviderStatus) -> tuple[bytes, bytes]:
    totals = provider.traffic.totals if provider.traffic else ()
    calls = ((one.outcome, one.calls) for one in totals)
    seconds = ((one.outcome, one.latency_ms_sum / 1000.0) for one in totals)
    name = "llm_provider_traffic"
    return (
        _write_counts(f"{name}_calls_total", "outcome", provider.name, calls),
        _write_counts(f"{name}_latency_seconds_total", "outcome", provider.name, seconds),
    )


def _write_counts(
    name: str, label: str, provider: str, counts: Iterable[tuple[str, float]]
) -> bytes:
    """Write one line a value of a label that comes before ``provider`` in the alphabet."""
    end = f'",provider="{escape(provider)}"}} '
    return "".join(
        f'{name}{{{label}="{escape(value)}{end}{_number(count)}\n' for value, count in counts
    ).encode()
