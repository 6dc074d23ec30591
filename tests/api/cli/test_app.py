"""The list of commands, and the help of each."""

import inspect
from importlib import import_module

import pytest
from cyclopts import App

from api.cli.app import COMMANDS
from tests.helpers.command_line import Commands, command

__all__ = ["command"]


def described(place: str) -> str:
    module, _, name = place.partition(":")
    found = getattr(import_module(f"api.cli.{module}"), name)
    return found.help if isinstance(found, App) else str(inspect.getdoc(found))


@pytest.mark.parametrize("place", COMMANDS)
def test_the_list_says_what_the_help_of_a_command_begins_with(place: str) -> None:
    assert described(place).splitlines()[0] == COMMANDS[place]


@pytest.mark.parametrize("place", COMMANDS)
def test_each_command_has_a_line_in_the_list(command: Commands, place: str) -> None:
    listed = " ".join(command("--help", COLUMNS="200").out.split())
    assert COMMANDS[place] in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve",), "discover = false"),
        (("probe",), "Exits 0 when at least one"),
        (("status",), "~ is an estimate"),
        (("config", "check"), "every mistake at once"),
        (("alerts", "test"), "Exits 1 if one fails"),
    ],
)
def test_the_help_of_a_command_says_all_of_it(
    command: Commands, arguments: tuple[str, ...], said: str
) -> None:
    found = command(*arguments, "--help", COLUMNS="200")
    assert said in " ".join(found.out.split())


@pytest.mark.parametrize(
    "arguments",
    [("status", "-j"), ("best", "-q"), ("history", "-c", "tracker.toml"), ("export", "-o", "x")],
)
def test_short_options_are_accepted(command: Commands, arguments: tuple[str, ...]) -> None:
    found = command(*arguments, "-u", "http://127.0.0.1:1")
    assert (found.code, "no tracker answers" in found.err) == (1, True)
