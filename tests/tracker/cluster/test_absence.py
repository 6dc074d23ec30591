"""Without [cluster] none of its modules is loaded; with it, a missing driver is reported first."""

import subprocess
import sys

import pytest

from tracker.config import cluster
from tracker.config.errors import ConfigError
from tracker.core.redaction import Secret
from tracker.core.settings import ClusterSettings

LOADED = """
import sys, api.cli.serve, api.server, tracker.runtime.service
print([m for m in sys.modules if m.startswith(("psycopg", "tracker.cluster"))])
"""


def test_a_tracker_without_a_cluster_loads_no_cluster_module() -> None:
    shown = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True)
    assert shown.stdout.strip() == b"[]"


def test_a_missing_driver_is_reported_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    cluster.check_driver(None)
    with pytest.raises(ConfigError, match=r"\[server,postgres\]"):
        cluster.check_driver(ClusterSettings(url=Secret("x"), vantage="eu-1"))
