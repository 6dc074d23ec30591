"""The docstrings of tracker/ and api/: which share of the public functions has one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
DOCUMENTED = 0.95  # of all public functions and methods; the name and types of the others say it
LEAST_WORDS = 3  # shorter ones repeat the name

Function = ast.FunctionDef | ast.AsyncFunctionDef


@attrs.frozen
class Public:
    """A public function, or a method of a public class."""

    name: str
    node: Function

    @property
    def words(self) -> int:
        return len((ast.get_docstring(self.node) or "").split())


def public_functions(path: Path) -> Iterator[Public]:
    """Yield what a module and its public classes offer; not what is inside a function."""

    def walk(body: list[ast.stmt], owner: str) -> Iterator[Public]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from walk(node.body, f"{owner}{node.name}.")
            elif isinstance(node, Function) and not node.name.startswith("_"):
                yield Public(f"{owner}{node.name}", node)

    yield from walk(ast.parse(path.read_text()).body, f"{path.relative_to(ROOT)} ")


def every_public_function() -> list[Public]:
    files = [path for package in ("tracker", "api") for path in (ROOT / package).rglob("*.py")]
    return [each for path in sorted(files) for each in public_functions(path)]


def test_nearly_every_public_function_of_tracker_and_api_has_a_docstring() -> None:
    every = every_public_function()
    bare = [each.name for each in every if not each.words]
    assert len(bare) <= (1.0 - DOCUMENTED) * len(every), bare


def test_no_docstring_is_only_the_name_again() -> None:
    said = [each for each in every_public_function() if each.words]
    assert [each.name for each in said if each.words < LEAST_WORDS] == []
