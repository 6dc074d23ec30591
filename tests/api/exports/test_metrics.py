"""api.exports.metrics: the pieces that are kept say what the Prometheus client would write."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
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


@attrs.frozen
class Noting:
    """Writes one line of each view, and notes whose."""

    written: list[str]

    def write(self, provider: ProviderStatus) -> list[bytes]:
        self.written.append(provider.name)
        return [f"{provider.name} {provider.consecutive_failures}\n".encode()]


def collect_one(_: Mapping[str, ProviderStatus]) -> Iterator[Metric]:
    yield GaugeMetricFamily("any", "Anything.", labels=["provider"])


def test_a_provider_that_did_not_change_is_not_written_again() -> None:
    written: list[str] = []
    pieces = MetricPieces(OPENMETRICS, collect_one, lambda _: Noting(written))
    groq = a_provider()
    pieces.blocks({"groq": groq, "mistral": a_provider("mistral")})
    (block,) = pieces.blocks({"groq": groq, "mistral": a_provider("mistral", checks_24h=1)})
    assert written == ["groq", "mistral", "mistral"]
    assert block.endswith(b"groq 0\nmistral 0\n")


def test_cached_lines_of_a_provider_stay_while_others_come_and_go() -> None:
    written: list[str] = []
    pieces = MetricPieces(OPENMETRICS, collect_one, lambda _: Noting(written))
    groq, mistral = a_provider(), a_provider("mistral")
    for watched in ((groq,), (mistral, groq), (), (groq, mistral)):
        (block,) = pieces.blocks({each.name: each for each in watched})
        lines = "".join(f"{each.name} 0\n" for each in watched)
        assert block.partition(b"gauge\n")[2] == lines.encode()
    assert written == ["groq", "mistral", "groq", "mistral"]


def test_families_that_did_not_change_are_not_joined_again() -> None:
    tracker, page = a_tracker(), MetricsPage()
    tracker.post(a_provider(), a_provider("mistral"))
    page.encode(tracker.snapshot, tracker.health(), "")
    (pieces,) = page._formats.values()
    before = [*pieces.blocks(tracker.snapshot.providers)]
    tracker.post(a_provider(), a_provider("mistral", checks_24h=1))
    after = pieces.blocks(tracker.snapshot.providers)
    changed = [new for old, new in zip(before, after, strict=True) if old is not new]
    assert [b"llm_provider_probes_24h" in block for block in changed] == [True]
