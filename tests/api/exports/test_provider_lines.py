"""Lines written by hand are, byte by byte, those of the Prometheus client."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.utils import floatToGoString

from api.exports.metric_pieces import Families, Write, split_families
from api.exports.metrics import NOTHING, OPENMETRICS
from api.exports.provider_families import LimitLabels, ProviderFamilies
from api.exports.provider_gauges import QUICK_GAUGES
from api.exports.provider_lines import ProviderLines, format_number
from tests.helpers.idle_tracker import a_bare_provider, a_provider
from tracker.core.latency_histogram import LatencyHistogram
from tracker.core.outcomes import OutcomeKind, Status
from tracker.core.provider_status import ProviderStatus, RateLimit
from tracker.core.traffic import ProviderTrafficView, TrafficEvidence, TrafficTotal

WRITERS = [pytest.param(OPENMETRICS, id="openmetrics"), pytest.param(generate_latest, id="text")]
TOTALS = (
    TrafficTotal(outcome="ok", calls=8, latency_ms_sum=1234.5),
    TrafficTotal(outcome='time"out', calls=1, latency_ms_sum=10_000.0),
)
WHOLE = a_provider(traffic=ProviderTrafficView(evidence=TrafficEvidence(), totals=TOTALS))
by_client: Callable[[float], str] = floatToGoString
numbers = st.floats(0.0, 1e12) | st.integers(0, 10**12).map(float)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)


def write_by_client(provider: ProviderStatus, write: Write) -> list[bytes]:
    snapshot = attrs.evolve(NOTHING, providers={provider.name: provider})
    families = Families([*ProviderFamilies(snapshot, LimitLabels()).collect()])
    return [lines for _, lines in split_families(write(families))]


def write_by_hand(provider: ProviderStatus) -> list[bytes]:
    return a_writer(provider.name).write(provider)


def a_writer(name: str) -> ProviderLines:
    return ProviderLines(name, QUICK_GAUGES, LimitLabels().allow)


def assert_same(provider: ProviderStatus, write: Write) -> None:
    wanted, found = write_by_client(provider, write), write_by_hand(provider)
    assert found == wanted[: len(found)]
    assert not any(wanted[len(found) :])  # those of offers


@pytest.mark.parametrize("write", WRITERS)
def test_known_providers(write: Write) -> None:
    assert WHOLE.rate_limit.limits
    assert WHOLE.traffic is not None
    for provider in (WHOLE, a_bare_provider('a "quoted"\\name\nin two lines')):
        assert_same(provider, write)


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
    assert_same(provider, write)


LIMITS = WHOLE.rate_limit.limits
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(Status),
        "outcome": st.none() | st.sampled_from(OutcomeKind),
        "response_time_ms": st.none() | numbers,
        "last_check": st.none() | st.just(WHOLE.last_check),
        "outcome_counts": st.sampled_from(
            [(), ((OutcomeKind.OK, 1),), ((OutcomeKind.OK, 1_000_000),)]
        ),
        "latencies": st.builds(LatencyHistogram, sum_seconds=numbers)
        | st.just(LatencyHistogram((0,) * 7 + (3,), 61.5)),
        "rate_limit": st.sampled_from(
            [
                WHOLE.rate_limit,
                RateLimit(),
                attrs.evolve(WHOLE.rate_limit, limits=(attrs.evolve(LIMITS[0], remaining=0.5),)),
                attrs.evolve(WHOLE.rate_limit, limits=(attrs.evolve(LIMITS[0], name="to%kens"),)),
            ]
        ),
        "traffic": st.sampled_from([None, WHOLE.traffic]),
        "consecutive_failures": st.integers(0, 10**7),
    },
)


@pytest.mark.parametrize("write", WRITERS)
@given(name=names, changes=st.lists(CHANGES, min_size=2, max_size=5))
def test_views_written_one_after_the_other_are_equal(
    write: Write, name: str, changes: list[dict[str, Any]]
) -> None:
    writer, view = a_writer(name), attrs.evolve(WHOLE, name=name)
    for change in changes:
        view = attrs.evolve(view, **change)
        found, wanted = writer.write(view), write_by_client(view, write)
        assert found == wanted[: len(found)]
        assert not any(wanted[len(found) :])


@given(st.floats() | st.integers(-(10**20), 10**20))
def test_numbers_are_those_of_the_client(number: float) -> None:
    assert format_number(number) == by_client(number)


@pytest.mark.parametrize("number", [0.0, -0.0, 999_999.9, 1_000_000.5, 1e-7, 1e16, -1e7])
def test_known_numbers_are_those_of_the_client(number: float) -> None:
    assert format_number(number) == by_client(number)
