"""Environments: without packages a run fails, and an existing environment is not made again."""

import sys
from pathlib import Path

import pytest

from integration import environments
from integration.environments import FAKELLM, Environment, EnvironmentFailedError


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "KEPT", tmp_path)
    return tmp_path


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record each environment that is made; its Python is that of these tests."""
    made: list[str] = []

    def install(environment: Environment) -> None:
        made.append(environment.name)
        python = environment.script("python")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)

    monkeypatch.setattr(Environment, "_install", install)
    return made


def test_without_a_registry_it_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(EnvironmentFailedError, match="is a package registry within reach"):
        FAKELLM.prepare()
    assert not (FAKELLM.folder / "made-from").exists()  # so the next run tries again


def test_a_missing_interpreter_is_reported(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", str(kept / "python9"))
    with pytest.raises(EnvironmentFailedError, match="python9"):
        FAKELLM.prepare()


def test_it_is_made_once_until_its_lock_changes(
    kept: Path, monkeypatch: pytest.MonkeyPatch, installs: list[str]
) -> None:
    monkeypatch.setattr(environments, "ROOT", kept)
    environment = Environment(name="some", asked_for=("pytest",))
    environment.lock.parent.mkdir()
    environment.lock.write_text("one\n")
    environment.prepare()
    environment.prepare()
    assert installs == ["some"]
    environment.lock.write_text("two\n")
    environment.prepare()
    assert installs == ["some", "some"]


def test_a_package_missing_after_the_installation_is_reported(installs: list[str]) -> None:
    missing = Environment(name="fakellm", asked_for=("no-such-package",))
    with pytest.raises(EnvironmentFailedError, match="no-such-package"):
        missing.prepare()
