"""api.exports.metrics: the pieces that are kept say what the Prometheus client would write."""

import pytest
from prometheus_client.exposition import generate_latest

from api.exports.metric_pieces import Families, Write
from api.exports.metrics import OPENMETRICS, MetricsPage, collect_families
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_tracker
from tracker.core.outcomes import OutcomeKind

FORMATS = [("application/openmetrics-text", OPENMETRICS), ("text/plain", generate_latest)]
ODD = 'a "quoted"\\name\nin two lines'


@pytest.mark.parametrize(("accept", "write"), FORMATS)
def test_a_scrape_is_byte_by_byte_what_the_client_writes_of_all_at_once(
    accept: str, write: Write
) -> None:
    page, tracker = MetricsPage(), a_tracker()
    for watched in (
        (a_provider(), a_bare_provider(ODD)),
        (a_provider(outcome_counts=((OutcomeKind.OK, 7),)), a_bare_provider()),
        (a_provider("mistral"),),
        (),
    ):
        tracker.post(*watched)
        health = tracker.health()
        body, _ = page.encode(tracker.snapshot, health, accept)
        assert body == write(Families([*collect_families(tracker.snapshot, health)]))
