"""serve as a process of its own: its one line, its logs, its exit codes."""

import json
import os
import re
import signal
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import trio

from api.cli.serve import log_startup_summary
from tests.helpers.command_line import NOTHING, Commands, command, ran, serving, watched
from tests.helpers.plain_http import PLAIN
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider
from tracker.testing import simulated_provider

__all__ = ["command"]
REFUSING = "http://127.0.0.1:9/v1"
TOKEN = "admin-token-0123"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def configured(folder: Path, *tables: str) -> Path:
    (folder / "tracker.toml").write_text("\n".join([NOTHING, *tables]))
    return folder


def test_serve_without_providers_becomes_ready_and_exits_with_0(tmp_path: Path) -> None:
    with serving(configured(tmp_path)) as served:
        assert httpx.get(f"{served.url}/readyz", verify=PLAIN).status_code == 200
        assert (
            httpx.get(f"{served.url}/api/providers/status", verify=PLAIN).json()["providers"] == {}
        )
        assert httpx.get(f"{served.url}/api/providers/best", verify=PLAIN).status_code == 503
        ended = served.ended()
    assert (ended.code, ended.out) == (0, "")
    assert served.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_exits_with_0_at_a_signal_after_one_line_on_stdout(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(configured(tmp_path, watched("mine", REFUSING))) as served:
        ended = served.ended(number)
    assert (ended.code, ended.out) == (0, "")
    assert "Traceback" not in ended.err
    assert f"signal={number.name}" in ended.err


def test_json_logs_have_one_document_per_line_and_no_secret(tmp_path: Path) -> None:
    table = watched("mine", REFUSING, api_key_env="MY_KEY")
    folder = configured(tmp_path, table)
    with serving(folder, "--log-format", "json", MY_KEY="sk-secret-0123456789") as served:
        ended = served.ended()
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert lines[0]["event"] == "watching"
    assert lines[0]["with_key"] == "mine"
    assert lines[-1]["event"] == "stopped"
    assert "0123456789" not in ended.err


async def test_serve_checks_a_provider_and_stores_the_results(tmp_path: Path) -> None:
    async with simulated_provider(name="simulated") as provider:
        folder = configured(tmp_path, watched("mine", provider.base_url))
        await trio.to_thread.run_sync(watch_until_healthy, folder)
        assert provider.checks >= 1
    database = tmp_path / "provider_status.db"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT provider_name, outcome FROM checks LIMIT 1").fetchall()
    assert found == [("mine", "ok")]


def watch_until_healthy(folder: Path) -> None:
    with serving(folder) as served:
        with httpx.Client(base_url=served.url, verify=PLAIN) as client:
            for _ in range(500):
                if client.get("/readyz").status_code == 200:
                    break
            provider = client.get("/api/providers/status/mine").json()
        assert (provider["status"], provider["outcome"]) == ("healthy", "ok")
        assert served.ended().code == 0


def test_a_port_in_use_exits_with_1_and_says_what_to_do(command: Commands, taken: int) -> None:
    found = command("serve", "--port", taken)
    assert (found.code, found.out) == (1, "")
    assert f"port {taken} of 127.0.0.1 is in use: stop the program that uses it" in found.err
    assert re.search(r"make run ARGS=\"--port \d+\"", found.err)
    assert "Traceback" not in found.err


def test_five_mistakes_are_reported_together_and_exit_with_2(command: Commands) -> None:
    (command.folder / "tracker.toml").write_text(
        """
        [tracker]
        discover = false
        intervall_seconds = 60
        jitter = "much"
        [server]
        port = 99999
        [providers.mine]
        kind = "openay"
        base_url = "http://169.254.169.254/v1"
        """
    )
    for name in ("serve", "probe"):
        found = command(name)
        assert (found.code, found.out) == (2, "")
        assert "tracker.toml: 5 mistakes" in found.err
        assert "did you mean interval_seconds?" in found.err
        for key in ("jitter", "server.port", "kind", "base_url"):
            assert key in found.err
    assert command("config", "check").code == 2


@pytest.mark.parametrize(
    "text", ["", "no toml at all", "\x00", '[ranking]\npolicy = "cheapest"\n'], ids=repr
)
def test_serve_and_config_check_agree(command: Commands, text: str, taken: int) -> None:
    """On a port that is taken, so that a good configuration does not serve forever."""
    file = command.folder / "other.toml"
    file.write_text(text)
    checked = command("config", "check", "--config", file)
    if checked.code == 0:
        assert text == ""
        return
    assert checked.code == 2
    served = command("serve", "--config", file, "--port", taken)
    assert (served.code, served.out, served.err) == (2, "", checked.err)


def test_an_unknown_policy_exits_with_2(command: Commands) -> None:
    command.configured('[ranking]\npolicy = "no_such_module:policy"')
    for arguments in (("serve", "--port", "0"), ("config", "check")):
        found = command(*arguments)
        assert (found.code, found.out) == (2, "")
        assert "No module named 'no_such_module'" in found.err


def test_a_public_address_without_a_token_is_refused(command: Commands) -> None:
    found = command("serve", "--host", "0.0.0.0", "--port", "0")
    assert (found.code, found.out) == (2, "")
    assert "set PROVIDER_STATUS_ADMIN_TOKEN" in found.err


def test_serve_works_in_memory_if_the_database_path_is_a_folder(tmp_path: Path) -> None:
    """CONTRACT 6: while the database cannot be used, results wait and everything else goes on."""
    (tmp_path / "folder.db").mkdir()
    with serving(configured(tmp_path), "--database", "folder.db") as served:
        health = httpx.get(f"{served.url}/api/providers/health", verify=PLAIN).json()
        assert httpx.get(f"{served.url}/livez", verify=PLAIN).status_code == 200
        ended = served.ended()
    assert (ended.code, health["database"]["state"]) == (0, "unavailable")
    assert "is a folder; give the path of a file" in health["database"]["reason"]


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--prot"), ("serve", "--port", "abc"), ("serve", "more"), ("swerve",)],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_prints_nothing_on_stdout(
    command: Commands, arguments: tuple[str, ...]
) -> None:
    found = command(*arguments)
    assert (found.code, found.out) == (2, "")
    assert arguments[-1] in found.err


def test_an_unknown_log_level_exits_with_2(command: Commands) -> None:
    found = command("serve", "--log-level", "loud")
    assert (found.code, found.out) == (2, "")
    assert "loud" in found.err


def test_an_override_survives_a_restart_and_appears_in_config_show(tmp_path: Path) -> None:
    folder = configured(tmp_path, watched("mine", REFUSING))
    token = {"PROVIDER_STATUS_ADMIN_TOKEN": TOKEN}
    with serving(folder, **token) as served:
        tuned = ran(folder, "tune", "mine", "--interval", "77", "--url", served.url, **token)
        assert served.ended().code == 0
    assert tuned.code == 0
    shown = ran(folder, "config", "show").json
    assert shown["providers"]["mine"]["interval_seconds"] == 77
    assert shown["overrides"] == {"mine": {"interval_seconds": 77.0, "enabled": None}}
    with serving(folder) as served:
        again = httpx.get(f"{served.url}/api/providers/status/mine", verify=PLAIN).json()
        assert served.ended().code == 0
    assert (again["interval_seconds"], again["interval_overridden"]) == (77, True)


def test_sighup_reloads_the_file(tmp_path: Path) -> None:
    folder = configured(tmp_path, watched("first", REFUSING))
    with serving(folder) as served:
        configured(tmp_path, watched("second", REFUSING))
        os.kill(served.process.pid, signal.SIGHUP)
        with httpx.Client(base_url=served.url, verify=PLAIN) as client:
            for _ in range(1000):
                if "second" in client.get("/api/providers/status").json()["providers"]:
                    break
            found = client.get("/api/providers/status").json()["providers"]
        assert set(found) == {"second"}
        assert served.ended().code == 0


def test_the_demo_serves_simulated_providers_only(tmp_path: Path) -> None:
    configured(tmp_path, watched("mine", REFUSING))
    with serving(tmp_path, "--config", "tracker.toml", job="demo") as served:
        shown = httpx.get(f"{served.url}/api/providers/status", verify=PLAIN).json()["providers"]
        ended = served.ended()
    assert (ended.code, len(shown) >= 5) == (0, True)
    assert not {"g4f_main", "mine"} & set(shown)


def logged_at_start(settings: Config) -> list[dict[str, Any]]:
    with structlog.testing.capture_logs() as logs:
        log_startup_summary(settings)
    return [dict(line) for line in logs]


def test_serve_without_any_key_says_how_to_add_one() -> None:
    free = Provider(name="free", base_url="http://127.0.0.1:1", kind="g4f", check="chat")
    settings = Config(providers=(free,), warnings=("api_key is not in the file",))
    lines = logged_at_start(settings)
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
        "api_key is not in the file",
        "no API key found: set one, for example GROQ_API_KEY, in the environment or in .env; "
        "`provider-status providers` lists every variable",
    ]
    (watching,) = (line for line in lines if line["event"] == "watching")
    assert (watching["with_key"], watching["without"]) == (None, "free")
    (spends,) = (line for line in lines if "completion of one token" in line["event"])
    assert spends["providers"] == "free"


def test_with_a_key_or_without_discovery_serve_gives_no_advice_on_keys() -> None:
    keyed = Provider(name="groq", base_url="http://127.0.0.1:1", keys=(Secret("k-1"),))
    free = Provider(name="free", base_url="http://127.0.0.1:1")
    for settings in (Config(providers=(keyed,)), Config(providers=(free,), discover=False)):
        assert [line["event"] for line in logged_at_start(settings)] == ["watching"]
