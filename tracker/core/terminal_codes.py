"""Control sequences of terminals (ECMA-48), which text from providers may contain. Pure."""

import re

# CSI: colours and cursor moves; OSC: titles and links; all others are two characters long.
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")


def strip_terminal_codes(text: str) -> str:
    """Return the text without whole sequences: without their first character alone, the rest of
    each would be read, and could split a key into halves that no mask knows.
    """
    return _CODES.sub("", text) if "\x1b" in text else text
