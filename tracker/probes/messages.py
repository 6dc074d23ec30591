"""Provider text made fit to show: one line, printable, secrets masked, at most 200 characters."""

from collections.abc import Callable

from tracker.reports import MESSAGE_LENGTH

Masking = Callable[[str], str]
"""Makes secrets in a text unreadable: a ``tracker.secret.Mask``, or whatever does the same."""

READ = 8192  # characters looked at: a hostile text is not worth more time
TAIL = 2048  # of a longer text's end is dropped: a key that READ cut in half hides no more


def printable(text: str, mask: Masking, *, length: int = MESSAGE_LENGTH) -> str:
    """The text as one line of at most ``length`` characters, safe to store and to show.

    Masked after control characters are gone (they could split a key) and before it is shortened
    (that could leave half a key that no mask knows).
    """
    line = mask("".join(c if c.isprintable() else " " for c in text[:READ]))
    if len(text) > READ:
        line = line[: READ - TAIL]
    return shortened(" ".join(line.split()), length)


def shortened(line: str, length: int = MESSAGE_LENGTH) -> str:
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
