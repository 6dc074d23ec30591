"""Control sequences leave a text whole, wherever they stand in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.terminal_codes import strip_terminal_codes

LINK, TITLE = "\x1b]8;;http://evil.example\x07", "\x1b]0;t\x1b\\"
CODES = ("\x1b[31m", "\x1b[0m", "\x1b[2J", LINK, TITLE, "\x1bc")


@pytest.mark.parametrize("code", CODES)
def test_a_control_sequence_is_removed_as_a_whole(code: str) -> None:
    assert strip_terminal_codes(f"sk-12{code}34") == "sk-1234"


@given(st.lists(st.sampled_from((*CODES, "word", " ", "é")), max_size=20))
def test_other_text_is_kept(parts: list[str]) -> None:
    words = "".join(part for part in parts if part not in CODES)
    assert strip_terminal_codes("".join(parts)) == words
