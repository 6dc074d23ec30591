"""Tables on terminals of any width."""

from io import StringIO

import pytest
from rich.console import Console

from api.cli.sheet import Sheet, count_noun, duration, mark, table

WHY = "no connection to 127.0.0.1: refused; 48 failed checks in a row"


def printed(sheet: Sheet, width: int) -> list[str]:
    paper = StringIO()
    Console(width=width, file=paper).print(sheet)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def providers(name: str, why: str = WHY) -> Sheet:
    shown = table("provider", "status", "latency", "24 h up", "why", spare=("24 h up",))
    shown.add_row(name, mark("degraded"), "1,245 ms", "100.0 %", why)
    return shown


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize(
    "name", ["groq", "a-name-that-somebody-made-much-too-long-for-any-terminal"]
)
def test_statuses_and_numbers_are_whole_at_any_width(width: int, name: str) -> None:
    lines = printed(providers(name), width)
    assert "▲ degraded" in lines[1]
    assert "1,245 ms" in lines[1]
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_no_word_of_a_reason_is_lost(width: int) -> None:
    lines = printed(providers("groq"), width)
    assert sorted(" ".join(lines).split()).count("refused;") == 1
    assert all(word in " ".join(lines) for word in WHY.split())


def test_a_reason_is_below_the_row_if_its_column_would_be_too_narrow() -> None:
    assert printed(providers("groq", "last check ok in 245 ms"), 40)[2:] == [
        "  last check ok in 245 ms"
    ]


@pytest.mark.parametrize("bad", ["\x1b[31mred\x1b[0m", "a\u202eb", "two\nlines", "\x07bell"])
def test_control_sequences_are_not_written_to_the_terminal(bad: str) -> None:
    found = "\n".join(printed(providers(f"x{bad}", bad), 160))
    assert not set(bad) & set(found) & set("\x1b\u202e\x07")
    assert len(found.splitlines()) == 2


def test_markup_of_a_name_is_shown_as_it_is() -> None:
    assert "[bold]x[/bold]" in printed(providers("[bold]x[/bold]"), 160)[1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_one_is_not_in_the_plural() -> None:
    assert (count_noun(1, "provider"), count_noun(0, "provider")) == ("1 provider", "0 providers")
