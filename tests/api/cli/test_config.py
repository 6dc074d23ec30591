"""config check, show and schema, providers, completion, version and help."""

import json
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import NOTHING, Commands, command, ran, watched
from tracker.config.catalogue import load_catalogue
from tracker.store.schema import APPLICATION

__all__ = ["command"]
HERE = "http://127.0.0.1:9/v1"
KEY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ((), "ok: tracker.toml; 0 providers to watch\n"),
        ((watched("mine", HERE),), "ok: tracker.toml; 1 provider to watch\n"),
    ],
)
def test_check_says_how_many_it_would_watch(
    command: Commands, tables: tuple[str, ...], said: str
) -> None:
    command.configured(*tables)
    found = command("config", "check")
    assert (found.code, found.out, found.err) == (0, said, "")


def test_check_reports_on_stderr_what_should_be_fixed(command: Commands) -> None:
    command.configured("[providers.groq]\ninterval_seconds = 60")
    found = command("config", "check")
    assert (found.code, found.out) == (0, "ok: tracker.toml; 0 providers to watch\n")
    assert found.err == "warning: groq is not watched: GROQ_API_KEY is not set\n"


def test_without_a_file_the_environment_decides(command: Commands) -> None:
    (command.folder / "tracker.toml").unlink()
    keyless = command("config", "check").out
    keyed = command("config", "check", GROQ_API_KEY=KEY, GROQ_API_BASE=HERE).out
    assert keyless.startswith("ok: no file; defaults and environment; ")
    assert _count(keyed) == _count(keyless) + 1


def _count(said: str) -> int:
    return int(said.rsplit(";", 1)[1].split(maxsplit=1)[0])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: None, "the file does not exist"),
        (lambda file: file.mkdir(), "this is a folder; give the path of a file in it"),
        (lambda file: file.write_bytes(b"\xff"), "line 1 is not UTF-8"),
        (lambda file: file.write_text("[tracker"), "it is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_2(command: Commands, make: object, said: str) -> None:
    file = command.folder / "other.toml"
    make(file)
    for arguments in (("config", "check"), ("config", "show"), ("serve",), ("probe",)):
        found = command(*arguments, "--config", file)
        assert (found.code, found.out) == (2, "")
        assert said in found.err


def test_check_writes_nothing(command: Commands) -> None:
    before = sorted(command.folder.iterdir())
    for arguments in (("config", "check"), ("config", "show"), ("providers",)):
        assert command(*arguments).code == 0
    assert sorted(command.folder.iterdir()) == before


def test_show_masks_every_secret(command: Commands) -> None:
    command.configured(watched("mine", HERE, api_key_env="MY_KEY"))
    found = command("config", "show", MY_KEY=KEY, PROVIDER_STATUS_ADMIN_TOKEN=KEY)
    assert found.code == 0
    assert KEY not in found.out + found.err
    assert found.json["server"]["admin_token"] == "set"
    assert found.json["providers"]["mine"]["key_names"] == ["MY_KEY"]
    assert found.json["overrides"] == {}


def test_show_takes_the_database_from_the_command_line(command: Commands) -> None:
    assert command("config", "show", "--database", "x.db").json["tracker"]["database"] == "x.db"
    with closing(sqlite3.connect(command.folder / "foreign.db")) as other:
        other.execute("CREATE TABLE notes (text)")
    found = command("config", "show", "--database", "foreign.db")
    assert (found.code, found.json["overrides"]) == (0, {})


def make_original(database: sqlite3.Connection) -> None:
    """The table of the original tracker, which serve takes over."""
    database.execute(
        "CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY, provider_name TEXT,"
        " status TEXT, response_time_ms REAL, last_check_timestamp TEXT, created_at TEXT,"
        " error_message TEXT, rate_limit_percent REAL, consecutive_failures INTEGER)"
    )


def make_older(database: sqlite3.Connection) -> None:
    """A schema that serve upgrades, after a backup."""
    database.execute("CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY)")
    database.execute(f"PRAGMA application_id = {APPLICATION}")


def make_empty(database: sqlite3.Connection) -> None:
    """A file without a table, which serve fills."""
    database.execute("VACUUM")


@pytest.mark.parametrize("make", [make_original, make_older, make_empty])
def test_show_leaves_an_older_database_as_it_is(
    command: Commands, make: Callable[[sqlite3.Connection], None]
) -> None:
    file = command.folder / "old.db"
    with closing(sqlite3.connect(file)) as old:
        make(old)
        old.commit()
    before = file.read_bytes(), sorted(command.folder.iterdir())
    show_overrides(command, file)
    assert (file.read_bytes(), sorted(command.folder.iterdir())) == before


def test_show_sets_no_damaged_database_aside(command: Commands) -> None:
    file = command.folder / "damaged.db"
    file.write_bytes(b"no database at all" * 1000)
    before = file.read_bytes(), sorted(command.folder.iterdir())
    show_overrides(command, file)
    assert (file.read_bytes(), sorted(command.folder.iterdir())) == before


def show_overrides(command: Commands, file: Path) -> None:
    """Show a configuration whose database cannot be read: that is said."""
    found = command("config", "show", "--database", file.name)
    assert (found.code, found.json["overrides"]) == (0, {})
    assert found.err.startswith(f"warning: not known what was tuned: {file.name}: ")


def test_schema_knows_every_table_of_the_contract(command: Commands) -> None:
    schema = command("config", "schema").json
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"ConfigTable", "TrackerTable", "ServerTable", "ProviderTable"} <= set(schema["$defs"])


def test_providers_say_which_variable_would_enable_them(command: Commands) -> None:
    (command.folder / "tracker.toml").unlink()
    found = command("providers", "--json").json["providers"]
    assert (found["groq"]["configured"], found["groq"]["missing"]) == (False, ["GROQ_API_KEY"])
    assert found["g4f_main"]["configured"] is True
    table = command("providers", COLUMNS="80").out.splitlines()
    assert [line.split() for line in table if line.startswith("groq ")] == [
        ["groq", "○", "no", "GROQ_API_KEY"]
    ]


def test_providers_read_the_environment_and_dotenv_and_show_no_key(command: Commands) -> None:
    (command.folder / "tracker.toml").unlink()
    (command.folder / ".env").write_text(f"MISTRAL_API_KEY={KEY}\n")
    found = command("providers", "--json", GROQ_API_KEY=KEY, GROQ_API_KEY_1=f"{KEY}-1")
    assert KEY not in found.out + found.err
    listed = found.json["providers"]
    assert listed["groq"]["variables"] == ["GROQ_API_KEY", "GROQ_API_KEY_1"]
    assert listed["mistral"]["configured"] is True


def listed(command: Commands, *arguments: str, **environ: str) -> Any:
    found = command("providers", "--json", *arguments, **environ)
    assert (found.code, found.err) == (0, "")
    assert KEY not in found.out
    return found.json["providers"]


def row(command: Commands, name: str, **environ: str) -> list[str]:
    lines = command("providers", COLUMNS="150", **environ).out.splitlines()
    (line,) = (line for line in lines if line.split()[0] == name)
    return line.strip().split(maxsplit=3)[1:]


def test_providers_show_the_file_s_variable_and_address(command: Commands) -> None:
    command.configured(f'[providers.groq]\napi_key_env = "MINE"\nbase_url = "{HERE}"')
    assert listed(command, MINE=KEY)["groq"] == {
        "configured": True,
        "enabled": True,
        "variables": ["MINE"],
        "missing": [],
        "to_enable": [],
        "base_url": HERE,
    }
    assert row(command, "groq", MINE=KEY) == ["●", "yes", f"MINE, at {HERE}"]


def test_providers_ask_for_the_variable_the_file_names(command: Commands) -> None:
    command.configured('[providers.groq]\napi_key_env = "MINE"')
    found = listed(command, GROQ_API_KEY=KEY)["groq"]
    assert (found["configured"], found["missing"], found["to_enable"]) == (
        False,
        ["MINE"],
        ["MINE"],
    )


def test_providers_shows_what_is_switched_off(command: Commands) -> None:
    command.configured("[providers.groq]\nenabled = false")
    found = listed(command, GROQ_API_KEY=KEY)["groq"]
    assert (found["configured"], found["enabled"]) == (True, False)
    assert row(command, "groq", GROQ_API_KEY=KEY) == ["○", "off", "GROQ_API_KEY  enabled = true"]
    assert listed(command)["groq"]["to_enable"] == ["GROQ_API_KEY", "enabled = true"]


def test_without_discovery_a_key_configures_no_provider(command: Commands) -> None:
    found = listed(command, GROQ_API_KEY=KEY)
    assert set(found) == set(load_catalogue())
    assert not any(one["configured"] for one in found.values())
    assert (found["groq"]["variables"], found["groq"]["to_enable"]) == (
        ["GROQ_API_KEY"],
        ["[providers.groq]"],
    )
    assert found["mistral"]["to_enable"] == ["MISTRAL_API_KEY", "[providers.mistral]"]


def test_providers_lists_those_of_the_file_last(command: Commands) -> None:
    command.configured(watched("mine", HERE), watched("yours", HERE, api_key_env="YOURS"))
    found = listed(command)
    assert list(found)[-2:] == ["mine", "yours"]
    assert (found["yours"]["configured"], found["yours"]["missing"]) == (True, ["YOURS"])
    assert row(command, "mine") == ["●", "yes", f"needs no key, at {HERE}"]
    state = row(command, "yours")
    assert state[2].split("  ")[0] == f"checked without a key, at {HERE}"


def test_providers_agree_with_what_is_watched(command: Commands) -> None:
    (command.folder / "tracker.toml").write_text(watched("mine", HERE))
    for environ in ({}, {"GROQ_API_KEY": KEY}, {"CLOUDFLARE_API_KEY": KEY}):
        shown = command("config", "show", **environ).json["providers"]
        found = listed(command, **environ)
        assert [name for name, one in found.items() if one["configured"]] == list(shown)


def test_providers_accepts_the_common_options(command: Commands) -> None:
    (command.folder / "other.toml").write_text(watched("mine", HERE))
    assert "mine" in listed(command, "--config", "other.toml", "--database", "unused.db")
    assert not (command.folder / "unused.db").exists()
    (command.folder / "wrong.toml").write_text("[providers.mine]")
    wrong = command("providers", "--config", "wrong.toml")
    assert (wrong.code, wrong.out) == (2, "")
    assert "it needs kind and base_url" in wrong.err


def test_a_key_with_a_typographic_dash_is_reported_without_showing_it(command: Commands) -> None:
    bad = "sk–canary-0123456789"
    (command.folder / "tracker.toml").unlink()
    for name in ("config", "serve"):
        found = command(
            *(("config", "check") if name == "config" else ("serve",)), GROQ_API_KEY=bad
        )
        assert (found.code, found.out) == (2, "")
        assert "GROQ_API_KEY" in found.err
        assert "canary" not in found.err


@pytest.mark.parametrize(
    ("shell", "first", "hook"),
    [
        ("bash", "# Bash completion for provider-status", "complete -F"),
        ("zsh", "#compdef provider-status", "_arguments"),
        ("fish", "# Fish completion for provider-status", "complete -c provider-status"),
    ],
)
def test_completion_knows_commands_and_options(
    command: Commands, shell: str, first: str, hook: str
) -> None:
    found = command("completion", shell)
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(first)
    assert hook in found.out
    for word in ("serve", "doctor", "replay", "log-format", "json"):
        assert word in found.out


def test_version_is_that_of_the_distribution(command: Commands) -> None:
    for arguments in (("--version",), ("--help",)):
        assert command(*arguments).code == 0
    assert command("--version").out == version("provider-status-tracker") + "\n"


def test_help_names_every_command(command: Commands) -> None:
    shown = command("--help").out
    for name in ("serve", "probe", "status", "best", "history", "export", "tune", "providers"):
        assert f" {name} " in shown
    for name in ("config", "doctor", "replay", "demo", "completion"):
        assert f" {name} " in shown


def test_commands_behave_the_same_in_their_own_process(tmp_path: Path) -> None:
    """What the other tests run in this process is what a shell runs."""
    (tmp_path / "tracker.toml").write_text(NOTHING)
    found = ran(tmp_path, "config", "show")
    assert (found.code, found.err) == (0, "")
    assert (
        json.loads(found.out)["tracker"]["discover"]
        is tomllib.loads(NOTHING)["tracker"]["discover"]
    )
