"""The metric lines of one provider, written by hand: the client needs many times as long.

They are, byte by byte, what the Prometheus client writes of the same families; a test holds them
to that. A line is written again where its value changed, and else it is the same object: a check
changes ten of forty.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate
from operator import attrgetter
from typing import Any

import attrs
from prometheus_client.utils import floatToGoString

from api.exports.histogram_metrics import EDGES
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import Status
from tracker.core.provider_status import ProviderStatus

Gauges = tuple[tuple[str, str, Callable[[ProviderStatus], float | None]], ...]
Allow = Callable[[str, str], bool]
STATES = tuple((status, f'",state="{status.value}"}} ') for status in Status)
LATENCY = "llm_provider_check_latency_seconds"
_write_number: Callable[[float], str] = floatToGoString
_UNREAD = object()
MILLION = 1_000_000  # a count below it is written as Python writes it, and needs no look
PLAIN_DIGITS = 6  # before the point: what the client writes as Python does


def format_number(value: float) -> str:
    """Write a number as both formats have it, with an exponent from a million on."""
    text = repr(value)
    return text if 0 < text.find(".") <= PLAIN_DIGITS else _write_number(value)


def _write_count(count: int) -> str:
    return f"{count}.0" if count < MILLION else format_number(float(count))


@lru_cache(maxsize=20_000)
def escape(label: str) -> str:
    """Write a label's value as both formats have it."""
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@attrs.define
class ProviderLines:
    """Writes the lines of one provider, of one view after the other.

    name: the provider's. gauges: of each its name, the field it is computed from, and its value.
    allow: whether a limit of a provider may be a label.
    """

    name: str
    gauges: Gauges
    allow: Allow
    _label: str = attrs.field(init=False)  # escaped
    _read: Callable[[ProviderStatus], tuple[Any, ...]] = attrs.field(init=False)
    _sources: tuple[Any, ...] = attrs.field(init=False)
    _numbers: list[float | None] = attrs.field(init=False)
    _begins: list[str] = attrs.field(init=False)  # of each gauge's line
    _gauge_lines: list[bytes] = attrs.field(init=False)
    _latency_form: str | None = None
    _view: ProviderStatus | None = None
    _parts: dict[str, tuple[bytes, ...]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._label = escape(self.name)
        self._read = attrgetter(*[field for _, field, _ in self.gauges])
        self._sources = (_UNREAD,) * len(self.gauges)
        self._numbers = [None] * len(self.gauges)
        self._begins = [f'{name}{{provider="{self._label}"}} ' for name, *_ in self.gauges]
        self._gauge_lines = [b""] * len(self.gauges)

    def write(self, provider: ProviderStatus) -> list[bytes]:
        """Return the lines of each family but those of offers, in the order of the families."""
        before, parts = self._view, self._parts
        self._write_gauges(provider)
        if before is None or provider.status is not before.status:
            parts["states"] = (_write_states(self._label, provider.status),)
        if before is None or provider.outcome_counts != before.outcome_counts:
            parts["outcomes"] = (self._write_outcomes(provider),)
        if before is None or provider.latencies != before.latencies:
            parts["latencies"] = (self._write_latencies(provider.latencies),)
        if before is None or provider.rate_limit.limits != before.rate_limit.limits:
            parts["limits"] = self._write_limits(provider)
        if before is None or provider.traffic is not before.traffic:
            parts["traffic"] = self._write_traffic(provider)
        self._view = provider
        lines = [*self._gauge_lines]
        for part in parts.values():  # in the order in which they came first
            lines += part
        return lines

    def _write_gauges(self, provider: ProviderStatus) -> None:
        sources, before = self._read(provider), self._sources
        self._sources = sources
        known, lines = self._numbers, self._gauge_lines
        for place, source in enumerate(sources):
            if source is before[place]:
                continue
            number = self.gauges[place][2](provider)
            if number == known[place]:
                continue
            known[place] = number
            lines[place] = (
                b""
                if number is None
                else f"{self._begins[place]}{format_number(number)}\n".encode()
            )

    def _write_outcomes(self, provider: ProviderStatus) -> bytes:
        counts = ((kind.value, count) for kind, count in provider.outcome_counts)
        return self._write_counts("llm_provider_probes_total", "outcome", counts)

    def _write_latencies(self, known: LatencyHistogram) -> bytes:
        if not any(known.counts):
            return b""
        counts = [_write_count(count) for count in accumulate(known.counts)]
        if self._latency_form is None:
            self._latency_form = _make_latency_form(self._label)
        numbers = (*counts, counts[-1], format_number(known.sum_seconds))
        return (self._latency_form % numbers).encode()

    def _write_limits(self, provider: ProviderStatus) -> tuple[bytes, bytes]:
        limits = [one for one in provider.rate_limit.limits if self.allow(self.name, one.name)]
        size = ((one.name, one.limit) for one in limits if one.limit is not None)
        left = ((one.name, one.remaining) for one in limits if one.remaining is not None)
        return (
            self._write_counts("llm_provider_limit", "limit", size),
            self._write_counts("llm_provider_limit_remaining", "limit", left),
        )

    def _write_traffic(self, provider: ProviderStatus) -> tuple[bytes, bytes]:
        totals = provider.traffic.totals if provider.traffic else ()
        calls = ((one.outcome, one.calls) for one in totals)
        seconds = ((one.outcome, one.latency_ms_sum / 1000.0) for one in totals)
        name = "llm_provider_traffic"
        return (
            self._write_counts(f"{name}_calls_total", "outcome", calls),
            self._write_counts(f"{name}_latency_seconds_total", "outcome", seconds),
        )

    def _write_counts(self, name: str, label: str, counts: Iterable[tuple[str, float]]) -> bytes:
        """Write one line a value of a label that comes before ``provider`` in the alphabet."""
        end = f'",provider="{self._label}"}} '
        return "".join(
            [
                f'{name}{{{label}="{escape(value)}{end}{format_number(count)}\n'
                for value, count in counts
            ]
        ).encode()


def _write_states(label: str, status: Status) -> bytes:
    begin = f'llm_provider_state{{provider="{label}'
    return "".join(
        f"{begin}{end}1.0\n" if status is each else f"{begin}{end}0.0\n" for each, end in STATES
    ).encode()


def _make_latency_form(label: str) -> str:
    """Return the lines of a histogram with a place for each number."""
    label = f'provider="{label}"}} '.replace("%", "%%")
    lines = [f'{LATENCY}_bucket{{le="{edge}",{label}%s\n' for edge in EDGES]
    return "".join([*lines, f"{LATENCY}_count{{{label}%s\n", f"{LATENCY}_sum{{{label}%s\n"])
