"""api.exports.gauge: one number, computed from one field."""

from api.exports.gauge import Gauge
from tests.helpers.idle_tracker import a_provider


def test_it_reads_only_its_field() -> None:
    gauge = Gauge("any", "Anything.", "checks_24h", lambda checks: checks / 2.0)
    assert gauge.read(a_provider(checks_24h=8)) == 4.0
