"""Completion in the shells themselves."""

import os
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Literal

import pytest

from api.cli.completion import NAMED, completion
from tests.helpers.command_line import COMMAND, Commands, command

__all__ = ["command"]

ASK = {
    "bash": 'COMP_WORDS=({words} ""); COMP_CWORD={last}; _provider_status_names; '
    'echo "${{COMPREPLY[@]}}"',
    "fish": 'complete -C "{words} "',
}
MINE = '[providers.{}]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the command prints for each shell."""
    folder = tmp_path_factory.mktemp("completion")
    shells: tuple[Literal["bash", "zsh", "fish"], ...] = ("bash", "zsh", "fish")
    for shell in shells:
        with (folder / shell).open("w") as file, redirect_stdout(file):
            completion(shell)
    return {shell: folder / shell for shell in shells}


def complete(shell: str, script: Path, folder: Path, *words: str) -> set[str]:
    """What the shell proposes after these words."""
    (folder / "tracker.toml").write_text("[tracker]\ndiscover = false\n" + MINE.format("mine"))
    line = ("provider-status", *words)
    ask = ASK[shell].format(words=" ".join(line), last=len(line))
    done = subprocess.run(
        [shell, "-c", f"source {script}\n{ask}"],
        cwd=folder,
        env={"PATH": f"{Path(COMMAND).parent}:{os.environ['PATH']}", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return {found.split("\t")[0] for found in done.stdout.replace(" ", "\n").splitlines()}


@pytest.mark.needs_program("bash")
@pytest.mark.parametrize("name", ["status", "mute"])
def test_bash_knows_the_names_of_providers(
    scripts: dict[str, Path], tmp_path: Path, name: str
) -> None:
    assert name in NAMED
    assert "mine" in complete("bash", scripts["bash"], tmp_path, name)


@pytest.mark.needs_program("bash")
def test_bash_knows_commands_and_options(scripts: dict[str, Path], tmp_path: Path) -> None:
    assert {"status", "mute"} <= complete("bash", scripts["bash"], tmp_path)
    assert "mine" not in complete("bash", scripts["bash"], tmp_path, "best")


@pytest.mark.needs_program("fish")
def test_fish_knows_the_names_of_providers(scripts: dict[str, Path], tmp_path: Path) -> None:
    assert "mine" in complete("fish", scripts["fish"], tmp_path, "tune")


@pytest.mark.needs_program("zsh")
def test_zsh_accepts_the_script(scripts: dict[str, Path], tmp_path: Path) -> None:
    """What it proposes needs a terminal: only what it will ask is seen here."""
    load = f"autoload -U compinit; compinit -D -u; source {scripts['zsh']}"
    done = subprocess.run(
        ["zsh", "-f", "-c", f"{load}; print $_comps[provider-status]"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("_provider_status_names\n", "")


def test_the_names_alone_are_printed_for_the_shell(command: Commands) -> None:
    command.configured(MINE.format("b"), MINE.format("a"))
    assert sorted(command("providers", "-q").out.split()) == ["a", "b"]
