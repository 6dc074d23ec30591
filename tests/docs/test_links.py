"""Every link and file name in the documentation and in docstrings leads somewhere."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.document_runner import ROOT

LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s#]+)(?:#[^)\s]*)?\)")
FOREIGN = re.compile(r"\b[\w-]+/[\w.-]+ docs/")  # a page of somebody else's repository
OURS = r"(?:tracker|api|tests|property_tests|benchmarks|docs|deploy|integration|examples)"
NAMED = re.compile(rf"(?<![\w/.*-])(?P<path>{OURS}/[\w./-]*\w/?)(?!\w*[*{{(<])")
MADE = ("docs/_build",)  # by make, not in the repository


def kept(*endings: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *endings],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def unknown_names(text: str, *, made: bool = True) -> Iterator[str]:
    """Yield the paths that lead nowhere; ``made``: but for those that a reader of it makes."""
    by_reader = set(re.findall(r"<!-- file: (\S+) -->", text)) if made else set()
    for name in NAMED.finditer(FOREIGN.sub("", text)):
        path = name["path"].rstrip("./")
        if not ((ROOT / path).exists() or path in by_reader or path.startswith(MADE)):
            yield path


@pytest.mark.parametrize("page", kept("*.md"), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = (link["target"] for link in LINK.finditer(page.read_text(encoding="utf-8")))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", kept("*.md"), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert list(unknown_names(page.read_text(encoding="utf-8"))) == []


def test_every_file_that_a_docstring_names_exists() -> None:
    found = {
        f"{source.relative_to(ROOT)}: {name}"
        for source in kept("*.py")
        for text in docstrings(source)
        for name in unknown_names(text)
    }
    assert found == set()


def docstrings(source: Path) -> Iterator[str]:
    code = source.read_text(encoding="utf-8")
    if not any(unknown_names(re.sub(r"\\.", " ", code), made=False)):
        return  # to parse every file takes ten times as long
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_a_wrong_name_is_found() -> None:
    assert list(unknown_names("see tracker/nowhere.py, api/cli and docs/_build/html.")) == [
        "tracker/nowhere.py"
    ]
