"""A message shows any text of a provider as plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.alerts.plain_text import plain_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m alert", "red alert"),
        ("\x1b]8;;http://evil\x07click\x1b]8;;\x07", "click"),
        ("safe \u202egnp.exe", "safe gnp.exe"),
        ("<b>bold</b> <!channel> <http://evil|text>", "bold"),
        ("[click](http://evil) **now** `code`", "(click)(http://evil) now code"),
        ("@everyone look @here", "everyone look here"),
        ("two\r\nlines\ttabbed", "two lines tabbed"),
    ],
)
def test_markup_is_stripped(text: str, shown: str) -> None:
    assert plain_text(text) == shown


@given(st.text(), st.integers(1, 50))
def test_any_text_becomes_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    shown = plain_text(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert not set(shown) & set("<>`*[]\x1b\u202e")
