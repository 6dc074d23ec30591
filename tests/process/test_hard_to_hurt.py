"""Guarantees that hold while something is broken, each tested with ``serve`` in its own process."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from benchmarks.torture.changes import changes_answered
from benchmarks.torture.damage import Place, locked
from benchmarks.torture.served import COMMAND, TOKEN, Served, environment, served
from benchmarks.torture.slow_start import Disk, slow_starts
from tests.helpers.waiting import GIVE_UP_SECONDS, POLL_SECONDS
from tracker.testing import simulated_provider
from tracker.testing.broken_servers import raw_server, replying

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and its signals")
CRASHING = (sys.executable, "-m", "tests.helpers.crashing_serve")
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
FAST = "interval_seconds = 0.5\ntimeout_seconds = 0.5\n"
BUSY = b'{"error": {"message": "we are overloaded"}}'


async def until(server: Served, path: str, holds: Callable[[Any], object]) -> Any:
    """Ask until the answer fulfils the condition; return it."""
    with trio.fail_after(GIVE_UP_SECONDS):
        while not holds(answer := await server.json(path)):  # noqa: ASYNC110
            await trio.sleep(POLL_SECONDS)
    return answer


def run_command(server: Served, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *words, "--url", server.url],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


async def test_an_actor_past_its_budget_is_retried_and_at_once_on_request(
    tmp_path: Path,
) -> None:
    bug = tmp_path / "bug"
    bug.touch()
    status, check = "/api/providers/status/a", "/api/providers/a/check"
    async with (
        simulated_provider("a", latency_ms=1.0) as provider,
        served(tmp_path, {"a": provider.base_url}, tracker=FAST, program=CRASHING) as server,
    ):
        spent = await until(server, status, lambda told: "crashed too often" in told["reason"])
        assert (spent["status"], spent["usable"]) == ("unknown", False)
        health = await server.health()
        assert health["actors"]["a"]["state"] == "given up"
        assert any("given up" in problem for problem in health["problems"])
        tried = bug.stat().st_size
        with trio.fail_after(GIVE_UP_SECONDS):  # by itself, at the longest delay
            while bug.stat().st_size == tried:  # noqa: ASYNC110
                await trio.sleep(POLL_SECONDS)
        answer = await server.client.post(check, headers=ADMIN)  # the bug is still there
        assert answer.json()["outcomes"]["a"]["outcome"] == "internal"
        bug.unlink()
        answer = await server.client.post(check, headers=ADMIN)  # when: test_supervisor.py
        assert answer.json()["outcomes"]["a"]["outcome"] == "ok"
        healed = await until(server, status, lambda told: told["status"] == "healthy")
        assert healed["usable"]
        assert (await server.health())["problems"] == []
        bug.touch()
        await until(server, status, lambda told: "crashed too often" in told["reason"])
        bug.unlink()  # without a request
        await until(server, status, lambda told: told["status"] == "healthy")


async def test_a_provider_that_asks_to_wait_is_not_usable_until_then_and_says_so(
    tmp_path: Path,
) -> None:
    fields = b"Content-Type: application/json\r\nRetry-After: 3600\r\n"
    refusal = b"HTTP/1.1 503 Busy\r\n%bContent-Length: %d\r\n\r\n%b" % (fields, len(BUSY), BUSY)
    status, best = "/api/providers/status/waits", "/api/providers/best"
    async with (
        raw_server(replying(refusal)) as waits,
        simulated_provider("well", latency_ms=50.0) as well,
        served(tmp_path, {"waits": waits.url, "well": well.base_url}, tracker=FAST) as server,
    ):
        told = await until(server, status, lambda told: told["outcome"] == "overloaded")
        assert not told["usable"]
        assert "asked us to wait until" in told["reason"]
        wait = datetime.fromisoformat(told["next_check"]) - datetime.now(UTC)
        assert 3_500.0 < wait.total_seconds() <= 3_600.0
        ranked = await until(server, best, lambda told: told.get("best_provider"))
        assert [entry["provider_name"] for entry in ranked["ranking"]] == ["well"]
        (excluded,) = ranked["excluded"]
        assert excluded["provider_name"] == "waits"
        assert "asked us to wait" in excluded["reason"]
        run = partial(trio.to_thread.run_sync, run_command, server, tmp_path)
        card = await run("status", "waits")
        assert "asked us to wait" in " ".join(card.stdout.split())
        alone = await server.get(f"{best}?candidates=waits")
        assert (alone.status_code, alone.json()["best_provider"]) == (503, None)
        assert "Retry-After" in alone.headers


async def test_two_trackers_on_one_file_are_reported_by_the_health_of_both(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    start = partial(served, database=tmp_path / "status.db", tracker=FAST, program=CRASHING)
    health, told = "/api/providers/health", "another tracker writes to the same database: process "
    async with simulated_provider("a", latency_ms=1.0) as provider:
        watched = {"a": provider.base_url}
        async with start(homes[0], watched) as one:
            async with start(homes[1], watched) as two:
                for server, other in ((one, two), (two, one)):
                    name = f"{told}{other.process.pid}"
                    await until(server, health, lambda h: name in " ".join(h["problems"]))  # noqa: B023
                run = partial(trio.to_thread.run_sync, run_command, one, tmp_path)
                for words in (("status",), ("status", "a"), ("status", "--json")):
                    shown = await run(*words)
                    assert shown.returncode == 0
                    assert f"problem: {told}{two.process.pid}" in shown.stderr
                two.send(signal.SIGKILL)
                await two.process.wait()
            await until(one, health, lambda h: not h["problems"])  # and it is not reported forever
            code, _ = await one.end()
    assert code == 0


async def test_a_change_answered_with_200_survives_kill_9(tmp_path: Path) -> None:
    outcome = await changes_answered(4)
    assert outcome.wrong == ()
    assert outcome.figures["answered 200"] > 20
    assert outcome.figures["answered 202"] > 0


async def test_the_command_line_says_that_a_change_is_not_stored_yet(tmp_path: Path) -> None:
    async with (
        simulated_provider("a", latency_ms=1.0) as provider,
        served(tmp_path, {"a": provider.base_url}, tracker=FAST) as server,
    ):
        await until(server, "/api/providers/status/a", lambda told: told["last_check"])
        words = ("tune", "a", "--interval", "77")
        run = partial(trio.to_thread.run_sync, run_command, server, tmp_path, *words)
        async with locked(Place(tmp_path)):
            told = await run()
        assert (told.returncode, "77 s" in told.stdout) == (0, True)
        assert "not stored yet" in told.stderr
        await until(server, "/api/providers/health", lambda h: h["database"]["buffered"] == 0)
        told = await run()
        assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.needs_program("strace")
async def test_a_slow_disk_delays_no_answer_and_a_killed_start_leaves_one_copy() -> None:
    # Its 1,500 pages take 15 s: what waited for them would be later than a busy machine is.
    disk = Disk(mib=6.0, delay_ms=10.0, kills=2, answer_seconds=10.0)
    outcome = await slow_starts(disk, ("taken over",))
    assert outcome.wrong == ()
