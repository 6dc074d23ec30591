"""The benchmarks can be run: their cheap parts, without a look at the clock."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report_worlds, serving, sweep
from benchmarks.load import Load, load
from benchmarks.replicas import Reach, broken_promises, doubles
from benchmarks.table import Figure, row


def test_every_benchmark_is_named_by_the_runner() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "replay"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "skipped: give --trace FILE" in run.stdout


@pytest.mark.parametrize("kind", ["ours", "ordinary"])
def test_a_load_is_answered_and_counted(kind: str) -> None:
    with serving.served(kind, "2") as (pid, url):
        found = load(pid, f"{url}/api/providers/best", connections=2, seconds=0.3)
    assert isinstance(found, Load)
    assert found.answers > 0.0
    assert 0.0 < found.p50 <= found.p99


@pytest.mark.parametrize("case", sweep.CASES)
def test_a_small_sweep_misjudges_no_provider(case: Any) -> None:
    found = sweep.run_case(case, 5, 1)
    assert found.get("misjudged", 0) == 0
    assert found["reported_p50_ms"] >= 50.0


def test_a_row_shows_median_spread_ratio_and_limit() -> None:
    figure = Figure("/best", [3.0, 1.0, 2.0], "µs", ratio=0.5, limit=0.4, note="n")
    assert row(figure).split() == ["/best", "2", "µs", "1-3", "0.500", "×", "missed,", *(
        ["limit", "0.4,", "n"]
    )]  # fmt: skip
    assert Figure("x", [1.0], "ms", limit=1.0).reached is True
    assert Figure("x", [1.0], "ms").reached is None


def test_an_outage_of_a_trace_reaches_half_way_to_the_good_checks_beside_it(tmp_path: Path) -> None:
    rows = ["timestamp_utc,provider,ok,latency_ms,http_status"]
    for hour, good, late in ((0, 1, 90), (1, 1, 12_000), (2, 0, 80), (3, 1, 110)):
        rows.append(f"2026-01-01T0{hour}:00:00Z,a,{good},{late},200")
        rows.append(f"2026-01-01T0{hour}:00:00Z,b,1,50,200")
    (tmp_path / "trace.csv").write_text("\n".join(rows))
    (_, (everybody,)), (_, (slower,)) = report_worlds.of_trace(tmp_path / "trace.csv")
    ((start, end),) = everybody.outages["a"]
    assert end - start == 2.0 * 3600.0
    assert everybody.latency_ms == {"a": 100.0, "b": 50.0}
    assert everybody.is_out("a", start)
    assert not everybody.is_out("a", end)
    assert set(slower.latency_ms) == {"a"}


def test_only_double_checks_by_trackers_that_reach_the_hub_count_as_violations() -> None:
    a, b = "key-of-a-0123456789", "key-of-b-0123456789"
    moments = [(1.0, "p0", a), (1.2, "p0", b), (5.0, "p0", a), (5.2, "p0", b)]
    at_once = [(5.3, "p1", a), (5.4, "p1", a), (5.5, "p2", a), (7.5, "p2", b)]
    cut_off = Reach("", looks=[(0.9, True), (1.1, False), (1.3, False), (4.0, True), (6.0, True)])
    reached = Reach("", looks=[(0.9, True), (6.0, True)])
    assert doubles(moments + at_once) == 2
    assert broken_promises(moments + at_once, {"a": reached, "b": cut_off}) == 1
    assert broken_promises(moments + at_once, {"a": reached, "b": reached}) == 2
