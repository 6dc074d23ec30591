"""A forked start of the command line behaves as one of a new interpreter, or is not taken."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command_line import COMMAND, serving
from tests.helpers.forked_start import COMMANDS, ForkedStart, NewInterpreter

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "COLD" in os.environ, reason="starts are forked on Linux only"
)
ENVIRON = {"PATH": os.defpath, "HOME": "/"}


@pytest.mark.parametrize("command", COMMANDS, ids=len)
@pytest.mark.parametrize("words", [["--version"], ["best"], ["nonsense"], ["config", "show"]])
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


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ([sys.executable, "-c", "print()"], {}),
        ([COMMAND, "--version"], {"env": {**ENVIRON, "PYTHONUTF8": "0"}}),
        ([COMMAND, "--version"], {"env": {**ENVIRON, "LC_ALL": "C"}}),
        ([COMMAND, "--version"], {"env": None}),
        ([COMMAND, "--version"], {"start_new_session": True}),
        (f"{COMMAND} --version", {"shell": True}),
    ],
)
def test_what_only_a_new_interpreter_can_do_starts_one(words: Any, more: Any) -> None:
    arguments = {"env": ENVIRON, "stdout": subprocess.PIPE, **more}
    with ForkedStart(words, **arguments) as process:
        assert process.communicate()[0]
    assert (process.returncode, process._ended) == (0, None)
