"""Output as wide as the terminal, in its character set, without trailing blanks."""

import io
import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, NoReturn, TextIO

import msgspec
from rich.console import Console, RenderableType

PIPED = 200  # columns for grep and awk: nearly always one line per row
# The only non-ASCII characters we write ourselves; a provider's text may have others.
ASCII = str.maketrans(
    {"●": "*", "▲": "!", "■": "x", "○": "o", "–": "-", "…": ">", "—": "-", "→": ">", "·": "-"}
    | {"“": '"', "”": '"', "‘": "'", "’": "'", "±": "~", "×": "x", "≤": "<", "≥": ">"}
)
_TRAILING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)


def says_ascii(environ: Mapping[str, str]) -> bool:
    """Return whether the locale asks for ASCII only, by LC_ALL=C and the like.

    Python writes UTF-8 in the C locale. No locale at all, as in most containers, asks for nothing.
    """
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8") == "1":
        return False
    named = (environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next((value for value in named if value), "") in {"C", "POSIX"}


def respect_locale() -> None:
    """Write ASCII alone where the locale says so: tables, boxes and JSON look at the encoding."""
    if says_ascii(os.environ):
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="ascii", errors="replace")


class Terminal:
    """A text stream that removes what its reader cannot show."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.plain = not _has("●▲■○–…", stream.encoding)

    def write(self, text: str) -> int:
        """Write without trailing blanks, as ASCII on a plain terminal; return the characters."""
        text = _TRAILING.sub(r"\1", text)
        if self.plain:
            encoding = self._stream.encoding or "ascii"
            text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # `| head` has read enough: not an error


def console() -> Console:
    """Return a console as wide as the terminal; a pipe has no width of its own."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    stream: Any = Terminal(sys.stdout)
    return _Console(width=PIPED if piped else None, file=stream)


def show(document: Any, shown: RenderableType, *, as_json: bool) -> None:
    """Print one of the two on stdout."""
    if as_json:
        print_json(document)
    else:
        console().print(shown)


def print_json(document: Any) -> None:
    """Print indented JSON, escaped where the terminal lacks a character."""
    text = msgspec.json.format(msgspec.json.encode(document)).decode()
    if not _has(text, sys.stdout.encoding):
        text = json.dumps(json.loads(text), indent=2)
    print(text)  # noqa: T201 (a command's own output)


def _has(text: str, encoding: str | None) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
