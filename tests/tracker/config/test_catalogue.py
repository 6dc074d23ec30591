import tomllib
from datetime import date
from importlib.resources import files
from typing import Any

import cattrs
import pytest

from tracker.config.catalogue import load_catalogue, load_dialects, parse
from tracker.config.environment import fill
from tracker.core.addresses import url_problem
from tracker.core.settings import Timing

PROMISED = [
    "groq",
    "openrouter",
    "together",
    "nvidia",
    "mistral",
    "huggingface",
    "gemini",
    "google",
    "gemini_cli",
    "g4f_main",
    "g4f_groq",
    "g4f_grok",
    "g4f_gemini",
    "g4f_nvidia",
    "g4f_ollama",
    "g4f_pollinations",
    "openai",
    "anthropic",
    "cerebras",
    "deepseek",
    "cohere",
    "cloudflare",
    "sambanova",
    "fireworks",
]

KIND = '[kinds.k]\nchecks = ["models"]\noptions = { path = "/models", auth = "a" }\n'


@pytest.mark.parametrize("name", PROMISED)
def test_has_every_promised_provider(name: str) -> None:
    assert load_catalogue()[name].name == name


@pytest.mark.parametrize("entry", load_catalogue().values(), ids=lambda entry: entry.name)
class TestEveryEntry:
    def test_can_be_checked(self, entry: Any) -> None:
        assert entry.kind in load_dialects()
        assert entry.check in entry.checks
        assert Timing(**entry.timing).timeout_seconds <= Timing().interval_seconds

    def test_has_a_public_https_base_url_or_says_which_variable_names_one(self, entry: Any) -> None:
        if entry.base_url is None:
            assert entry.base_variable in entry.note
        else:
            url = fill(entry.base_url, {"account_id": "0"})
            assert url.startswith("https://")
            assert not url.endswith("/")
            assert url_problem(url, sends_key=True) is None

    def test_is_enabled_by_variables_of_its_name(self, entry: Any) -> None:
        assert entry.base_variable == f"{entry.name.upper()}_API_BASE"
        if entry.keys:
            assert entry.keys[0] == f"{entry.name.upper()}_API_KEY"
        else:
            assert entry.required

    def test_says_where_its_limits_are_from_and_when_they_were_read(self, entry: Any) -> None:
        assert bool(entry.limits) == bool(entry.limits_source) == bool(entry.limits_read)
        assert isinstance(entry.limits_read, date | None)
        for limit in entry.limits:
            assert limit.name.split("-")[0] in {"requests", "tokens"}
            assert limit.limit > 0
            assert limit.window_seconds > 0

    def test_says_what_a_completion_costs_exactly_where_one_is_spent(self, entry: Any) -> None:
        assert (entry.check == "chat") == bool(entry.cost)

    def test_a_public_list_is_no_proof_of_a_key(self, entry: Any) -> None:
        if entry.list_public and entry.needs_key:
            assert entry.check != "models"


def test_gemini_prefers_its_own_variable() -> None:
    assert load_catalogue()["gemini"].keys == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert load_catalogue()["google"].keys == ("GOOGLE_API_KEY",)


def test_every_check_is_offered_with_what_it_needs() -> None:
    for dialect in load_dialects().values():
        assert ("chat" in dialect.checks) == ("chat_path" in dialect.options), dialect.name


def test_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_catalogue()["groq"] = None


def test_ships_inside_the_package() -> None:
    assert tomllib.loads(files("tracker.config").joinpath("catalogue.toml").read_text("utf-8"))


def test_an_entry_inherits_from_its_kind_and_its_name() -> None:
    text = KIND + '[providers.new]\nkind = "k"\nsource = "s"\noptions = { path = "/m" }\n'
    entry = parse(text)[1]["new"]
    assert entry.options == {"path": "/m", "auth": "a"}
    assert (entry.check, entry.checks) == ("models", ("models",))
    assert entry.base_variable == "NEW_API_BASE"


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        ('kind = "other"\nsource = "s"', KeyError),
        ('kind = "k"', cattrs.ClassValidationError),
        ('kind = "k"\nsource = "s"\ncheck = "chat"', cattrs.ClassValidationError),
        ('kind = "k"\nsource = "s"\nbase_ulr = "https://x"', cattrs.ClassValidationError),
    ],
)
def test_a_mistake_in_the_catalogue_is_refused(mistake: str, error: Any) -> None:
    with pytest.raises(error):
        parse(f"{KIND}[providers.new]\n{mistake}\n")
