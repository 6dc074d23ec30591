"""Each failure has an exit code and an explanation."""

import errno
import subprocess
from typing import Any

import pytest

from api.cli.errors import UnreachableError, UsageError
from api.serving.errors import CannotListenError, UnsafeBindError
from tests.helpers.command_line import COMMAND, Commands, command
from tracker.config.errors import ConfigError, ConfigProblem
from tracker.ranking import PolicyError
from tracker.runtime.restarting_task import RestartBudgetExceededError

__all__ = ["command"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([ConfigProblem(key="a", problem="wrong")]), 2),
        (PolicyError("wrong"), 2),
        (UnsafeBindError("wrong"), 2),
        (UsageError("wrong"), 2),
        (CannotListenError("wrong"), 1),
        (UnreachableError("wrong"), 1),
        (RestartBudgetExceededError("wrong"), 4),
        (OSError(errno.ENOSPC, "wrong"), 4),
        (AssertionError("wrong"), 4),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("grouped", [0, 1, 2])
def test_each_failure_has_its_code_also_in_groups(
    command: Commands,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
    grouped: int,
) -> None:
    """Nurseries wrap what their tasks raise."""
    for _ in range(grouped):
        error = ExceptionGroup("a nursery", [error])

    async def fail(*_: object, **__: Any) -> None:
        raise error

    monkeypatch.setattr("api.cli.serve.run_server", fail)
    found = command("serve", "--port", "0")
    assert (found.code, found.out) == (code, "")
    assert "wrong" in found.err
    assert ("Traceback" in found.err) == (code == 4)


def test_two_failures_at_once_are_a_crash(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: Any) -> None:
        raise ExceptionGroup("both", [CannotListenError("one"), RuntimeError("other")])

    monkeypatch.setattr("api.cli.serve.run_server", fail)
    found = command("serve")
    assert (found.code, found.out) == (4, "")
    assert "one" in found.err
    assert "other" in found.err


def test_a_crash_s_traceback_shows_no_key(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: Any) -> None:
        raise RuntimeError("with sk-canary-0123456789 in its text")

    monkeypatch.setattr("api.cli.serve.run_server", fail)
    found = command("serve", PROVIDER_STATUS_ADMIN_TOKEN="sk-canary-0123456789")
    assert found.code == 4
    assert "with *** in its text" in found.err
    assert "0123456789" not in found.err


def test_ctrl_c_before_anything_runs_is_130(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("api.cli.serve.run_server", interrupted)
    assert command("serve").code == 130


def test_a_package_that_is_missing_names_the_extra_to_install(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'quart'", name="quart")

    monkeypatch.setattr("api.cli.serve.run_server", fail)
    found = command("serve", "--port", "0")
    assert (found.code, found.out) == (2, "")
    assert "provider-status-tracker[server]" in found.err


def test_a_command_whose_output_and_errors_are_closed_does_its_work() -> None:
    closed = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', COMMAND]
    codes = [
        subprocess.run([*closed, *given], timeout=60.0, check=False).returncode
        for given in (["config", "schema"], ["no-such-command"])
    ]
    assert codes == [0, 2]
