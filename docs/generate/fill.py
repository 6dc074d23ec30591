"""Fills the generated parts of the pages in place: ``make reference``.

A page asks for a part between two comments. What stands between them is made from the code; a
test says when it is no longer what the code gives.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.generate import PARTS

DOCS = Path(__file__).parents[1]
PART = re.compile(
    r"<!-- generated: (?P<name>\w+) \(make reference\) -->\n.*?<!-- end of \1 -->", re.DOTALL
)


def pages() -> Iterator[Path]:
    """Yield the pages that hold a generated part."""
    for page in sorted(DOCS.rglob("*.md")):
        if "_build" not in page.parts and PART.search(page.read_text(encoding="utf-8")):
            yield page


def fill(text: str) -> str:
    """Put what the code gives now into every generated part of a page."""
    return PART.sub(lambda asked: _frame(asked["name"]), text)


def _frame(name: str) -> str:
    return (
        f"<!-- generated: {name} (make reference) -->\n\n{PARTS[name]().strip()}\n\n"
        f"<!-- end of {name} -->"
    )


def main() -> int:
    sys.argv[0] = "provider-status"  # the command line's own pages take their name from here
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (filled := fill(text)) != text:
            page.write_text(filled, encoding="utf-8")
            print(f"{page.relative_to(DOCS)} renewed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
