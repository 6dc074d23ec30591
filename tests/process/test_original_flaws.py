"""The 27 flaws of the original tracker, each tried on this one (docs/reliability.md lists them).

Where judging is tried, the whole tracker runs on virtual time with its real database file; where
the network or the process matters, real servers and processes answer.
"""

import csv
import io
import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from api.app import create_app
from tests.helpers.idle_tracker import a_provider, a_tracker
from tests.helpers.loopback import answer, http_server
from tests.helpers.original_database import original
from tests.helpers.store_records import CLOCK, NOW, ask, beside, check, opened
from tracker import Config
from tracker.core.outcomes import OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider, Timing
from tracker.probes import open_check
from tracker.store import open_store, writing
from tracker.testing import FakeCheck, ProviderBehavior
from tracker.testing import broken_servers as broken
from tracker.testing.database_file import DatabaseFile, DiskFault
from tracker.testing.tracker_harness import TrackerHarness

ROOT = Path(__file__).parents[2]
FAILED, WELL = ProviderBehavior.SERVER_ERROR, ProviderBehavior.OK


class House:
    """A tracker on virtual time, asked for its checks one by one unless it has a schedule."""

    def __init__(self, folder: Path, names: str = "ab", *, schedule: bool = False) -> None:
        self.disk = DatabaseFile(folder / "flaws.db")
        providers = tuple(Provider(name=name, timing=Timing()) for name in names)
        config = Config(database=str(self.disk.path), providers=providers, schedule=schedule)
        checks = {name: FakeCheck() for name in names}
        self.world = TrackerHarness(config, checks, self.disk)

    def __enter__(self) -> Any:
        self.disk.hurry()
        self.world.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.world.host.close()
        self.disk.close()

    def checked(self, *moods: Any, name: str = "a") -> Any:
        """The status and the consecutive failures after a check in each mood."""
        seen = []
        for mood in moods:
            self.world.checks[name].mood = mood
            self.world.meanwhile(partial(self.world.tracker.check, name), 11.0)
            shown = self.provider(name)
            seen.append((str(shown.status), shown.consecutive_failures))
        return seen

    def provider(self, name: str = "a") -> Any:
        return self.world.tracker.snapshot.providers[name]

    def get(self, path: Any) -> Any:
        """Status and body of an answer of the API."""

        async def get() -> tuple[Any, ...]:
            client = create_app(self.world.tracker).test_client()
            response = await client.get(path)
            return response.status_code, json.loads(await response.get_data())

        return self.world.do(get)

    def rows(self) -> list[Any]:
        return [(row.provider, row.outcome) for row in self.disk.new_rows()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Any]:
    with House(tmp_path) as house:
        yield house


async def found(reply: Any) -> Any:
    """What a check of a real server that gives this answer finds."""
    async with (
        http_server(reply) as server,
        open_check(Provider(name="a", base_url=f"{server.url}/v1")) as ask_it,
    ):
        return await ask_it()


def test_d1_down_is_left_at_the_first_success_and_healthy_at_the_second(house: Any) -> None:
    assert house.checked(*3 * [FAILED], *5 * [WELL]) == [
        ("degraded", 1),
        ("degraded", 2),
        ("down", 3),
        ("degraded", 0),
        *4 * [("healthy", 0)],
    ]


def test_d2_a_success_after_two_failures_is_healthy(house: Any) -> None:
    assert house.checked(FAILED, FAILED, WELL)[-1] == ("healthy", 0)


def test_d3_slow_answers_are_never_down(house: Any) -> None:
    assert house.checked(*5 * [ProviderBehavior.SLOW]) == 5 * [("degraded", 0)]


@pytest.mark.parametrize(
    ("mood", "kind"),
    [(ProviderBehavior.REFUSE, OutcomeKind.CONNECT), (ProviderBehavior.HANG, OutcomeKind.TIMEOUT)],
)
def test_d4_the_first_failure_is_degraded_and_says_what_it_was(
    house: Any, mood: Any, kind: OutcomeKind
) -> None:
    assert house.checked(mood, mood, mood) == [("degraded", 1), ("degraded", 2), ("down", 3)]
    shown = house.provider()
    assert (shown.outcome, bool(shown.error_message)) == (kind, True)
    assert shown.response_time_ms is None


@pytest.mark.parametrize("path", ["status/nobody", "history/nobody"])
def test_d5_an_unknown_name_is_not_found(house: Any, path: str) -> None:
    status, problem = house.get(f"/api/providers/{path}")
    assert (status, problem["status"]) == (404, 404)


def test_d6_nothing_but_failures_is_an_uptime_of_zero(house: Any) -> None:
    house.checked(FAILED, FAILED)
    _, shown = house.get("/api/providers/status/a")
    assert (shown["uptime_percent"], shown["uptime"]["1h"]) == (0.0, 0.0)


def test_d7_slow_is_up_and_the_first_check_counts_whole(house: Any) -> None:
    house.checked(WELL)
    assert house.provider().uptime.day == 100.0
    house.checked(ProviderBehavior.SLOW, name="b")
    assert house.provider("b").uptime.day == 100.0


def test_d8_a_hang_delays_no_other_provider(tmp_path: Path) -> None:
    with House(tmp_path, schedule=True) as house:
        house.world.checks["a"].mood = ProviderBehavior.HANG
        house.world.passes(0.0)
        house.world.kill()
        house.world.start()
        house.world.passes(3.0)
        assert ("b", "ok") in house.rows()
        assert house.provider("a").last_check is None


async def test_d9_a_g4f_call_that_never_returns_ends_with_its_timeout() -> None:
    async with broken.hang_after_accept() as target:
        provider = Provider(
            name="g4f", kind="g4f", base_url=f"{target.url}/v1", check="chat", model="m"
        )
        async with open_check(provider) as ask_it:
            with trio.move_on_after(0.3) as scope:
                began = time.monotonic()
                await ask_it()
            assert scope.cancelled_caught
            assert time.monotonic() - began < 10.0


def test_d10_a_locked_database_costs_no_check_and_no_answer(tmp_path: Path) -> None:
    with House(tmp_path, "abc", schedule=True) as house:
        house.world.kill()
        house.disk.inject(DiskFault.LOCKED)
        house.world.start()
        house.world.passes(45.0)
        status, shown = house.get("/api/providers/status")
        assert status == 200
        assert {each["status"] for each in shown["providers"].values()} == {"healthy"}
        house.disk.mend()
        house.world.passes(5.0)
        assert sorted(house.rows())[-3:] == [("a", "ok"), ("b", "ok"), ("c", "ok")]


async def test_d11_no_row_stays_longer_than_the_retention(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    async with open_store(str(path), clock=CLOCK) as store:
        await store.write([check(seconds=3600.0 * hours) for hours in range(185, 139, -1)])
        await store.prune(NOW - timedelta(hours=168))
    oldest = ask(path, "SELECT min(checked_at_ms) FROM checks")[0][0]
    assert oldest == int((NOW - timedelta(hours=168)).timestamp() * 1000)


def test_d12_a_file_of_garbage_is_set_aside_at_the_start_and_while_it_runs(tmp_path: Path) -> None:
    garbage = b"not a database" * 1000
    path = tmp_path / "flaws.db"
    path.write_bytes(garbage)
    with House(tmp_path) as house:
        assert house.checked(WELL) == [("healthy", 0)]
        assert [kept.read_bytes() for kept in beside(path, "corrupt")] == [garbage]
        house.world.stop()
        path.write_bytes(garbage)
        house.world.start()
        assert house.checked(WELL) == [("healthy", 0)]
        assert len(beside(path, "corrupt")) == 2


def test_d13_an_older_table_that_lacks_columns_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "flaws.db"
    original(path, {"provider_name": "a"}, without=("rate_limit_percent", "error_message"))
    with House(tmp_path) as house:
        house.checked(WELL)
        assert len(beside(path, "backup")) == 1
        house.world.passes(1.0)
        assert house.disk.count() == 2


async def test_d14_a_body_that_echoes_our_key_is_masked_and_an_auth_error() -> None:
    key = "sk-canary-7f3a9b2c5d8e1f04"
    echo = answer({"error": {"message": f"bad key {key} <script>alert(1)</script>"}}, 401)
    async with http_server(echo) as server:
        provider = Provider(name="a", base_url=f"{server.url}/v1", keys=(Secret(key),))
        async with open_check(provider) as ask_it:
            finding = await ask_it()
    assert finding.kind is OutcomeKind.AUTH
    assert key not in finding.message
    assert "bad key ***" in finding.message


async def test_d15_five_megabytes_of_error_are_two_hundred_characters() -> None:
    finding = await found(answer({"error": {"message": "x" * 5_000_000}}, 500))
    assert (finding.kind, len(finding.message) <= 200) == (OutcomeKind.SERVER, True)


def test_d16_a_provider_that_refuses_our_key_is_never_the_best(house: Any) -> None:
    house.world.checks["a"].latency_ms = 10.0
    house.checked(ProviderBehavior.AUTH, name="a")
    best = []
    for _ in range(3):
        house.checked(FAILED, name="b")
        best.append(house.world.tracker.get_healthiest_provider())
    assert best == ["b", "b", None]


def test_d17_a_healthy_row_of_six_days_ago_is_no_recommendation(house: Any) -> None:
    house.world.config = attrs.evolve(house.world.config, schedule=True)
    house.world.stop()
    house.world.start()
    house.world.passes(1.0)
    assert house.world.tracker.get_healthiest_provider() is not None
    house.world.stop()
    house.world.time.jump(6 * 86_400.0)
    house.world.checks["a"].mood = house.world.checks["b"].mood = ProviderBehavior.HANG
    house.world.start()
    assert house.world.tracker.get_healthiest_provider() is None
    assert (str(house.provider().status), house.provider().stale) == ("unknown", True)


def test_d18_failures_count_though_the_clock_was_set_back(house: Any) -> None:
    house.checked(WELL)
    house.world.clock.jump_wall(-3600.0)
    assert house.checked(*4 * [FAILED])[-1] == ("down", 4)


@pytest.mark.parametrize("hours", ["99999999999", "-5", "0", "169", "x"])
def test_d19_impossible_hours_are_a_bad_request(house: Any, hours: str) -> None:
    status, problem = house.get(f"/api/providers/history?hours={hours}")
    assert (status, problem["status"]) == (400, 400)


async def test_d20_names_cannot_break_the_csv_nor_start_a_formula() -> None:
    names = ["a,b", "new\nline", '=HYPERLINK("http://evil")']
    tracker = a_tracker(*(a_provider(name) for name in names))
    response = await create_app(tracker).test_client().get("/api/providers/export/csv")
    text = (await response.get_data()).decode()
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    assert sorted(row[0] for row in rows) == sorted(["a,b", "new\nline", f"'{names[2]}"])
    assert {len(row) for row in rows} == {7}


async def test_d21_ninety_nine_percent_used_is_shown() -> None:
    told = answer(
        {"object": "list", "data": [{"id": "m"}]},
        x_ratelimit_limit_requests="100",
        x_ratelimit_remaining_requests="1",
        x_ratelimit_reset_requests="60s",
    )
    finding = await found(told)
    assert [limit.used_percent for limit in finding.limits] == [99.0]


def test_d22_a_web_page_is_no_healthy_api(house: Any) -> None:
    assert house.checked(ProviderBehavior.GARBAGE) == [("degraded", 1)]
    assert house.provider().outcome is OutcomeKind.BAD_RESPONSE


def test_d23_health_notices_an_actor_that_stopped(tmp_path: Path) -> None:
    with House(tmp_path, schedule=True) as house:
        house.world.passes(1.0)
        assert house.get("/livez")[0] == 200
        house.world.tracker._supervisor._actors["a"].scope.cancel()
        house.world.passes(3600.0)
        assert house.get("/livez")[0] == 503
        _, health = house.get("/api/providers/health")
        assert health["status"] == "failing"


def test_d24_a_check_in_progress_ends_with_the_tracker_and_leaves_no_row(tmp_path: Path) -> None:
    with House(tmp_path, schedule=True) as house:
        house.world.checks["a"].mood = ProviderBehavior.HANG
        house.world.checks["b"].mood = ProviderBehavior.HANG
        house.world.passes(1.0)
        house.world.kill()
        house.world.start()
        house.world.passes(5.0)
        assert house.world.checks["a"].begun > house.world.checks["a"].ended
        house.world.stop()
        assert house.world.checks["a"].begun == house.world.checks["a"].ended
        assert ("a", "timeout") not in house.rows()


async def test_d25_a_failing_g4f_is_asked_for_one_token_once_and_it_is_counted() -> None:
    async with http_server(answer({"error": {"message": "no"}}, 500)) as server:
        provider = Provider(
            name="g4f", kind="g4f", base_url=f"{server.url}/v1", check="chat", model="m"
        )
        async with open_check(provider) as ask_it:
            finding = await ask_it()
    assert [asked.json["max_tokens"] for asked in server.asked] == [1]
    assert (finding.requests, finding.completions) == (1, 1)


def test_d26_importing_creates_nothing_and_the_database_is_private(tmp_path: Path) -> None:
    code = "import tracker, tracker.runtime.service, api.app, api.cli.app"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        timeout=60,
    )
    assert list(tmp_path.iterdir()) == []
    with House(tmp_path) as house:
        house.checked(WELL)
        files = list(tmp_path.iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert {file.name for file in files} == {"flaws.db", "flaws.db-wal", "flaws.db-shm"}


async def test_d27_retention_finds_its_rows_by_an_index(tmp_path: Path) -> None:
    path = tmp_path / "plan.db"
    async with open_store(str(path)):
        pass
    with opened(path) as connection:
        bounds = {"hour": 1, "before": 1, "rows": 1}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {writing._PRUNE_CHECKS}", bounds).fetchall()
    steps = [detail for *_, detail in plan]
    assert any("USING" in step and "checks_by_hour" in step for step in steps), steps
    assert not any(step.startswith("SCAN checks") for step in steps), steps
