"""api.exports.metrics: the pieces that are kept say what the Prometheus client would write."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from api.exports.metric_pieces import Families, MetricPieces
from api.exports.metrics import OPENMETRICS, MetricsPage, collect_families
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_tracker
from tracker.core.outcomes import OutcomeKind
from tracker.core.provider_status import ProviderStatus

FORMATS = [("application/openmetrics-text", parse_open, OPENMETRICS)]
FORMATS += [("text/plain", parse_text, generate_latest)]
ODD = 'a "quoted"\\name\nin two lines'


def samples(text: bytes, parse: Any) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = {}
    for family in parse(text.decode()):
        known = found.setdefault(f"{family.name} {family.type} {family.documentation}", set())
        known.update(
            (each.name, tuple(sorted(each.labels.items())), each.value) for each in family.samples
        )
    return found


@pytest.mark.parametrize(("accept", "parse", "write"), FORMATS)
def test_a_scrape_shows_what_the_client_writes_of_all_at_once(
    accept: str, parse: Any, write: Any
) -> None:
    page = MetricsPage()
    tracker = a_tracker()
    for watched in (
        (a_provider(), a_bare_provider(ODD)),
        (a_provider(outcome_counts=((OutcomeKind.OK, 7),)), a_bare_provider()),
        (a_provider("mistral"),),
        (),
    ):
        tracker.post(*watched)
        body, _ = page.encode(tracker.snapshot, tracker.health(), accept)
        whole = write(Families([*collect_families(tracker.snapshot, tracker.health())]))
        shown, wanted = samples(body, parse), samples(whole, parse)
        for name, lines in wanted.items():
            assert shown.get(name, set()) == lines


def test_a_provider_that_did_not_change_is_not_written_again() -> None:
    written: list[str] = []

    def collect(providers: Mapping[str, ProviderStatus]) -> Iterator[Metric]:
        written.extend(providers)
        yield GaugeMetricFamily("any", "Anything.", labels=["provider"])

    pieces = MetricPieces(OPENMETRICS, collect, lambda _: None)
    groq = a_provider()
    pieces.join({"groq": groq, "mistral": a_provider("mistral")})
    pieces.join({"groq": groq, "mistral": a_provider("mistral", consecutive_failures=1)})
    assert written == ["groq", "mistral", "mistral"]
