"""The public Python names, with signatures and docstrings, read from the source."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import indent

import attrs

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Each public module with its names. None: what its __all__ says.
MODULES: dict[str, tuple[str, ...] | None] = {
    "tracker": None,
    "tracker.runtime.stored_records": ("StoredRecords",),
    "tracker.runtime.offer_queries": ("OfferQueries",),
    "tracker.runtime.incident_actions": ("IncidentActions",),
    "tracker.client": None,
    "tracker.ranking": None,
    "tracker.embedding": ("EmbeddedTracker", "embedded_tracker"),
    "tracker.testing": None,
}
LONGEST_LINE = 88  # of a signature, before each parameter gets a line


@attrs.frozen
class Name:
    """A public name with what defines it; node: None for a value."""

    name: str
    value: object
    node: ast.ClassDef | Function | None


def part() -> str:
    return "\n\n".join(module_section(name) for name in MODULES)


def module_section(module: str) -> str:
    """Write the section of one module: its docstring, then its names in alphabetical order."""
    text = [f"## `{module}`", markdown(inspect.getdoc(import_module(module)) or "")]
    text += [entry(name) for name in public_names(module)]
    return "\n\n".join(filter(None, text))


def public_names(module: str) -> Iterator[Name]:
    home = import_module(module)
    for name in sorted(MODULES[module] or home.__all__, key=str.casefold):
        value = getattr(home, name)
        yield Name(name, value, find_node(value, name))


def find_node(value: object, name: str) -> ast.ClassDef | Function | None:
    """Find the definition of a class or function; None for a plain value."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return None
    tree = parse(inspect.getsourcefile(inspect.unwrap(value)) or "")
    found = (node for node in tree.body if getattr(node, "name", None) == name)
    return next((n for n in found if isinstance(n, ast.ClassDef | Function)), None)


@cache
def parse(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def entry(name: Name) -> str:
    """Write one name: its signature, its docstring, and of a class its public members."""
    if name.node is None:
        return f"### `{name.name}`\n\n{plain_value(name.value)}"
    text = [f"### `{name.name}`"]
    if isinstance(name.node, ast.ClassDef):
        members = [member(node) for node in public_members(name.node)]
        text += [fenced(class_signature(name.node)), docstring(name.node), *members]
    else:
        text += [fenced(signature(name.node)), docstring(name.node)]
    return "\n\n".join(filter(None, text))


def plain_value(value: object) -> str:
    """Write a constant; of a mapping its keys, since functions have no stable text."""
    if isinstance(value, Mapping):
        return "A mapping with the keys " + ", ".join(f"`{key}`" for key in value) + "."
    return f"`{value!r}`"


def public_members(node: ast.ClassDef) -> Iterator[Function]:
    for child in node.body:
        decorators = [ast.unparse(each) for each in getattr(child, "decorator_list", ())]
        is_setter = any(each.endswith(".setter") for each in decorators)
        if isinstance(child, Function) and not child.name.startswith("_") and not is_setter:
            yield child


def member(node: Function) -> str:
    """Write a method or property as an item of a list, its docstring below it."""
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    shown = signature(node, method=True, longest=None)
    if decorators & {"property", "cached_property"}:
        shown = shown.replace("()", "", 1)
    text = [f"- `{shown}`", indent(docstring(node), "  ")]
    return "\n\n".join(filter(None, text))


def class_signature(node: ast.ClassDef) -> str:
    """Return how an instance is made: by __init__, or by the fields of an attrs class."""
    for child in node.body:
        if isinstance(child, Function) and child.name == "__init__":
            return signature(child, method=True, name=node.name).removesuffix(" -> None")
    bases = ", ".join(map(ast.unparse, node.bases))
    head = f"class {node.name}({bases})" if bases else f"class {node.name}"
    return "\n".join([head, *(f"    {ast.unparse(field)}" for field in fields(node))])


def fields(node: ast.ClassDef) -> Iterator[ast.stmt]:
    """Yield the public fields and members of an enumeration."""
    for child in node.body:
        targets = child.targets if isinstance(child, ast.Assign) else [getattr(child, "target", 0)]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if names and not names[0].startswith("_"):
            yield child


def signature(
    node: Function, *, method: bool = False, name: str = "", longest: int | None = LONGEST_LINE
) -> str:
    """Return a signature as the source has it, on one line where it fits (always with None)."""
    arguments = ast.parse(ast.unparse(node)).body[0].args  # type: ignore[attr-defined]
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    if method and "staticmethod" not in decorators:
        (arguments.posonlyargs or arguments.args).pop(0)
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    head, given = f"{kind}{name or node.name}", ast.unparse(arguments)
    line = f"{head}({given}){returns}"
    if longest is None or len(line) <= longest or not given:
        return line
    lines = "".join(f"    {each},\n" for each in split_arguments(given))
    return f"{head}(\n{lines}){returns}"


def split_arguments(given: str) -> Iterator[str]:
    """Split at the commas that stand in no bracket and no text."""
    depth, start, quote = 0, 0, ""
    for place, character in enumerate(given):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and not depth:
            yield given[start:place].strip()
            start = place + 1
    yield given[start:].strip()


def docstring(node: ast.ClassDef | Function) -> str:
    return markdown(ast.get_docstring(node) or "", known_words(node))


def known_words(node: ast.ClassDef | Function) -> frozenset[str]:
    """Return what a docstring may explain as "word: what it is": parameters and fields."""
    words = {child.arg for child in ast.walk(node) if isinstance(child, ast.arg)}
    words |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return frozenset(words)


def markdown(text: str, words: frozenset[str] = frozenset()) -> str:
    """Turn a docstring into Markdown: code in single ticks, each parameter marked as code."""
    text = re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)
    text = re.sub(r"^(Args|Returns|Raises):$", r"**\1:**\n", text, flags=re.MULTILINE)
    text = re.sub(r"^ {4}(?=\w+: )", "- ", text, flags=re.MULTILINE)
    text = re.sub(r"^ {6,}(?=\S)", "  ", text, flags=re.MULTILINE)
    return re.sub(r"(?<![\w`.])(\w+)(?=:\s)", lambda found: code_if(found[1], words), text)


def code_if(word: str, words: frozenset[str]) -> str:
    return f"`{word}`" if word in words else word


def fenced(text: str) -> str:
    return f"```text\n{text}\n```"
