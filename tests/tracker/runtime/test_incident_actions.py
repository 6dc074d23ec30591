"""Acknowledging and muting on a whole tracker: in the snapshot at once, no unknown names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.core.settings import Config, Provider, Timing
from tracker.testing import DatabaseFile, FakeCheck, ProviderBehavior, TrackerHarness


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[TrackerHarness]:
    """Return a tracker whose provider has been down for two minutes."""
    timing = Timing(interval_seconds=30.0, timeout_seconds=5.0, recheck_seconds=(2.0, 5.0))
    disk = DatabaseFile(tmp_path / "tracker.db")
    config = Config(database=str(disk.path), providers=(Provider(name="a", timing=timing),))
    harness = TrackerHarness(config, {"a": FakeCheck()}, disk)
    harness.start()
    try:
        harness.passes(360.0)
        harness.checks["a"].mood = ProviderBehavior.REFUSE
        harness.passes(120.0)
        yield harness
    finally:
        harness.host.close()
        disk.close()


def test_an_acknowledgement_is_in_the_snapshot_when_it_returns(harness: TrackerHarness) -> None:
    shown = harness.tracker.snapshot.incidents.incidents
    incident = next(each for each in shown if each.provider == "a")
    taken = harness.do(lambda: harness.tracker.incidents.acknowledge(incident.id, "anna"))
    assert (taken.id, taken.acknowledged_by) == (incident.id, "anna")
    assert taken in harness.tracker.snapshot.incidents.incidents


def test_a_mute_is_in_the_snapshot_when_it_returns_and_zero_ends_it(
    harness: TrackerHarness,
) -> None:
    until = harness.do(lambda: harness.tracker.incidents.mute("a", 30.0))
    assert harness.tracker.snapshot.incidents.mutes == {"a": until}
    assert harness.do(lambda: harness.tracker.incidents.mute("a", 0.0)) is None
    assert harness.tracker.snapshot.incidents.mutes == {}


def test_unknown_incidents_and_providers_are_refused(harness: TrackerHarness) -> None:
    with pytest.raises(KeyError):
        harness.do(lambda: harness.tracker.incidents.acknowledge("nope", "anna"))
    with pytest.raises(KeyError):
        harness.do(lambda: harness.tracker.incidents.mute("nope", 1.0))


def test_without_targets_there_is_nothing_to_test(harness: TrackerHarness) -> None:
    assert harness.do(harness.tracker.incidents.test_alerts) == []
