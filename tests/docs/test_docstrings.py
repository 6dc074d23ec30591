"""The docstrings of tracker/ and api/: how many functions have one, and how they read."""

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
DOCUMENTED = 0.95  # of all public functions and methods; the name and types of the others say it
LEAST_WORDS = 3  # shorter ones repeat the name
# A function's docstring opens with a verb in the imperative (STYLE). ruff's D401 knows the verbs in
# a wrong form; these words open a fragment that it does not know.
FRAGMENTS = """
    a after all also always an and any anybody as at because before between but by each either
    every everybody everything for from half how however if in into it its nobody none not
    nothing of on once one only or our out over seconds since some somebody something such than
    that the their then there these they this those though to two under until what whatever when
    where whether which while who whoever whole whose why with within without
""".split()  # noqa: SIM905 (words read best so)
UNCLEAR = frozenset(("whoever", "whom", "whomever", "whosoever"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


@attrs.frozen
class Public:
    """A public function, or a method of a public class."""

    name: str
    node: Function

    @property
    def words(self) -> int:
        return len((ast.get_docstring(self.node) or "").split())


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def public_functions(path: Path) -> Iterator[Public]:
    """Yield what a module and its public classes offer; not what is inside a function."""

    def walk(body: list[ast.stmt], owner: str) -> Iterator[Public]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from walk(node.body, f"{owner}{node.name}.")
            elif isinstance(node, Function) and not node.name.startswith("_"):
                yield Public(f"{owner}{node.name}", node)

    yield from walk(parsed(path).body, f"{path.relative_to(ROOT)} ")


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


@cache
def every_function() -> tuple[tuple[str, Function], ...]:
    return tuple(
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for package in ("tracker", "api")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, Function)
    )


def is_property(node: Function) -> bool:
    return any("property" in ast.unparse(each) for each in node.decorator_list)


def test_every_docstring_of_a_function_opens_with_a_verb() -> None:
    fragments = [
        f"{where}: {text.splitlines()[0]}"
        for where, node in every_function()
        if (text := ast.get_docstring(node)) and not is_property(node)
        if text.split()[0].strip(",.:;").lower() in FRAGMENTS or not text[0].isupper()
    ]
    assert fragments == []


def test_no_docstring_uses_words_that_hide_who_acts() -> None:
    unclear = [
        f"{where}: {text.splitlines()[0]}"
        for where, node in every_function()
        if UNCLEAR & set((text := ast.get_docstring(node) or "").lower().split())
    ]
    assert unclear == []


def test_every_error_that_a_docstring_names_exists() -> None:
    named, known = {}, set(dir(builtins))
    for package in ("tracker", "api"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = parsed(path)
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef | ast.Module | Function):
                    text = ast.get_docstring(node) or ""
                    named |= dict.fromkeys(re.findall(r"(?<!\.)\b[A-Z]\w+Error\b", text), path.name)
                if isinstance(node, ast.ClassDef):
                    known.add(node.name)
                elif isinstance(node, ast.alias):  # another library's, imported where it is named
                    known.add(node.asname or node.name)
    assert {name: path for name, path in named.items() if name not in known} == {}
