"""The reference of Python names: what stands there is public, whole and said in words."""

import ast
from importlib import import_module

import pytest

from docs.generate.python_names import (
    MODULES,
    markdown,
    module_section,
    public_members,
    public_names,
    signature,
)

# The share that the project keeps; a name may say it all.
PLAIN = 0.95


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_a_module_has_its_entry(module: str) -> None:
    section = module_section(module)
    names = MODULES[module] or import_module(module).__all__
    assert [name for name in names if f"### `{name}`" not in section] == []


def test_nearly_every_public_class_function_and_method_has_a_docstring() -> None:
    nodes = [n.node for module in MODULES for n in public_names(module) if n.node is not None]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    every = [*nodes, *(member for node in classes for member in public_members(node))]
    bare = [node.name for node in every if not ast.get_docstring(node)]
    assert len(bare) <= (1.0 - PLAIN) * len(every), bare


def test_no_entry_depends_on_the_process_that_made_it() -> None:
    text = "".join(map(module_section, MODULES))
    assert " at 0x" not in text
    assert "<function" not in text


def node_of(source: str) -> ast.FunctionDef:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    return node


def test_a_method_is_shown_as_it_is_called() -> None:
    node = node_of("def best(self, among: int, *, model: str | None = None) -> str: ...")
    shown = signature(node, method=True)
    assert shown == "best(among: int, *, model: str | None=None) -> str"


def test_a_long_signature_has_a_line_for_each_parameter_and_cuts_no_type() -> None:
    node = node_of("def ask(first: dict[str, int], second: str = ',') -> None: ...")
    assert signature(node, longest=10) == (
        "ask(\n    first: dict[str, int],\n    second: str=',',\n) -> None"
    )


def test_only_what_is_a_parameter_is_marked_as_one() -> None:
    text = "url: where it is. Raises: nothing. In short: ``this``."
    assert markdown(text, frozenset({"url"})) == (
        "`url`: where it is. Raises: nothing. In short: `this`."
    )
