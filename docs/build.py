"""Builds the site: ``python -m docs.build [--output FOLDER]``, or ``make docs``.

The pages of this folder are copied to docs/_build, and Sphinx makes HTML of them; any warning is an
error. The generated parts of the reference are in the pages already: ``make reference``.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

DOCS = Path(__file__).parent
BUILT = DOCS / "_build"
_LINK = re.compile(r"\[([^\]\n]+)\]\(((?:\.\./)+[^)\s#]+)[^)]*\)")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the documentation.")
    parser.add_argument("--output", type=Path, default=BUILT, help="folder to build in")
    folder = parser.parse_args().output
    pages, html = folder / "pages", folder / "html"
    stage(pages)
    for made in (html, folder / "doctrees"):
        shutil.rmtree(made, ignore_errors=True)  # a page that was taken out must not linger
    strict = ("-b", "html", "-W", "--keep-going", "-q", "-c", str(DOCS))
    status = build_main([*strict, "-d", str(folder / "doctrees"), str(pages), str(html)])
    if status == 0:
        print(f"the site is in {html}/index.html")
    return status


def stage(pages: Path) -> None:
    """Everything the site is made of, in a folder of its own."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(DOCS / "pictures", pages / "pictures")
    for source in DOCS.rglob("*.md"):
        if BUILT not in source.parents:
            target = pages / source.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(without_links_out(source), encoding="utf-8")


def without_links_out(source: Path) -> str:
    """The page's text; a link to a file that the site does not have keeps its words only."""

    def kept(link: re.Match[str]) -> str:
        target = (source.parent / link[2]).resolve()
        return link[0] if target.is_relative_to(DOCS.resolve()) else link[1]

    return _LINK.sub(kept, source.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
