"""The command's start: cheap where the server is installed, helpful where only the client is."""

import builtins
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from api.cli import USAGE, YOUNG_OBJECTS, main


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    """The command sets the garbage collector of its process."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def missing(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = builtins.__import__

    def look_up(name: str, *more: Any, **rest: Any) -> Any:
        if name == "api.cli.app":
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return right(name, *more, **rest)

    monkeypatch.setattr(builtins, "__import__", look_up)


def test_a_package_of_the_server_that_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing("cyclopts", monkeypatch)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == USAGE
    assert "provider-status-tracker[server]" in capsys.readouterr().err


def test_a_module_of_our_own_that_is_missing_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    missing("tracker.core", monkeypatch)
    with pytest.raises(ModuleNotFoundError):
        main()


def test_nothing_is_collected_while_the_server_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.errors.exit_code_of", lambda _: 0)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
