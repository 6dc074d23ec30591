import os
from pathlib import Path
from typing import Any

import pytest

from tracker.config import read_config
from tracker.config.catalogue import load_catalogue
from tracker.config.environment import discover, fill, find, find_keys, find_token, read_environment
from tracker.config.errors import ConfigError, ConfigProblem
from tracker.config.show import show_config
from tracker.core.redaction import Secret
from tracker.core.settings import Config

KEYLESS = ["g4f_main", "g4f_groq", "g4f_gemini", "g4f_nvidia", "g4f_ollama", "g4f_pollinations"]
CANARY = "canary-0123456789"


def found(name: str, **environ: Any) -> Any:
    return find(load_catalogue()[name], environ)


def revealed(provider: Any) -> list[Any]:
    return [key.reveal() for key in provider.keys]


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, []),
        ({"GROQ_API_KEY": "a"}, ["groq"]),
        ({"GROQ_API_KEY_1": "a"}, ["groq"]),
        ({"UNRELATED_API_KEY": "a", "GROQ_API_KEYS": "b", "MY_GROQ_API_KEY": "c"}, []),
        ({"GROQ_API_BASE": "http://127.0.0.1:1/v1"}, []),
        ({"GOOGLE_API_KEY": "a"}, ["gemini", "google"]),
        ({"GEMINI_API_KEY": "a"}, ["gemini"]),
        ({"HF_TOKEN": "a"}, ["huggingface"]),
        ({"OR_API_KEY": "a"}, ["openrouter"]),
        ({"CLOUDFLARE_API_KEY": "a"}, []),
        ({"CLOUDFLARE_API_KEY": "a", "CLOUDFLARE_ACCOUNT_ID": "b"}, ["cloudflare"]),
        ({"GEMINI_CLI_PROJECT_ID": "p"}, ["gemini_cli"]),
        ({"GEMINI_CLI_OAUTH_CREDS": "/x"}, []),
        ({"G4F_GROK_API_KEY": "a"}, []),
        ({"G4F_GROK_API_BASE": "https://g4f.example/api/grok"}, ["g4f_grok"]),
    ],
)
def test_providers_with_a_key_and_keyless_ones_are_watched(
    environ: dict[str, Any], names: list[Any]
) -> None:
    watched = [f.entry.name for f in discover(load_catalogue(), environ) if f.provider]
    assert sorted(watched) == sorted([*names, *KEYLESS])


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("groq", ("GROQ_API_KEY",)),
        ("cloudflare", ("CLOUDFLARE_API_KEY", "CLOUDFLARE_ACCOUNT_ID")),
        ("gemini_cli", ("GEMINI_CLI_PROJECT_ID",)),
        ("g4f_grok", ("G4F_GROK_API_BASE",)),
        ("g4f_main", ()),
    ],
)
def test_says_which_variables_would_enable_an_entry(name: str, missing: Any) -> None:
    assert found(name).missing == missing
    assert (found(name).provider is None) == bool(missing)


def test_a_provider_has_the_catalogues_settings() -> None:
    entry = load_catalogue()["groq"]
    provider = found("groq", GROQ_API_KEY="a").provider
    assert provider.base_url == "https://api.groq.com/openai/v1"
    assert (provider.kind, provider.check, provider.moved) == ("openai", "models", False)
    assert (provider.list_public, provider.documented_limits) == (False, entry.limits)
    assert provider.options == entry.options


def test_numbered_keys_are_taken_in_order_of_their_numbers() -> None:
    environ = {f"GROQ_API_KEY_{n}": f"key{n}" for n in (10, 2, 1)} | {"GROQ_API_KEY": "key"}
    result = found("groq", **environ)
    assert revealed(result.provider) == ["key", "key1", "key2", "key10"]
    assert result.provider.key_names == (
        "GROQ_API_KEY",
        "GROQ_API_KEY_1",
        "GROQ_API_KEY_2",
        "GROQ_API_KEY_10",
    )


def test_the_same_key_twice_counts_once() -> None:
    keys = find_keys(["K"], {"K": "a", "K_1": "a", "K_2": "b"})
    assert keys.secrets == (Secret("a"), Secret("b"))
    assert keys.names == ("K", "K_2")


def test_an_alias_counts_only_while_the_first_is_not_set() -> None:
    both = found("gemini", GEMINI_API_KEY="own", GOOGLE_API_KEY="other")
    assert revealed(both.provider) == ["own"]
    numbered = found("gemini", GEMINI_API_KEY_1="own", GOOGLE_API_KEY="other")
    assert revealed(numbered.provider) == ["own"]
    assert revealed(found("gemini", GOOGLE_API_KEY="other").provider) == ["other"]


def test_a_base_variable_moves_the_provider() -> None:
    environ = {"GROQ_API_KEY": "a", "GROQ_API_BASE": "http://127.0.0.1:9/v1/"}
    result = found("groq", **environ)
    assert (result.provider.base_url, result.provider.moved) == ("http://127.0.0.1:9/v1", True)
    assert result.variables == ("GROQ_API_KEY", "GROQ_API_BASE")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/v1", "http://10.0.0.1/v1", "http://groq.example", "groq"]
)
def test_a_base_variable_with_a_forbidden_address_is_a_mistake(url: str) -> None:
    result = found("groq", GROQ_API_KEY=CANARY, GROQ_API_BASE=url)
    assert result.provider is None
    assert [mistake.key for mistake in result.mistakes] == ["GROQ_API_BASE"]


def test_a_login_goes_over_plain_http_to_this_machine_only() -> None:
    away = found(
        "gemini_cli", GEMINI_CLI_PROJECT_ID="p", GEMINI_CLI_API_BASE="http://proxy.example"
    )
    assert away.provider is None
    assert [mistake.key for mistake in away.mistakes] == ["GEMINI_CLI_API_BASE"]
    for url in ("https://proxy.example", "http://127.0.0.1:9"):
        assert found("gemini_cli", GEMINI_CLI_PROJECT_ID="p", GEMINI_CLI_API_BASE=url).provider


def test_ids_and_files_become_options() -> None:
    environ = {"GEMINI_CLI_PROJECT_ID": "my-project", "GEMINI_CLI_OAUTH_CREDS": "/my/creds.json"}
    options = found("gemini_cli", **environ).provider.options
    assert (options["project"], options["credential_file"]) == ("my-project", "/my/creds.json")
    default = found("gemini_cli", GEMINI_CLI_PROJECT_ID="p").provider.options
    assert default["credential_file"] == "~/.gemini/oauth_creds.json"


def test_an_account_id_is_filled_in_and_cannot_change_the_path() -> None:
    environ = {"CLOUDFLARE_API_KEY": "a", "CLOUDFLARE_ACCOUNT_ID": "../x?y"}
    provider = found("cloudflare", **environ).provider
    assert provider.base_url == ("https://api.cloudflare.com/client/v4/accounts/..%2Fx%3Fy/ai/v1")
    assert fill("{a}/{b}", {"a": 1, "b": "x y"}) == "1/x%20y"


@pytest.mark.parametrize("table", ["", "[providers.cloudflare]\ninterval_seconds = 60\n"])
def test_an_id_that_is_not_utf_8_is_a_mistake_that_names_only_the_variable(
    table: str, tmp_path: Path
) -> None:
    environ = {"CLOUDFLARE_API_KEY": "a", "CLOUDFLARE_ACCOUNT_ID": os.fsdecode(b"canary\xff")}
    (tmp_path / "tracker.toml").write_text(table)
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "tracker.toml", environ, dotenv=None)
    assert [mistake.key for mistake in caught.value.mistakes] == ["CLOUDFLARE_ACCOUNT_ID"]
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["schlüssel-canary", "two words", "new\nline", "tab\there", "“q”"]
)
def test_a_key_no_header_can_carry_is_a_mistake_that_names_only_the_variable(value: str) -> None:
    result = found("groq", GROQ_API_KEY_1=value, GROQ_API_KEY_2="good")
    assert result.provider is None
    assert [mistake.key for mistake in result.mistakes] == ["GROQ_API_KEY_1"]
    assert value not in str(result.mistakes)
    assert find_token("GROQ_API_KEY_1", {"GROQ_API_KEY_1": value}) == result.mistakes[0]


def test_an_unset_token_is_none() -> None:
    assert find_token("T", {}) is None
    assert find_token("T", {"T": "  "}) is None
    assert find_token("T", {"T": "sixteen-chars-xx"}) == Secret("sixteen-chars-xx")


class TestEnvironment:
    def test_strips_blanks_and_drops_what_is_empty(self) -> None:
        environment = read_environment({"A": " a \r\n", "B": "", "C": "  "})
        assert environment.variables == {"A": "a"}

    def test_the_real_environment_beats_the_file(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, "A=file\nB=file\nexport C='quoted # not a comment'\nD\n")
        environment = read_environment({"A": "real"}, file)
        assert environment.variables == {"A": "real", "B": "file", "C": "quoted # not a comment"}

    def test_an_empty_variable_overrides_the_file(self, tmp_path: Path) -> None:
        assert read_environment({"A": ""}, self.write(tmp_path, "A=file\n")).variables == {}

    def test_a_key_is_not_interpolated(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", "/home")
        file = self.write(tmp_path, "A=x${HOME}y\n")
        assert read_environment({}, file).variables == {"A": "x${HOME}y"}

    def test_a_byte_order_mark_is_no_part_of_a_name(self, tmp_path: Path) -> None:
        assert read_environment({}, self.write(tmp_path, "\ufeffA=a\n")).variables == {"A": "a"}

    def test_a_missing_file_is_allowed_but_a_folder_is_not(self, tmp_path: Path) -> None:
        for path in (tmp_path / ".env", tmp_path, None):
            environment = read_environment({}, path)
            assert environment.variables == {}
            assert (environment.warnings, environment.mistakes) == ((), ())

    def test_warns_of_a_file_others_can_read(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, f"GROQ_API_KEY={CANARY}\n", mode=0o640)
        [warning] = read_environment({}, file).warnings
        assert "chmod 600 .env" in warning
        assert CANARY not in warning
        file.chmod(0o600)
        assert read_environment({}, file).warnings == ()

    def test_a_file_that_is_not_utf_8_is_a_mistake(self, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        file.write_bytes(b"GROQ_API_KEY=\xff\xfe" + CANARY.encode())
        [mistake] = read_environment({}, file).mistakes
        assert str(mistake) == ".env: cannot be read: it is not UTF-8"

    def test_never_shows_what_it_holds(self) -> None:
        assert CANARY not in repr(read_environment({"GROQ_API_KEY": CANARY}))

    def write(self, folder: Path, text: str, mode: int = 0o600) -> Any:
        file = folder / ".env"
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file


def test_an_option_that_is_a_secret_is_kept_as_one() -> None:
    environ = {"GEMINI_CLI_PROJECT_ID": "p", "GEMINI_CLI_CLIENT_SECRET": "canary-of-a-client"}
    provider = find(load_catalogue()["gemini_cli"], environ).provider
    assert provider.options["client_secret"] == Secret("canary-of-a-client")
    assert provider.secrets == (Secret("canary-of-a-client"),)
    shown = show_config(Config(providers=(provider,)))
    assert "canary" not in repr((provider, shown))
    assert shown["providers"]["gemini_cli"]["options"]["client_secret"] == "***"


def test_a_token_that_can_be_guessed_is_refused_and_not_shown() -> None:
    found = find_token("T", {"T": "fifteen-chars-x"})
    assert isinstance(found, ConfigProblem)
    assert "fifteen" not in str(found)
    assert isinstance(find_token("T", {"T": "sixteen-chars-xx"}), Secret)
