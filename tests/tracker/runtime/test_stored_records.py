"""Reading what a whole tracker has stored; a database that cannot be read says so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tracker.core.settings import Config, Provider, Timing
from tracker.store import StoreUnavailable
from tracker.testing import DatabaseFile, FakeCheck, ProviderBehavior, TrackerHarness
from tracker.testing.database_file import DiskFault


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[TrackerHarness]:
    """Return a tracker with a provider that failed between two good checks."""
    timing = Timing(interval_seconds=30.0, timeout_seconds=5.0, recheck_seconds=(30.0,))
    disk = DatabaseFile(tmp_path / "tracker.db")
    config = Config(database=str(disk.path), providers=(Provider(name="a", timing=timing),))
    harness = TrackerHarness(config, {"a": FakeCheck()}, disk)
    harness.start()
    try:
        for mood in (ProviderBehavior.OK, ProviderBehavior.REFUSE, ProviderBehavior.OK):
            harness.checks["a"].mood = mood
            harness.passes(120.0)
        yield harness
    finally:
        harness.host.close()
        disk.close()


def test_history_has_every_check_that_the_statistics_count(harness: TrackerHarness) -> None:
    snapshot = harness.tracker.snapshot
    since = snapshot.timestamp - timedelta(hours=1)
    found = harness.do(lambda: harness.tracker.records.history(since=since, raw=True))
    assert len(found.providers["a"]) == snapshot.providers["a"].checks_24h


def test_changes_are_those_of_the_outage(harness: TrackerHarness) -> None:
    since = harness.tracker.snapshot.timestamp - timedelta(hours=1)
    found = harness.do(lambda: harness.tracker.records.changes("a", since=since))
    told = [(each.before, each.after) for each in found if each.provider == "a"]
    assert ("down", "degraded") in told
    assert told[-1] == ("degraded", "healthy")


def test_without_reports_there_is_no_traffic(harness: TrackerHarness) -> None:
    since = harness.tracker.snapshot.timestamp - timedelta(hours=1)
    found = harness.do(lambda: harness.tracker.records.traffic(["a"], since=since, resolution=60))
    assert found.get("a", ()) == ()


def test_a_tracker_without_a_cluster_has_no_long_history(harness: TrackerHarness) -> None:
    since = harness.tracker.snapshot.timestamp - timedelta(days=60)
    long = harness.do(
        lambda: harness.tracker.records.long_history(("a",), since=since, seconds=3600)
    )
    assert long is None


def test_a_database_that_cannot_be_read_gives_the_reason(harness: TrackerHarness) -> None:
    since = harness.tracker.snapshot.timestamp - timedelta(hours=1)
    harness.disk.inject(DiskFault.FOLDER)
    harness.passes(120.0)
    with pytest.raises(StoreUnavailable) as caught:
        harness.do(lambda: harness.tracker.records.history(since=since, raw=True))
    assert caught.value.reason
    harness.disk.mend()
