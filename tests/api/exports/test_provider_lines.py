"""api.exports.provider_lines: byte by byte what the Prometheus client writes."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from api.exports.metric_pieces import Families, Write, split_families
from api.exports.metrics import NOTHING, OPENMETRICS
from api.exports.provider_families import LimitLabels, ProviderFamilies
from api.exports.provider_lines import make_families, make_label
from tests.helpers.idle_tracker import NOON, a_bare_provider, a_provider
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence, TrafficTotal

WRITERS = [pytest.param(OPENMETRICS, id="openmetrics"), pytest.param(generate_latest, id="text")]
TOTALS = (
    TrafficTotal(outcome="ok", calls=8, latency_ms_sum=1234.5),
    TrafficTotal(outcome='time"out', calls=1, latency_ms_sum=10_000.0),
)
OFFERS = tuple(
    OfferStatus(
        model=model,
        variant=None,
        status=Status.DEGRADED,
        usable=True,
        reason="slow",
        evidence=EvidenceSource.OFFER,
        **known,
    )
    for model, known in (('odd "model"', {}), ("llama", {"ttft_ms": 81.5, "last_check": NOON}))
)
WHOLE = a_provider(
    traffic=ProviderTrafficView(evidence=TrafficEvidence(), totals=TOTALS), offers=OFFERS
)
numbers = st.floats(0.0, 1e12) | st.integers(0, 10**12).map(float)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)


def write_by_client(provider: ProviderStatus, write: Write) -> list[bytes]:
    snapshot = attrs.evolve(NOTHING, providers={provider.name: provider})
    families = Families([*ProviderFamilies(snapshot, LimitLabels()).collect()])
    return [lines for _, lines in split_families(write(families))]


def write_by_hand(provider: ProviderStatus) -> list[bytes]:
    families, label = make_families(LimitLabels().allow), make_label(provider.name)
    return [family.write(provider, label).encode() for family in families]


@pytest.mark.parametrize("write", WRITERS)
def test_known_providers(write: Write) -> None:
    assert WHOLE.rate_limit.limits
    assert WHOLE.traffic is not None
    for provider in (WHOLE, a_bare_provider('a "quoted"\\name\nin two lines')):
        assert write_by_hand(provider) == write_by_client(provider, write)


@pytest.mark.parametrize("write", WRITERS)
@given(
    name=names,
    status=st.sampled_from(Status),
    response_time_ms=st.none() | numbers,
    counts=st.lists(st.integers(0, 10**9), min_size=8, max_size=8).map(tuple),
    seconds=numbers,
    outcomes=st.dictionaries(st.sampled_from(OutcomeKind), st.integers(0, 10**9)),
)
def test_any_provider(
    write: Write,
    name: str,
    status: Status,
    response_time_ms: float | None,
    counts: tuple[int, ...],
    seconds: float,
    outcomes: dict[OutcomeKind, int],
) -> None:
    provider = attrs.evolve(
        WHOLE,
        name=name,
        status=status,
        response_time_ms=response_time_ms,
        latencies=LatencyHistogram(counts, seconds),
        outcome_counts=tuple(outcomes.items()),
    )
    assert write_by_hand(provider) == write_by_client(provider, write)
