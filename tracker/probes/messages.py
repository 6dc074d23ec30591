"""Making provider text safe to show: one printable line, secrets masked, up to 200 characters."""

from collections.abc import Callable, Iterable

from tracker.core.outcomes import MESSAGE_LENGTH
from tracker.core.redaction import SHORTEST, Secret
from tracker.core.terminal_codes import strip_terminal_codes

Masking = Callable[[str], str]
"""Masks secrets in a text, as ``tracker.core.redaction.Mask`` does."""

READ = 8192  # characters read: a hostile text is not worth more time
TAIL = 2048  # characters dropped at the end of a longer text: they may be half a key
BEGINNING = 16  # letters and digits that identify a key and no other word


def printable(text: str, mask: Masking, *, length: int = MESSAGE_LENGTH) -> str:
    """Return the text as one line of at most ``length`` characters, safe to store and to show.

    Masked before it is shortened: that could leave half a key that no mask knows.
    """
    line = _mask_line(strip_terminal_codes(text[:READ]), mask)
    if len(text) > READ:
        line = line[:-TAIL]
    return shorten(" ".join(line.split()), length)


def _mask_line(text: str, mask: Masking) -> str:
    """Replace what is not printable by blanks; or remove it, where that hides more: split keys."""
    if text.isprintable():
        return mask(text)
    spaced = mask("".join(c if c.isprintable() else " " for c in text))
    joined = mask("".join(filter(str.isprintable, text)))
    return min(spaced, joined, key=lambda line: len(line.replace(" ", "")))


def revealing(names: Iterable[str], secrets: Iterable[Secret]) -> set[str]:
    """Return the names in which a key begins, be it in lower case, with other signs, or cut."""
    known = [_bare(secret.reveal())[:BEGINNING] for secret in secrets]
    parts = [part for part in known if len(part) >= SHORTEST]
    return {name for name in names if any(part in _bare(name) for part in parts)}


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def shorten(line: str, length: int = MESSAGE_LENGTH) -> str:
    """Cut a line to ``length`` characters, the last of them an ellipsis."""
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
