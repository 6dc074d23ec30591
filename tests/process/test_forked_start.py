"""A forked start of the command line behaves as one of a new interpreter, or is not taken."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import COMMAND, serving
from tests.helpers.forked_start import COMMANDS, ForkedStart, NewInterpreter

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "COLD" in os.environ, reason="starts are forked on Linux only"
)
ENVIRON = {"PATH": os.defpath, "HOME": "/"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (COMMANDS[0], ["--version"]),
        (COMMANDS[0], ["nonsense"]),
        (COMMANDS[0], ["config", "show"]),
        (COMMANDS[1], ["best"]),
        (COMMANDS[1], ["nonsense"]),
    ],
)
def test_it_says_and_returns_the_same(
    command: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "tracker.toml").write_text("[tracker]\ndiscover = false\ninterval_seconds = 7\n")
    environ = {**ENVIRON, "PROVIDER_STATUS_URL": "http://127.0.0.1:9"}
    said = []
    for start in (ForkedStart, NewInterpreter):
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with start([*command, *words], cwd=tmp_path, env=environ, **pipes) as process:
            said.append((*process.communicate(), process.returncode))
    assert said[0] == said[1]
    assert said[0][0] or said[0][1]


def test_a_killed_one_has_its_signal_as_return_code(tmp_path: Path) -> None:
    (tmp_path / "tracker.toml").write_text("[tracker]\ndiscover = false\n")
    with serving(tmp_path) as served:
        assert served.process.poll() is None
        served.process.send_signal(signal.SIGKILL)
        assert served.process.wait() == -signal.SIGKILL
        assert served.process.poll() == -signal.SIGKILL


def test_every_start_of_the_tests_may_be_one() -> None:
    assert subprocess.Popen is ForkedStart


def test_another_module_is_run_as_the_main_one() -> None:
    command = [sys.executable, "-m", "tests.helpers.crashing_serve", "--version"]
    with ForkedStart(command, env=ENVIRON, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate()
    assert (process.returncode, out.decode()) == (0, f"{version('provider-status-tracker')}\n")
    assert process._ended is not None


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ([sys.executable, "-c", "print()"], {}),
        ([sys.executable, "-m", "benchmarks"], {}),
        ([COMMAND, "--version"], {"env": {**ENVIRON, "PYTHONUTF8": "0"}}),
        ([COMMAND, "--version"], {"env": {**ENVIRON, "LC_ALL": "C"}}),
        ([COMMAND, "--version"], {"env": None}),
        ([COMMAND, "--version"], {"start_new_session": True}),
        (f"{COMMAND} --version", {"shell": True}),
    ],
)
def test_what_only_a_new_interpreter_can_do_starts_one(words: Any, more: Any) -> None:
    with ForkedStart(words, **{"env": ENVIRON, "stdout": subprocess.DEVNULL, **more}) as process:
        process.kill()  # what it would do is of no interest
    assert process._ended is None


def test_a_new_interpreter_is_waited_for() -> None:
    environ = {**ENVIRON, "PYTHONUTF8": "0"}
    with ForkedStart([COMMAND, "--version"], env=environ, stdout=subprocess.PIPE) as process:
        assert process.communicate()[0]
    assert (process.returncode, process._ended) == (0, None)
