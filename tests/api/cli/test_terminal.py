"""What reaches a terminal, a pipe, and a terminal that knows ASCII alone."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial

import pytest
from rich.text import Text

from api.cli.sheet import table
from api.cli.terminal import print_json, show


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


def test_no_line_ends_with_blanks(encoding: str) -> None:
    shown = table("provider", "limit", "why")
    shown.add_row("groq", "45.0 %", "a long reason")
    shown.add_row("mistral", "", "short")
    found = written(encoding, partial(show, {}, shown, as_json=False)).splitlines()
    assert len(found) == 3
    assert [line for line in found if line != line.rstrip()] == []


def test_json_keeps_every_character(encoding: str) -> None:
    assert json.loads(written(encoding, lambda: print_json({"why": "失敗 ●"}))) == {"why": "失敗 ●"}
