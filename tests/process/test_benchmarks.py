"""The benchmarks can be run: their cheap parts, without a look at the clock."""

import shutil
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from benchmarks import (
    blackbox,
    honest_upstreams,
    latency,
    page,
    report_worlds,
    scrape,
    serving,
    sweep,
)
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


async def test_a_provider_states_how_long_it_took_whatever_runs_while_it_answers(
    tmp_path: Path,
) -> None:
    """A TLS stream lets other tasks have their turn between being told to send and sending."""
    latency.make_authority(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    trust = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
    served = honest_upstreams.Upstreams(0.0, False, server, {url: []})
    client = latency.Beside([url], trust, mark="")

    async def hold_the_loop() -> None:
        while True:
            time.sleep(0.05)  # noqa: ASYNC251 (what other tasks do, the fault under test)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(served.serve, url, listener)
        nursery.start_soon(hold_the_loop)
        took = await trio.to_thread.run_sync(client.ask, url)
        nursery.cancel_scope.cancel()
    (truth,) = served.truth[url]
    assert truth is None or abs(took - truth) < 25.0


def test_a_check_that_fails_ends_what_keeps_the_tracker_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "STREAMS", 0)
    (tmp_path / "tracker.toml").write_text("[tracker]\n")
    before, case = {*threading.enumerate()}, latency.Case(8, tls=False, busy=True)
    with pytest.raises(TimeoutError), latency.busy_server("http://127.0.0.1:1", case, tmp_path):
        raise TimeoutError
    assert {*threading.enumerate()} <= before


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
    on_the_way_back = [(3.0, "p3", a), (3.1, "p3", b)]
    told = ((0.9, True), (1.1, False), (1.3, False), (4.0, True), (6.0, True))
    cut_off = Reach("", looks=[(at - 0.05, at, reached) for at, reached in told])
    reached = Reach("", looks=[(0.8, 0.9, True), (5.9, 6.0, True)])
    made = moments + at_once + on_the_way_back
    assert doubles(made) == 3
    assert broken_promises(made, {"a": reached, "b": cut_off}) == (1, 1)
    assert broken_promises(made, {"a": reached, "b": reached}) == (3, 0)


def test_an_answer_that_comes_late_says_nothing_about_the_moments_before_it() -> None:
    reach = Reach("", looks=[(0.0, 0.1, True), (0.2, 3.0, False), (3.1, 3.2, False)])
    assert [reach.at(moment) for moment in (0.15, 1.0, 2.9, 3.05)] == [None, None, None, False]


def test_a_benchmark_fills_its_own_part_of_a_page_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    parts = [
        f"<!-- printed by the benchmark {name} -->\n```text\nold\n```\n<!-- end of {name} -->\n"
        for name in ("start", "tls", "tls_sweep")
    ]
    file.write_text("Words.\n".join(parts))
    page.fill(file, "tls", "new \\1")
    filled = file.read_text()
    assert (filled.count("old"), filled.count("new \\1"), filled.count("Words.")) == (2, 1, 2)
    assert page.has_part(file, "tls")
    assert not page.has_part(file, "sweep")
    with pytest.raises(ValueError, match="no part"):
        page.fill(file, "sweep", "new")


def test_a_scrape_is_measured_after_checks_of_none_some_and_all() -> None:
    figures = list(scrape.measure(20, rounds=1))
    assert [figure.what for figure in figures] == [
        f"20 providers, {min(changed, 20)} changed" for changed in scrape.CHANGED
    ]
    assert all(figure.median > 0.0 for figure in figures)


def test_blackbox_exporter_and_the_tracker_are_compared_on_the_same_providers() -> None:
    if not any(map(shutil.which, blackbox.NAMES)):
        assert list(blackbox.measure(2)) == []
        return
    found = {figure.what: figure.median for figure in blackbox.measure(3, rounds=1)}
    assert any("ours" in what for what in found)
    assert any("blackbox_exporter" in what for what in found)
    assert max(off for what, off in found.items() if "median off" in what) < 10_000.0
