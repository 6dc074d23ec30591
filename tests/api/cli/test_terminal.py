"""What reaches a terminal, a pipe, and a terminal that knows ASCII alone."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import pytest
from rich.text import Text

from api.cli.sheet import table
from api.cli.terminal import print_json, respect_locale, says_ascii, show


@pytest.fixture(params=["ascii", "cp1252", "utf-8"])
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(encoding: str, write: Callable[[], None]) -> str:
    """What is written to a standard output of this encoding."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    with redirect_stdout(stream):
        write()
    stream.flush()
    return raw.getvalue().decode(encoding)


def test_marks_are_ascii_where_the_terminal_has_no_others(encoding: str) -> None:
    shown = table("status", "why")
    shown.add_row("● healthy", "–")
    wanted = "● healthy  –" if encoding == "utf-8" else "* healthy  -"
    found = written(encoding, partial(show, {}, shown, as_json=False))
    assert found.splitlines()[1] == wanted


def test_a_text_that_cannot_be_shown_is_no_crash(encoding: str) -> None:
    text = Text("unerklärlich 失敗")
    assert written(encoding, partial(show, {}, text, as_json=False)).startswith("unerkl")


@pytest.mark.parametrize(
    ("environ", "ascii_alone"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "C", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({}, False),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, False),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, False),
    ],
)
def test_the_c_locale_asks_for_ascii(environ: dict[str, str], ascii_alone: bool) -> None:
    assert says_ascii(environ) is ascii_alone


def test_a_process_of_the_c_locale_writes_ascii_alone(tmp_path: Path) -> None:
    for arguments in (("providers",), ("--help",), ("no-such-command",), ("providers", "--json")):
        ran = subprocess.run(
            [sys.executable, "-c", "from api.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={"LC_ALL": "C", "COLUMNS": "80", "PATH": "/usr/bin"},
            capture_output=True,
            check=False,
        )
        assert (ran.stdout + ran.stderr).isascii(), arguments
        assert ran.stdout or ran.stderr


def test_no_line_ends_with_blanks(encoding: str) -> None:
    shown = table("provider", "limit", "why")
    shown.add_row("groq", "45.0 %", "a long reason")
    shown.add_row("mistral", "", "short")
    found = written(encoding, partial(show, {}, shown, as_json=False)).splitlines()
    assert len(found) == 3
    assert [line for line in found if line != line.rstrip()] == []


def test_json_keeps_every_character(encoding: str) -> None:
    assert json.loads(written(encoding, lambda: print_json({"why": "失敗 ●"}))) == {"why": "失敗 ●"}


@pytest.mark.parametrize(("locale", "encoding"), [("C", "ascii"), ("C.UTF-8", "utf-8")])
def test_both_streams_follow_the_locale(
    monkeypatch: pytest.MonkeyPatch, locale: str, encoding: str
) -> None:
    for name in ("PYTHONIOENCODING", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", locale)
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    respect_locale()
    assert [stream.encoding for stream in streams] == [encoding, encoding]


def test_a_stream_of_a_program_that_embeds_us_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    for name in ("PYTHONIOENCODING", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    respect_locale()
    assert sys.stdout is stream
