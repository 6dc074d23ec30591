"""Trackers of one cluster, for all tests of what runs a tracker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.helpers.cluster_rig import Cluster, running_cluster


@pytest.fixture
async def cluster(
    tmp_path: Path, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    """A cluster on virtual time without a tracker yet, at a hub in memory."""
    async with running_cluster(tmp_path, mock_clock, monkeypatch) as cluster:
        yield cluster
