"""Without [cluster] nothing of it is loaded or run; with it, a missing driver is told first."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.config import cluster
from tracker.config.errors import ConfigError
from tracker.core.redaction import Secret
from tracker.core.settings import ClusterSettings

# All that a server imports; then a whole tracker makes checks while every call in every thread is
# noted, by its file.
CALLED = """
import json, sys, threading
from collections import Counter
from contextlib import asynccontextmanager
import trio
import api.cli.serve, api.server
import tracker
from tracker import Config, run_tracker
from tracker.core.settings import Provider, Timing
from tracker.testing.fake_checks import FakeCheck

PARTS = ("cluster", "check_sharing", "place_watch", "vantage_rankings", "other_vantages", "quorum")
root, called, places = tracker.__path__[0], Counter(), {}

def note(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(root):
        if any(part in code.co_filename for part in PARTS) and code.co_name[0] != "<":
            called[code.co_filename.removeprefix(root) + ":" + code.co_name] += 1

async def main():
    checks = [FakeCheck() for _ in range(10)]
    timing = Timing(interval_seconds=0.1, timeout_seconds=0.1, recheck_seconds=(0.1,))
    names = {f"p{n}": check for n, check in enumerate(checks)}
    config = Config(
        database=sys.argv[1],
        providers=tuple(Provider(name=name, timing=timing) for name in names),
    )

    @asynccontextmanager
    async def open_check(provider):
        yield names[provider.name]

    async with trio.open_nursery() as nursery:
        from functools import partial
        running = await nursery.start(partial(run_tracker, config, open_check=open_check))
        threading.setprofile(note)
        sys.setprofile(note)
        before = sum(check.ended for check in checks)
        while sum(check.ended for check in checks) < before + 100:
            await trio.sleep(0.05)
        sys.setprofile(None)
        running.stop()
    made = sum(check.ended for check in checks) - before
    loaded = [m for m in sys.modules if m.startswith(("psycopg", "tracker.cluster"))]
    print(json.dumps({"called": called, "made": made, "loaded": loaded}))

trio.run(main)
"""


def test_a_tracker_without_a_cluster_loads_and_runs_none_of_its_code(tmp_path: Path) -> None:
    words = [sys.executable, "-c", CALLED, str(tmp_path / "status.db")]
    shown = subprocess.run(words, check=True, capture_output=True, timeout=60.0)
    found = json.loads(shown.stdout.splitlines()[-1])
    assert found["loaded"] == []
    assert found["made"] >= 100, "it was at work"
    # Two comparisons with None for each snapshot, in the aggregator's own module.
    asked = {"/runtime/cluster_news.py:judge_suspects", "/runtime/cluster_news.py:rank_unseen"}
    assert set(found["called"]) <= asked, found["called"]


def test_a_missing_driver_is_reported_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    cluster.check_driver(None)
    with pytest.raises(ConfigError, match=r"\[server,postgres\]"):
        cluster.check_driver(ClusterSettings(url=Secret("x"), vantage="eu-1"))
