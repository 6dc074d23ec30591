import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import trustme

from tracker.config import read_config
from tracker.config.errors import ConfigError, ConfigProblem, format_value
from tracker.config.show import config_schema, show_config
from tracker.config.structure import GUESSES
from tracker.core.redaction import Secret
from tracker.core.settings import Config, Provider, RankingSettings, ServerSettings, Timing

CANARY = "sk-canary-0123456789abcdef"
KEYS = {"GROQ_API_KEY": CANARY}
LOCAL = "http://127.0.0.1:9/v1"

CONTRACT = """
[tracker]
database = "provider_status.db"
interval_seconds = 300
timeout_seconds = 10
jitter = 0.1
recheck_seconds = [2, 10, 30, 60, 120]
failures_to_down = 3
successes_to_recover = 2
degraded_latency_ms = 1000
retention_days = 7
schedule = true
discover = true

[server]
host = "127.0.0.1"
port = 8000
admin_token_env = "PROVIDER_STATUS_ADMIN_TOKEN"
allowed_hosts = []
root_path = ""

[providers.groq]
interval_seconds = 60

[providers.local-vllm]
kind = "openai"
base_url = "http://127.0.0.1:9999/v1"
api_key_env = "VLLM_KEY"
check = "models"
model = "gpt-oss-20b"
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, environ: Any = None, **overrides: Any) -> Any:
    path = Path("config.toml")
    path.write_text(text, encoding="utf-8")
    return read_config(path, environ or {}, dotenv=None, **overrides)


def mistakes(text: str, environ: Any = None) -> Any:
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    assert CANARY not in str(caught.value)
    return caught.value.mistakes


def mistake(text: str, environ: Any = None) -> Any:
    [only] = mistakes(text, environ)
    return only


def provider(text: str, environ: Any = None) -> Any:
    return read(f"tracker.discover = false\n{text}", environ).providers[0]


def own(lines: Any, name: str = "mine") -> str:
    return f'[providers.{name}]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n{lines}\n'


class TestReading:
    def test_without_a_file_the_defaults_apply(self) -> None:
        config = read_config(environ={}, dotenv=None)
        assert (config.timing, config.server) == (Timing(), ServerSettings())
        assert (config.ranking, config.source) == (RankingSettings(), None)
        assert all(p.name.startswith("g4f_") for p in config.providers)

    def test_tracker_toml_is_read_where_it_exists(self) -> None:
        Path("tracker.toml").write_text("[tracker]\ndiscover = false\n")
        config = read_config(environ={}, dotenv=None)
        assert (config.source, config.providers) == ("tracker.toml", ())

    def test_an_empty_file_changes_no_default(self) -> None:
        assert read("").timing == Timing()

    def test_a_byte_order_mark_is_ignored(self) -> None:
        assert read("\ufefftracker.interval_seconds = 60").timing.interval_seconds == 60.0

    def test_the_contracts_example_is_accepted(self) -> None:
        config = read(CONTRACT, KEYS)
        assert config.provider("groq").timing.interval_seconds == 60.0
        assert config.provider("groq").timing.recheck_seconds == (2.0, 10.0, 30.0, 60.0, 60.0)
        vllm = config.provider("local-vllm")
        assert (vllm.kind, vllm.check, vllm.model) == ("openai", "models", "gpt-oss-20b")
        assert (vllm.base_url, vllm.keys) == ("http://127.0.0.1:9999/v1", ())
        assert config.warnings == ("VLLM_KEY is not set: local-vllm is checked without a key",)

    def test_every_setting_is_read(self) -> None:
        config = read(
            'tracker = { database = "x.db", retention_days = 1, schedule = false }\n'
            "[server]\nport = 0\nhost = '::1'\nallowed_hosts = ['a', 'b']\nroot_path = '/llm'\n"
            "fast_lane = false\n"
            "[ranking]\npolicy = 'my.module:rank'\nmemory_checks = 10\nswitch_margin = 0\n"
        )
        assert (config.database, config.retention_days, config.schedule) == ("x.db", 1.0, False)
        assert config.server == ServerSettings(
            port=0, host="::1", allowed_hosts=("a", "b"), root_path="/llm", fast_lane=False
        )
        assert config.ranking == RankingSettings(
            policy="my.module:rank", memory_checks=10, switch_margin=0.0
        )

    def test_the_command_line_wins(self) -> None:
        config = read(CONTRACT, KEYS, database="other.db", host="::1", port=0)
        assert (config.database, config.server.host, config.server.port) == ("other.db", "::1", 0)

    def test_a_port_of_the_command_line_is_checked(self) -> None:
        with pytest.raises(ConfigError, match="--port = 65536: not a port number"):
            read("", port=65536)

    def test_keys_come_from_the_dotenv_file_too(self) -> None:
        Path(".env").write_text(f"GROQ_API_KEY={CANARY}\n")
        Path(".env").chmod(0o644)
        config = read_config(environ={})
        assert config.provider("groq").keys == (Secret(CANARY),)
        assert config.warnings == (
            ".env contains keys and other users can read it: chmod 600 .env",
        )

    def test_tokens_come_from_their_variables(self) -> None:
        text = '[server]\nread_token_env = "READ"\n'
        server = read(text, {"READ": "r" * 16, "PROVIDER_STATUS_ADMIN_TOKEN": CANARY}).server
        assert (server.admin_token, server.read_token) == (Secret(CANARY), Secret("r" * 16))

    def test_a_file_that_was_named_but_does_not_exist_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match="the file does not exist"):
            read_config("absent.toml")


class TestFileFaults:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"[tracker\n", "it is not TOML: Expected ']'"),
            (b"a = 1\na = 2\n", "it is not TOML: Cannot overwrite a value (at line 2"),
            (b"a = 1\n\nb = caf\xe9\n", "line 3 is not UTF-8"),
            (b"a = 1\nb = " + b"1" * 5000, "line 2 has a number of too many digits"),
            (b"a = " + b"[" * 100_000, "nested too deeply"),
            (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
            (b"\x00", "it is not TOML"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_a_syntax_error_is_reported_with_its_place(self, content: bytes, words: str) -> None:
        Path("bad.toml").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read_config("bad.toml", {}, dotenv=None)
        assert str(caught.value).startswith("bad.toml: 1 mistake\n")
        assert words in str(caught.value)

    def test_a_syntax_error_does_not_show_a_key(self) -> None:
        for text in (f"a = {{ '{CANARY}' = 1, '{CANARY}' = 2 }}", f"['{CANARY}']\n" * 2, CANARY):
            assert CANARY not in str(mistakes(text))

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("absent.toml", "the file does not exist"),
            (".", "this is a folder"),
            ("a\0b", "cannot be used"),
            ("x" * 5000, "cannot be read: File name too long"),
        ],
    )
    def test_an_unreadable_file_is_reported(self, path: str, words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            read_config(path, {}, dotenv=None)

    def test_a_file_without_read_permission_is_reported(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(ConfigError, match="it cannot be read: Permission denied"):
            read_config("secret.toml", {}, dotenv=None)


class TestEveryMistakeAtOnce:
    def test_five_mistakes_are_five_lines(self) -> None:
        text = (
            "[tracker]\nintervall_seconds = 60\ntimeout_seconds = '30'\n"
            "[server]\nport = 70000\n"
            "[providers.groqq]\ninterval_seconds = 60\n"
            + own("base_url = 'x'").replace('base_url = "http://127.0.0.1:9/v1"\n', "")
        )
        with pytest.raises(ConfigError) as caught:
            read(text)
        assert str(caught.value).splitlines() == [
            "config.toml: 5 mistakes",
            '  tracker.timeout_seconds = "30": wrong value; '
            "allowed: a number above 0 and at most 3,600",
            "  tracker.intervall_seconds = 60: unknown key; did you mean interval_seconds?",
            "  server.port = 70000: wrong value; "
            "allowed: a whole number at least 0 and at most 65,535",
            "  providers.groqq: it is not in the catalogue, so it needs kind and base_url; "
            "did you mean groq?",
            '  providers.mine.base_url = "x": the URL must start with https:// or http://',
        ]

    def test_mistakes_of_the_environment_and_the_file_are_reported_together(self) -> None:
        environ = {"GROQ_API_KEY": "schlüssel", "OPENAI_API_KEY": "“quoted”"}
        found = mistakes("tracker.jitter = 1\n", environ)
        assert {m.key for m in found} == {"tracker.jitter", "GROQ_API_KEY", "OPENAI_API_KEY"}

    def test_the_same_mistake_is_reported_once(self) -> None:
        assert mistake("", {"GOOGLE_API_KEY": "schlüssel"}).key == "GOOGLE_API_KEY"


class TestValues:
    @pytest.mark.parametrize(
        "line",
        [
            'interval_seconds = "30"',
            "interval_seconds = true",
            "interval_seconds = nan",
            "interval_seconds = inf",
            "interval_seconds = -5",
            "interval_seconds = 0",
            "interval_seconds = 1e12",
            f"interval_seconds = {10**400}",
            "interval_seconds = 2026-01-01",
            "interval_seconds = [1]",
            "interval_seconds = {}",
            "timeout_seconds = 0",
            "jitter = 0.5",
            "jitter = -0.1",
            "recheck_seconds = 5",
            'recheck_seconds = "abc"',
            "recheck_seconds = {}",
            "failures_to_down = 2.0",
            "failures_to_down = 0",
            "failures_to_down = true",
            "successes_to_recover = -1",
            "degraded_latency_ms = 0",
            "retention_days = 0",
            "retention_days = 1e300",
            'schedule = "no"',
            "discover = 0",
            'database = ""',
            "database = 5",
            'database = "a\\u0000b"',
        ],
    )
    def test_a_wrong_value_is_reported_with_its_key_and_what_is_allowed(self, line: str) -> None:
        found = mistake(f"[tracker]\n{line}\n")
        assert found.key == f"tracker.{line.split(maxsplit=1)[0]}"
        assert found.value
        assert found.allowed

    @pytest.mark.parametrize(
        ("table", "line"),
        [
            ("server", "port = -1"),
            ("server", "port = 80.0"),
            ("server", 'host = ""'),
            ("server", 'allowed_hosts = "a"'),
            ("server", 'root_path = "llm"'),
            ("server", 'root_path = "/llm/"'),
            ("ranking", 'policy = "fastest"'),
            ("ranking", 'policy = "module:"'),
            ("ranking", "memory_checks = 193"),
            ("ranking", "switch_margin = 1"),
        ],
    )
    def test_the_other_tables_are_checked_too(self, table: str, line: str) -> None:
        assert mistake(f"[{table}]\n{line}\n").key == f"{table}.{line.split(maxsplit=1)[0]}"

    @pytest.mark.parametrize("path", ["/api", "/docs/llm", "/openapi.json"])
    def test_a_prefix_that_is_the_beginning_of_our_own_paths_is_refused(self, path: str) -> None:
        found = mistake(f'server.root_path = "{path}"')
        assert (found.key, found.value) == ("server.root_path", f'"{path}"')
        assert "after a proxy has removed the prefix" in found.problem

    @pytest.mark.parametrize("path", ["", "/llm/api", "/apis", "/status"])
    def test_any_other_prefix_is_accepted(self, path: str) -> None:
        assert read(f'server.root_path = "{path}"').server.root_path == path

    def test_each_wrong_element_of_a_list_is_reported(self) -> None:
        found = mistakes("tracker.recheck_seconds = [1, true, '3', 4, -1]")
        assert [m.key for m in found] == [f"tracker.recheck_seconds[{n}]" for n in (1, 2, 4)]

    @pytest.mark.parametrize("text", ["tracker = 5", "server = [1]", "providers = 'a'"])
    def test_a_table_must_be_a_table(self, text: str) -> None:
        assert mistake(text).allowed == "a table"

    @pytest.mark.parametrize("value", ["true", "5", '"groq/m"', "{ a = 1 }"])
    @pytest.mark.parametrize("key", ["models.m", "alerts.page", "maintenance"])
    def test_a_list_must_be_a_list(self, key: str, value: str) -> None:
        assert mistake(f"{key} = {value}").allowed == "a list"

    def test_a_list_may_be_empty(self) -> None:
        found = mistakes("server = []\nproviders = false\n")
        assert [str(m) for m in found] == [
            "server = a list: wrong value; allowed: a table",
            "providers = false: wrong value; allowed: a table",
        ]

    def test_for_a_misplaced_key_the_right_table_is_named(self) -> None:
        assert mistake("interval_seconds = 5").nearest == "interval_seconds in [tracker]"
        assert mistake("tracker.port = 5").nearest == "port in [server]"

    def test_all_mistakes_are_reported_and_suggestions_take_bounded_time(self) -> None:
        found = mistakes("\n".join(f"tracker.intervall_{n:04} = 1" for n in range(3 * GUESSES)))
        assert len({one.key for one in found}) == 3 * GUESSES
        assert sum(one.nearest is not None for one in found) == GUESSES

    def test_a_long_value_is_cut_and_stays_on_its_line(self) -> None:
        found = mistake("tracker.schedule = '''" + "ab \n" * 100 + "'''")
        assert len(found.value) == 60
        assert "\n" not in str(found)


class TestTiming:
    def test_a_timeout_longer_than_the_interval_is_a_mistake(self) -> None:
        found = mistake("tracker = { interval_seconds = 5, timeout_seconds = 10 }")
        assert str(found) == (
            "tracker.timeout_seconds = 10: longer than interval_seconds (5); "
            "checks would overlap; allowed: at most 5"
        )

    def test_a_timeout_longer_than_a_providers_interval_is_a_mistake(self) -> None:
        text = "[tracker]\ntimeout_seconds = 10\n" + own("interval_seconds = 5")
        assert mistake(text).key == "providers.mine.timeout_seconds"

    def test_a_default_timeout_is_cut_to_the_interval(self) -> None:
        assert read("tracker.interval_seconds = 5").timing.timeout_seconds == 5.0
        assert read("tracker.interval_seconds = 300").timing.timeout_seconds == 10.0

    def test_rechecks_are_cut_to_the_interval(self) -> None:
        timing = read("tracker.interval_seconds = 20").timing
        assert timing.recheck_seconds == (2.0, 10.0, 20.0, 20.0, 20.0)

    def test_a_providers_timing_overrides_the_general_one_and_that_the_catalogues(self) -> None:
        assert read("").provider("g4f_main").timing.timeout_seconds == 20.0
        general = "[tracker]\ntimeout_seconds = 7\n"
        assert read(general).provider("g4f_main").timing.timeout_seconds == 7.0
        both = read(general + "[providers.g4f_main]\ntimeout_seconds = 8\n")
        assert both.provider("g4f_main").timing.timeout_seconds == 8.0
        assert both.provider("g4f_groq").timing.timeout_seconds == 7.0

    def test_every_timing_can_be_set_for_one_provider(self) -> None:
        lines = (
            "interval_seconds = 50\ntimeout_seconds = 5\njitter = 0\nrecheck_seconds = [1]\n"
            "failures_to_down = 4\nsuccesses_to_recover = 5\ndegraded_latency_ms = 6\n"
        )
        assert provider(own(lines)).timing == Timing(
            interval_seconds=50.0,
            timeout_seconds=5.0,
            jitter=0.0,
            recheck_seconds=(1.0,),
            failures_to_down=4,
            successes_to_recover=5,
            degraded_latency_ms=6.0,
        )


class TestKnownProviders:
    def test_only_what_differs_is_written(self) -> None:
        environ = KEYS | {"GROQ_API_KEY_2": "b"}
        groq = provider("[providers.groq]\ncheck = 'chat'\nmodel = 'm'\n", environ)
        assert (groq.check, groq.model, groq.moved) == ("chat", "m", False)
        assert groq.base_url == "https://api.groq.com/openai/v1"
        assert groq.key_names == ("GROQ_API_KEY", "GROQ_API_KEY_2")

    def test_without_its_key_it_is_not_watched_and_the_variable_is_named(self) -> None:
        config = read("tracker.discover = false\n[providers.groq]\n")
        assert config.providers == ()
        assert config.warnings == ("groq is not watched: GROQ_API_KEY is not set",)
        assert read("[providers.groq]\nenabled = false\n").provider("groq").enabled is False

    def test_a_provider_moved_to_an_own_server_needs_no_key(self) -> None:
        groq = provider("[providers.groq]\nbase_url = 'http://127.0.0.1:9/v1/'\n")
        assert (groq.base_url, groq.moved, groq.keys) == ("http://127.0.0.1:9/v1", True, ())

    def test_another_variable_may_hold_the_key(self) -> None:
        text = "[providers.groq]\napi_key_env = 'MY_KEY'\n"
        assert provider(text, {"MY_KEY_1": "a", **KEYS}).keys == (Secret("a"),)
        assert "groq is not watched: MY_KEY is not set" in read(text, KEYS).warnings

    def test_the_environments_base_url_wins_and_says_so(self) -> None:
        text = "[providers.groq]\nbase_url = 'http://127.0.0.1:1'\n"
        config = read(text, KEYS | {"GROQ_API_BASE": "http://127.0.0.1:2"})
        assert config.provider("groq").base_url == "http://127.0.0.1:2"
        assert config.warnings == ("GROQ_API_BASE overrides base_url of [providers.groq]",)

    def test_a_watched_model_that_is_not_for_chat_is_reported(self) -> None:
        text = '[providers.groq]\nmodels = ["flux-1-schnell", "llama-3.3-70b-versatile"]'
        assert read(text, KEYS).warnings == (
            "providers.groq.models: flux-1-schnell is probably not a chat model (image generation)",
        )

    def test_allow_private_lets_the_environment_move_it_into_a_private_network(self) -> None:
        environ = KEYS | {"GROQ_API_BASE": "http://10.0.0.1/v1"}
        assert mistake("[providers.groq]\n", environ).key == "GROQ_API_BASE"
        groq = provider("[providers.groq]\nallow_private = true\n", environ)
        assert (groq.base_url, groq.allow_private) == ("http://10.0.0.1/v1", True)

    def test_without_discovery_only_the_files_are_watched(self) -> None:
        config = read(
            "tracker.discover = false\n[providers.groq]\n", KEYS | {"OPENAI_API_KEY": "x"}
        )
        assert [p.name for p in config.providers] == ["groq"]

    def test_an_option_in_the_file_replaces_its_variable(self) -> None:
        text = "[providers.cloudflare]\noptions = { account_id = 'abc' }\n"
        cloudflare = provider(text, {"CLOUDFLARE_API_KEY": "x"})
        assert cloudflare.base_url.endswith("/accounts/abc/ai/v1")
        text = "[providers.gemini_cli]\noptions.credential_file = '/c.json'\n"
        cli = provider(text, {"GEMINI_CLI_PROJECT_ID": "p", "GEMINI_CLI_OAUTH_CREDS": "/d"})
        assert (cli.options["credential_file"], cli.options["project"]) == ("/c.json", "p")


class TestOwnProviders:
    @pytest.mark.parametrize(
        "name", ["a,b", 'q"uote', "'", "=HYPERLINK(1)", "snow☃", "a b", "a" * 100]
    )
    def test_names_may_be_unusual(self, name: str) -> None:
        assert provider(own("", json.dumps(name, ensure_ascii=False))).name == name

    @pytest.mark.parametrize(
        "name", ["", " a", "a/b", "a\\b", "a\nb", "a\x7f", "..", "a" * 101, "\u202e"]
    )
    def test_names_must_fit_a_path_and_a_line(self, name: str) -> None:
        found = mistake(own("", json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")))
        assert found.problem == "not a valid name for a provider"
        assert "\n" not in str(found)

    def test_a_wrong_name_hides_no_other_mistake(self) -> None:
        text = own("check = 'x'\ninterval_seconds = -1", '"../x"')
        assert {m.key for m in mistakes(text)} == {
            'providers."../x"',
            'providers."../x".check',
            'providers."../x".interval_seconds',
        }

    def test_kind_and_base_url_are_needed(self) -> None:
        assert mistake("[providers.mine]\n").problem.endswith("it needs kind and base_url")
        text = "[providers.mine]\nkind = 'openai'\n"
        assert mistake(text).problem.endswith("it needs base_url")

    def test_an_unknown_kind_lists_the_kinds_and_hides_no_other_mistake(self) -> None:
        text = "[providers.mine]\nkind = 'opnai'\nbase_url = 'ftp://x'\ncheck = 'x'\n"
        kind, url = mistakes(text)
        assert (kind.key, kind.nearest) == ("providers.mine.kind", "openai")
        assert kind.allowed.split(", ")[:3] == ["openai", "openrouter", "huggingface"]
        assert url.key == "providers.mine.base_url"

    def test_a_check_must_be_offered(self) -> None:
        found = mistake(own("check = 'chta'"))
        assert (found.allowed, found.nearest) == ("models, chat", "chat")

    def test_the_kinds_own_check_is_the_default_and_its_options_come_along(self) -> None:
        text = "[providers.mine]\nkind = 'anthropic'\nbase_url = 'https://x.example'\n"
        mine = provider(text)
        assert mine.options["headers"] == {"anthropic-version": "2023-06-01"}
        assert mine.options["auth_header"] == "x-api-key"
        assert provider(text.replace("anthropic", "g4f")).check == "chat"

    def test_its_key_goes_only_to_its_base_url(self) -> None:
        assert provider(own("api_key_env = 'K'"), {"K": CANARY, "K_2": "b"}).moved is True

    def test_a_key_in_clear_text_must_be_allowed_explicitly(self) -> None:
        text = own("api_key_env = 'K'").replace("127.0.0.1", "gpu.example")
        assert "clear text" in mistake(text, {"K": CANARY}).problem
        assert provider(text + "allow_private = true\n", {"K": CANARY}).keys == (Secret(CANARY),)
        assert provider(text).keys == ()

    @pytest.mark.parametrize(
        ("lines", "key"),
        [
            ("options.pth = '/x'", "options.pth"),
            ("options.path = 'x'", "options.path"),
            ("options.path = 5", "options.path"),
            ("options.auth_header = 'X-Key: a'", "options.auth_header"),
            ("options.headers = { a = 'b' }", "options.headers"),
            ("proxy = 'socks5://127.0.0.1'", "proxy"),
            (f"proxy = 'http://user:{CANARY}@127.0.0.1'", "proxy"),
            ("ca_file = 'absent.pem'", "ca_file"),
            ("ca_file = 'config.toml'", "ca_file"),
        ],
    )
    def test_its_other_settings_are_checked(self, lines: str, key: str) -> None:
        assert mistake(own(lines)).key == f"providers.mine.{key}"

    def test_its_other_settings_are_read(self) -> None:
        trustme.CA().cert_pem.write_to_path("ca.pem")
        lines = "options.path = '/list'\nproxy = 'http://10.0.0.1:3128'\nca_file = 'ca.pem'\n"
        mine = provider(own(lines))
        assert (mine.options["path"], mine.proxy) == ("/list", "http://10.0.0.1:3128")
        assert mine.ca_file == "ca.pem"

    def test_a_completion_where_no_model_can_be_chosen_needs_one_named(self) -> None:
        environ = {"CLOUDFLARE_API_KEY": "k", "CLOUDFLARE_ACCOUNT_ID": "a"}
        text = "[providers.cloudflare]\ncheck = 'chat'\n"
        found = mistake(text, environ)
        assert (found.key, found.value) == ("providers.cloudflare.check", '"chat"')
        assert "needs a model" in found.problem
        assert provider(text + "model = 'm'\n", environ).check == "chat"
        mine = own("check = 'chat'").replace("openai", "cloudflare")
        assert "needs a model" in mistake(mine).problem


# As keys and tokens look that are also names: letters, digits and low lines.
PASTED = [
    "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",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
    "hf_abcdefghijklmnopqrstuvwxyzabcdefgh",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "tgp_v1_kQ3xVb8mN2pR7sT4wY6zA1cE5gJ9hL0dF",
    "AIzaSyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1v",
    "AKIAIOSFODNN7EXAMPLE",
    "f3a9c1d2e4b5a6978877665544332211aabbccdd",
    "F3A9C1D2E4B5A6978877665544332211AABBCCDD",
    "a1b2c3d4e5f60718",
    "Zx9_kQ3xVb8mN2pR7sT4wY6zA1cE5gJ9hL0dF_8s",
    "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKlMnOp",
]


class TestSecrets:
    @pytest.mark.parametrize(
        "text",
        [
            f"[providers.groq]\napi_key = '{CANARY}'\n",
            f"[providers.groq]\ntoken = '{CANARY}'\n",
            "[providers.groq]\napi_key = 'short'\n",
            f"[providers.groq]\napi_key_env = '{CANARY}'\n",
            f"[providers.groq]\nmodel = ['{CANARY}']\n",
            f"[providers.groq]\nkind = '{CANARY}'\n",
            f"[providers.groq]\ncheck = '{CANARY}'\n",
            f"[providers.groq]\nbase_url = 'https://{CANARY}@host/v1'\n",
            f"[providers.groq]\nbase_url = 'https://host/v1?key={CANARY}'\n",
            f"[providers.groq]\nbase_url = 'ftp://host/{CANARY}'\n",
            f"[providers.groq]\nca_file = '{CANARY}'\n",
            f"[providers.groq]\noptions.{CANARY} = 1\n",
            f"[providers.groq]\noptions.path = '{CANARY}'\n",
            f"[providers.'{CANARY}']\n",
            f"[server]\nadmin_token = '{CANARY}'\n",
            f"[server]\nadmin_token_env = '{CANARY}'\n",
            f"[server]\nport = '{CANARY}'\n",
            f"[tracker]\nschedule = '{CANARY}'\n",
            f"[tracker]\n{CANARY} = 1\n",
            f"{CANARY} = '{CANARY}'\n",
            f"['{CANARY}'.'{CANARY}']\n",
        ],
    )
    def test_a_key_written_into_the_file_is_not_shown(self, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            read(text, {"GROQ_API_KEY": "x"})
        for part in (CANARY, "canary", "0123456789abcdef", "'short'"):
            assert part not in str(caught.value)
            assert part not in repr(caught.value)

    def test_a_key_in_the_file_is_refused_with_where_keys_belong(self) -> None:
        found = mistake(f"[providers.groq]\napi_key = '{CANARY}'\n", KEYS)
        assert str(found) == (
            "providers.groq.api_key: keys must not be written in this file, only the names of "
            'variables (value not shown); allowed: api_key_env = "NAME_OF_A_VARIABLE"'
        )

    @pytest.mark.parametrize("key", PASTED)
    @pytest.mark.parametrize(
        "line",
        [
            "[providers.groq]\napi_key_env",
            "[providers.x]\nkind = 'openai'\nbase_url = 'http://127.0.0.1:9/v1'\napi_key_env",
            "[server]\nadmin_token_env",
            "[server]\nread_token_env",
        ],
    )
    def test_a_key_instead_of_a_variables_name_is_refused_and_not_shown(
        self, line: str, key: Any
    ) -> None:
        found = mistake(f"{line} = '{key}'\n")
        assert found.problem.startswith("keys must not be written in this file")
        assert found.value is None
        assert key not in str(found)

    @pytest.mark.parametrize(
        "name",
        [
            *("KEY", "K", "GROQ_API_KEY", "GROQ_API_KEY_2", "my_groq_key", "my_groq_key_2"),
            *("_key", "MyGroqKey", "hf_token_1", "g4f_k8s_production_key", "OPENROUTERAPIKEY2"),
            *("CLOUDFLARE1234567890ABCDEF_KEY", "the_key_of_the_account_that_pays_for_it_all"),
            "sk_test_key",
        ],
    )
    def test_any_usual_name_of_a_variable_may_be_written(self, name: str) -> None:
        config = read(f"[providers.groq]\napi_key_env = '{name}'\n", {name: "k"})
        assert config.provider("groq").key_names == (name,)

    @pytest.mark.parametrize(
        "table", ["gemini_cli]", f"mine]\nkind = 'gemini_cli'\nbase_url = '{LOCAL}'"]
    )
    def test_a_secret_option_is_read_from_its_variable_only(self, table: str) -> None:
        found = mistake(f"[providers.{table}\noptions.client_secret = '{CANARY}'\n")
        assert found.key.endswith(".options.client_secret")
        assert found.value is None
        assert found.allowed == "put it into the variable GEMINI_CLI_CLIENT_SECRET"

    def test_an_own_provider_reads_its_secret_option_from_the_variable(self) -> None:
        text = f"[providers.mine]\nkind = 'gemini_cli'\nbase_url = '{LOCAL}'\n"
        environ = {"GEMINI_CLI_CLIENT_SECRET": CANARY}
        assert provider(text, environ).options["client_secret"] == Secret(CANARY)
        assert CANARY not in json.dumps(
            show_config(read("tracker.discover = false\n" + text, environ))
        )

    def test_an_own_login_is_not_sent_in_clear_text_unless_allowed(self) -> None:
        text = "[providers.mine]\nkind = 'gemini_cli'\nbase_url = 'http://proxy.example'\n"
        assert "clear text" in mistake(text).problem
        assert provider(text + "allow_private = true\n").base_url == "http://proxy.example"

    def test_a_key_of_the_environment_is_masked_whatever_it_looks_like(self) -> None:
        environ = {"MY_TOKEN": "plain-words", "GROQ_API_KEY": "x"}
        found = mistake("[tracker]\nschedule = 'plain-words'\n", environ)
        assert found.value == '"***"'

    def test_a_token_for_reading_that_is_not_set_is_a_mistake(self) -> None:
        found = mistake("[server]\nread_token_env = 'READ'\n")
        assert str(found) == "server.read_token_env: READ is not set, so anybody could read"

    def test_tokens_must_be_sendable(self) -> None:
        assert mistake("", {"PROVIDER_STATUS_ADMIN_TOKEN": "tökén"}).key.endswith("ADMIN_TOKEN")

    def test_values_that_are_not_secret_are_shown(self) -> None:
        assert format_value("expected_cost") == '"expected_cost"'
        assert format_value("https://api.groq.com/openai/v1") == '"https://api.groq.com/openai/v1"'
        assert format_value("MY_VARIABLE_2", "api_key_env") == '"MY_VARIABLE_2"'
        assert format_value("a", "api_key") == "***"
        assert format_value(True) == "true"
        assert format_value([1]) == "a list"


class TestShow:
    def test_shows_which_variables_hold_keys_and_never_the_keys(self) -> None:
        environ = KEYS | {"GROQ_API_KEY_2": f"{CANARY}-2", "PROVIDER_STATUS_ADMIN_TOKEN": CANARY}
        text = json.dumps(show_config(read(CONTRACT, environ)))
        assert CANARY not in text
        told = json.loads(text)
        assert told["providers"]["groq"]["key_names"] == ["GROQ_API_KEY", "GROQ_API_KEY_2"]
        assert told["providers"]["groq"]["interval_seconds"] == 60.0
        assert told["server"]["admin_token"] == "set"
        assert told["server"]["read_token"] == "not set"
        assert told["tracker"]["database"] == "provider_status.db"
        assert told["source"] == "config.toml"

    def test_nothing_about_a_config_shows_a_key(self) -> None:
        config = read(CONTRACT, KEYS | {"PROVIDER_STATUS_ADMIN_TOKEN": CANARY})
        assert CANARY not in repr(config)
        assert {key.reveal() for key in config.secrets()} == {CANARY}


class TestSchema:
    @pytest.fixture
    def schema(self) -> Any:
        schema = config_schema()
        jsonschema_rs.meta.validate(schema)
        return jsonschema_rs.validator_for(schema)

    def test_accepts_the_contracts_example(self, schema: Any) -> None:
        assert list(schema.iter_errors(tomllib.loads(CONTRACT))) == []

    @pytest.mark.parametrize(
        "value",
        [
            {"trackers": {}},
            {"tracker": {"intervall_seconds": 60}},
            {"tracker": {"interval_seconds": "60"}},
            {"tracker": {"interval_seconds": None}},
            {"tracker": {"jitter": 0.5}},
            {"tracker": {"recheck_seconds": [0]}},
            {"server": {"port": 70000}},
            {"server": {"admin_token": "x"}},
            {"server": {"admin_token_env": "not a name"}},
            {"ranking": {"policy": "fastest"}},
            {"providers": {"x": {"kind": "opnai"}}},
            {"providers": {"x": {"api_key": "x"}}},
        ],
    )
    def test_refuses_what_the_reader_refuses(self, schema: Any, value: dict[str, Any]) -> None:
        assert not schema.is_valid(value)

    def test_the_schema_has_the_effective_defaults(self) -> None:
        tables = config_schema()["$defs"]
        timing = tables["TrackerTable"]["properties"]
        assert timing["interval_seconds"]["default"] == Timing().interval_seconds
        assert timing["recheck_seconds"]["default"] == list(Timing().recheck_seconds)
        assert tables["ServerTable"]["properties"]["port"]["default"] == 8000
        assert "default" not in tables["ProviderTable"]["properties"]["interval_seconds"]

    def test_is_json(self) -> None:
        assert json.loads(json.dumps(config_schema())) == config_schema()


def test_settings_do_not_load_what_reads_them() -> None:
    code = "import sys, tracker.core.settings; print('tracker.config' in sys.modules)"
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert said.stdout == "False\n"


def test_a_mistake_reads_as_a_sentence() -> None:
    whole = ConfigProblem(key="a.b", value="1", problem="wrong", allowed="2", nearest="c")
    assert str(whole) == "a.b = 1: wrong; allowed: 2; did you mean c?"
    assert (
        str(ConfigProblem(key="", problem="the file does not exist")) == "the file does not exist"
    )


def test_a_key_in_a_url_a_model_or_a_name_is_not_shown() -> None:
    key = "gsk_0123456789abcdefghijklmnop"
    provider = Provider(
        name=f"my-{key}", base_url=f"http://127.0.0.1:9/{key}/v1", model=key, keys=(Secret(key),)
    )
    other = Provider(name="other", base_url="http://127.0.0.1:9/v1", model=f"sk-{'a1' * 12}")
    shown = str(show_config(Config(providers=(provider, other))))
    assert key not in shown
    assert "a1a1a1" not in shown
    assert "http://127.0.0.1:9/" in shown
