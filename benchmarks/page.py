"""Puts what a benchmark printed into its part of a page, between two comments that name it."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path


class _Echo(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text: str) -> int:
        if sys.__stdout__ is not None:
            sys.__stdout__.write(text)
        return super().write(text)


@contextmanager
def heard() -> Iterator[io.StringIO]:
    """Collect what is printed within the block."""
    echo = _Echo()
    with redirect_stdout(echo):
        yield echo


def has_part(page: Path, name: str) -> bool:
    """Return whether a page shows what this benchmark prints."""
    return f"<!-- printed by the benchmark {name} -->\n" in page.read_text(encoding="utf-8")


def fill(page: Path, name: str, text: str) -> None:
    """Fill a part of a page. Raises ValueError if the page has no such part."""
    begin, end = f"<!-- printed by the benchmark {name} -->\n", f"<!-- end of {name} -->"
    part = f"{begin}```text\n{text.rstrip()}\n```\n{end}"
    content = page.read_text(encoding="utf-8")
    pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
    filled, found = re.subn(pattern, lambda _: part, content, flags=re.DOTALL)
    if not found:
        raise ValueError(f"{page} has no part for what {name} prints")
    page.write_text(filled, encoding="utf-8")
